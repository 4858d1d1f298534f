//! `clawcheck releases`: lists the changes in each release.

use crate::cli::help::OUTPUT;
use crate::cli::terminal::console;
use crate::cli::terminal::table::{cell, table};
use crate::cli::{CommandError, exit};
use crate::output_format::OutputFormat;
use openclaw_model::releases::{self, KNOWN};
use openclaw_model::{Change, Facts, KnownRelease, Release};
use serde_json::json;
use std::io::Write as _;
use std::str::FromStr;

/// Print the changes in each release, and their sources
///
/// clawcheck expects a release between two known releases to answer like the older one.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::RELEASES.after("\
Examples:
  clawcheck releases 2026.4.2
  clawcheck releases 2026.3.28..2026.4.2"))]
pub(crate) struct Releases {
    /// Releases to print, or A..B for the changes after A up to and including B [default: all releases]
    ///
    /// For a release that is not known, `releases` prints the known release before it.
    #[arg(value_name = "RELEASE|A..B")]
    only: Vec<ReleaseQuery>,
    /// Output format
    #[arg(long, value_enum, default_value_t, help_heading = OUTPUT)]
    format: OutputFormat,
}

/// `2026.4.2`, or `2026.3.28..2026.4.2`.
#[derive(Debug, Clone, Copy)]
enum ReleaseQuery {
    One(Release),
    /// The changes between two releases.
    Upgrade(Release, Release),
}

impl FromStr for ReleaseQuery {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let release = |text: &str| text.parse::<Release>().map_err(|error| error.to_string());
        let Some((from, to)) = text.split_once("..") else { return release(text).map(Self::One) };
        match (release(from)?, release(to)?) {
            (from, to) if from < to => Ok(Self::Upgrade(from, to)),
            (from, to) => Err(format!("{from} is not older than {to}; write the older release first")),
        }
    }
}

impl ReleaseQuery {
    /// The releases that the argument selects.
    fn releases(self) -> Vec<Release> {
        match self {
            Self::One(release) => vec![release],
            Self::Upgrade(from, to) => KNOWN
                .iter()
                .map(|known| known.release)
                .filter(|release| (from..=to).contains(release) && *release != from)
                .collect(),
        }
    }
}

impl Releases {
    pub(crate) fn run(self) -> Result<u8, CommandError> {
        let mut wanted = Vec::new();
        let mut notes = Vec::new();
        for query in &self.only {
            if let ReleaseQuery::Upgrade(from, to) = query
                && query.releases().is_empty()
            {
                let newest = KNOWN.last().map_or(*from, |known| known.release);
                notes.push(match *to > newest {
                    true => format!("{to} is not known: clawcheck has no changes after {newest}\n"),
                    false => format!("no change between {from} and {to} is known\n"),
                });
            }
        }
        for release in &self.only.iter().flat_map(|query| query.releases()).collect::<Vec<_>>() {
            let described = Facts::of(*release)
                .map_err(|error| CommandError::usage(miette::Report::msg(error.to_string())))?
                .described();
            match KNOWN.iter().find(|known| known.release == *release) {
                Some(known) => {
                    wanted.push(*release);
                    notes.extend(known.missing.map(|missing| format!("{release}: {missing}\n")));
                }
                None => {
                    wanted.push(described);
                    notes.push(format!("{release} has no rules of its own; it uses the rules of {described}\n"));
                }
            }
        }
        let shown = |known: &&KnownRelease| self.only.is_empty() || wanted.contains(&known.release);
        let releases = KNOWN.iter().filter(shown).collect::<Vec<_>>();
        let text = match self.format {
            OutputFormat::Json => json(&releases),
            _ if releases.is_empty() => notes.concat(),
            format => notes.concat() + &history(&releases, format),
        };
        console::stdout().write_all(text.as_bytes()).map_err(CommandError::output)?;
        Ok(exit::OK)
    }
}

fn history(releases: &[&KnownRelease], format: OutputFormat) -> String {
    let mut table = table(format, ["release", "not yet in", "what changed", "known by"]);
    for known in releases {
        let release = known.release;
        let Some(before) = releases::before(release) else {
            let what = "the oldest known release; the other releases are described by their changes to it".to_owned();
            table.add_row([release.to_string(), String::new(), what, String::new()]);
            continue;
        };
        for (index, change) in known.changes.iter().enumerate() {
            let name = if index == 0 { release.to_string() } else { String::new() };
            let sources = change.sources.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            table.add_row([name, before.to_string(), cell(format, change.what), cell(format, &sources)]);
        }
    }
    format!("{table}\n")
}

fn json(releases: &[&KnownRelease]) -> String {
    let release = |known: &&KnownRelease| {
        let before = releases::before(known.release).map(|before| before.to_string());
        let change = |change: &Change| {
            let sources = change.sources.iter().map(ToString::to_string).collect::<Vec<_>>();
            let links = change.sources.iter().filter_map(|source| source.url(known.release)).collect::<Vec<_>>();
            json!({ "what": change.what, "not_yet": before, "sources": sources, "links": links })
        };
        json!({ "release": known.release.to_string(), "changes": known.changes.iter().map(change).collect::<Vec<_>>() })
    };
    // The release that `embedded` emulates if the user names none.
    let default = releases::DEFAULT.to_string();
    let releases = releases.iter().map(release).collect::<Vec<_>>();
    format!("{:#}\n", json!({ "schema": 1, "default": default, "releases": releases }))
}
