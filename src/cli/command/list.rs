//! `clawcheck list`: which cases are there?

use crate::cli::selection::{Named, SelectionOptions};
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit};
use crate::scenario::Case;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write as _;
use untrusted_data::printable::{self, line};

/// List the ids and titles of cases
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Scenario files, folders or ids of cases [default: the built-in scenarios]
    #[arg(value_name = "PATH|ID")]
    what: Vec<String>,
    #[command(flatten)]
    selection: SelectionOptions,
    /// Format of the list
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Format {
    /// One line for each case
    #[default]
    Plain,
    /// One JSON document
    Json,
}

impl List {
    pub(crate) fn run(self) -> Result<u8, CommandError> {
        let named = Named::of(&self.what);
        // A list starts nothing, so no scenario needs trust.
        let corpus = crate::cli::corpus(&named.paths, true)?;
        let cases = named.select(&corpus, &self.selection, &|_| None)?;
        let text = match self.format {
            Format::Plain => plain(&cases),
            Format::Json => {
                let document = json!({ "schema": 1, "cases": cases.iter().copied().map(describe).collect::<Vec<_>>() });
                printable::json(&format!("{document:#}\n")).into_owned()
            }
        };
        console::stdout().write_all(text.as_bytes()).map_err(CommandError::output)?;
        Ok(exit::OK)
    }
}

fn plain(cases: &[&Case]) -> String {
    let width = cases.iter().map(|case| line(&case.id).len()).max().unwrap_or_default();
    cases.iter().map(|case| format!("{:width$}  {}\n", line(&case.id), line(case.title()))).collect()
}

fn describe(case: &Case) -> Value {
    json!({
        "id": case.id,
        "family": case.family,
        "name": case.name,
        "point": case.point,
        "title": case.title(),
        "about": case.scenario.about,
        "links": case.scenario.links.iter().map(|link| link.value.as_str()).collect::<Vec<_>>(),
        "tags": case.tags().collect::<Vec<_>>(),
        "requirements": case.requirements().collect::<BTreeSet<_>>(),
        "releases": case.releases().map(ToString::to_string),
        "needs": case.needs().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "file": case.source.path.display().to_string(),
    })
}
