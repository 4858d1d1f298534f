//! `clawcheck schema`: the JSON Schemas of scenario files and reports.

use crate::cli::terminal::console;
use crate::cli::{Failure, exit};
use crate::report::json;
use crate::scenario::schema;
use std::io::Write as _;

/// Print a JSON Schema: of scenario files, or of reports
///
/// Editors use the schema of scenario files for completion and descriptions. Programs can use the schema of reports to validate
/// what `clawcheck run --report json=FILE` writes.
#[derive(Debug, clap::Args)]
pub(crate) struct Schema {
    /// What the schema describes
    #[arg(value_enum, value_name = "WHAT", default_value_t)]
    of: Of,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Of {
    /// Scenario files
    #[default]
    Scenario,
    /// Reports of `run --report json=FILE`
    Report,
}

impl Schema {
    pub(crate) fn run(self) -> Result<u8, Failure> {
        let text = match self.of {
            Of::Scenario => schema::text(),
            Of::Report => json::SCHEMA_TEXT.to_owned(),
        };
        console::stdout().write_all(text.as_bytes()).map_err(Failure::output)?;
        Ok(exit::OK)
    }
}
