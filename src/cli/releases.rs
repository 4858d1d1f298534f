//! `clawcheck releases`: what changed when?

use super::table::{Format, cell, table};
use super::{Failure, console, exit};
use openclaw_model::history::IN_PART;
use openclaw_model::{CHANGES, Change, Release, Rules, known_releases};
use serde_json::json;
use std::io::Write as _;
use std::str::FromStr;

/// Print the history of the rules: the changes in each release and their sources
#[derive(Debug, clap::Args)]
#[command(after_help = "A release between two known releases is expected to answer like the older one.")]
pub(super) struct Releases {
    /// Print only these releases; an unknown release counts as the known release before it. A..B: all changes after A, up to
    /// and including B
    #[arg(value_name = "RELEASE|A..B")]
    only: Vec<Asked>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// `2026.4.2`, or `2026.3.28..2026.4.2`.
#[derive(Debug, Clone, Copy)]
enum Asked {
    One(Release),
    /// What changes for those who go from the first to the second.
    Upgrade(Release, Release),
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let release = |text: &str| text.parse::<Release>().map_err(|error| error.to_string());
        let Some((from, to)) = text.split_once("..") else { return release(text).map(Self::One) };
        match (release(from)?, release(to)?) {
            (from, to) if from < to => Ok(Self::Upgrade(from, to)),
            (from, to) => Err(format!("{from} is not older than {to}: an upgrade goes from the older to the newer")),
        }
    }
}

impl Asked {
    /// The releases that are meant, as far as they are known or must be.
    fn releases(self) -> Vec<Release> {
        match self {
            Self::One(release) => vec![release],
            Self::Upgrade(from, to) => known_releases()
                .iter()
                .copied()
                .filter(|release| (from..=to).contains(release) && *release != from)
                .collect(),
        }
    }
}

impl Releases {
    pub(super) fn run(self) -> Result<u8, Failure> {
        let mut wanted = Vec::new();
        let mut notes = Vec::new();
        for asked in &self.only {
            if let Asked::Upgrade(from, to) = asked
                && asked.releases().is_empty()
            {
                notes.push(format!("{from} and {to} answer the same, as far as is known\n"));
            }
        }
        for release in &self.only.iter().flat_map(|asked| asked.releases()).collect::<Vec<_>>() {
            let known = Rules::of(*release).map_err(|error| Failure::usage(miette::Report::msg(error.to_string())))?;
            if let Some(missing) = known.missing() {
                notes.push(format!("{}: {missing}\n", known.described()));
            } else if known.described() != *release {
                notes.push(format!("{release} is not known of its own: it answers as {}\n", known.described()));
            }
            wanted.push(known.described());
        }
        let shown = |release: &Release| self.only.is_empty() || wanted.contains(release);
        let in_part = IN_PART.iter().map(|(release, _)| *release).filter(|release| wanted.contains(release));
        let releases = known_releases().iter().copied().filter(shown).chain(in_part).collect::<Vec<_>>();
        let text = match self.format {
            Format::Json => json(&releases),
            _ if releases.is_empty() => notes.concat(),
            format => notes.concat() + &history(&releases, format),
        };
        console::stdout().write_all(text.as_bytes()).map_err(Failure::output)?;
        Ok(exit::OK)
    }
}

fn of(release: Release) -> impl Iterator<Item = &'static Change> {
    CHANGES.iter().copied().filter(move |change| change.seen == release)
}

fn history(releases: &[Release], format: Format) -> String {
    let mut table = table(format, ["release", "not yet in", "what changed", "known by"]);
    for release in releases {
        let mut named = false;
        for change in of(*release) {
            let name = if named { String::new() } else { release.to_string() };
            named = true;
            let sources = change.sources.join("\n");
            table.add_row([name, change.not_yet.to_string(), cell(format, change.what), cell(format, &sources)]);
        }
        if !named {
            let what = if *release == known_releases()[0] {
                "the oldest release that is known: the ground that all changes build on"
            } else {
                "nothing that is known"
            };
            table.add_row([release.to_string(), String::new(), what.to_owned(), String::new()]);
        }
    }
    format!("{table}\n")
}

fn json(releases: &[Release]) -> String {
    let release = |release: &Release| {
        let change = |change: &Change| json!({ "what": change.what, "not_yet": change.not_yet.to_string(), "sources": change.sources });
        json!({ "release": release.to_string(), "changes": of(*release).map(change).collect::<Vec<_>>() })
    };
    format!("{:#}\n", json!({ "schema": 1, "releases": releases.iter().map(release).collect::<Vec<_>>() }))
}
