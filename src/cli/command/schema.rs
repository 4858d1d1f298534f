//! `clawcheck schema`: the JSON Schemas of scenario files, gateway descriptions, reports and lists of known deviations.

use crate::cli::terminal::console;
use crate::cli::{CommandError, exit};
use crate::gateway::description_schema;
use crate::known;
use crate::report::json;
use crate::scenario::schema;
use std::io::Write as _;

/// Print a JSON Schema of scenario files, gateway descriptions, reports or lists of known deviations
///
/// Editors use the schemas of scenario files, gateway descriptions and lists for completion and descriptions. Programs
/// can use the schema of reports to validate what `clawcheck run --report json=FILE` writes.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::SCHEMA.after("\
Examples:
  clawcheck schema > scenario.json
  clawcheck schema gateway > gateway.json"))]
pub(crate) struct Schema {
    /// What the schema describes
    #[arg(value_enum, value_name = "WHAT", default_value_t)]
    of: SchemaKind,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum SchemaKind {
    /// Scenario files
    #[default]
    Scenario,
    /// Gateway descriptions
    Gateway,
    /// Reports of `run --report json=FILE`
    Report,
    /// Lists of known deviations
    Known,
}

impl Schema {
    pub(crate) fn run(self) -> Result<u8, CommandError> {
        let text = match self.of {
            SchemaKind::Scenario => schema::text(),
            SchemaKind::Gateway => description_schema::text(),
            SchemaKind::Report => json::SCHEMA_TEXT.to_owned(),
            SchemaKind::Known => known::schema(),
        };
        console::stdout().write_all(text.as_bytes()).map_err(CommandError::output)?;
        Ok(exit::OK)
    }
}
