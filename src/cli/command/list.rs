//! `clawcheck list`: which cases are there?

use crate::cli::terminal::console;
use crate::cli::{Failure, exit};
use crate::scenario::{Case, Corpus, Filter};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use untrusted_data::printable::{self, line};

/// List the ids and titles of cases
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Scenario files and folders [default: the built-in scenarios]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// List only cases whose id equals, contains or matches EXPR (repeatable)
    #[arg(long, short, value_name = "EXPR")]
    filter: Vec<Filter>,
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
    pub(crate) fn run(self) -> Result<u8, Failure> {
        let corpus = if self.paths.is_empty() { Corpus::embedded() } else { Corpus::trusting(&self.paths) };
        let corpus = corpus.map_err(Failure::usage)?;
        let cases = corpus.select(&self.filter);
        if cases.is_empty() {
            let filters: Vec<_> = self.filter.iter().map(|filter| format!("`{}`", filter.as_str())).collect();
            return Err(Failure::nothing(miette::Report::msg(match filters.as_slice() {
                [] => "the scenarios contain no cases".to_owned(),
                _ => format!("no case matches {}", filters.join(" or ")),
            })));
        }
        let text = match self.format {
            Format::Plain => plain(&cases),
            Format::Json => {
                let document = json!({ "schema": 1, "cases": cases.iter().copied().map(describe).collect::<Vec<_>>() });
                printable::json(&format!("{document:#}\n")).into_owned()
            }
        };
        console::stdout().write_all(text.as_bytes()).map_err(Failure::output)?;
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
        "releases": case.releases().map(ToString::to_string),
        "needs": case.needs().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "file": case.source.path.display().to_string(),
    })
}
