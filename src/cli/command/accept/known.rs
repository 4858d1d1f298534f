//! `clawcheck accept --known`: adds what a run showed to a list of known deviations.

use crate::cli::options::known::missing;
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit};
use crate::counted::counted;
use crate::enumeration::enumeration;
use crate::judge::{Difference, Level, Verdict};
use crate::known::{self, Date, Observed, Pruned};
use crate::scenario::{Filter, lint};
use serde::Deserialize;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use untrusted_data::atomic_file;
use untrusted_data::plain_file::{self, Links};
use untrusted_data::printable::line;

/// The maximum size of a report, in bytes.
const MAX_REPORT_SIZE: u64 = 256 << 20;

/// The options that write a list of known deviations.
#[derive(Debug, clap::Args)]
pub(super) struct KnownOptions {
    /// Add the deviations of a run to this list of known deviations, instead of approving observations
    ///
    /// The deviations are those in the report of the run (--report). `accept` does not change existing entries and
    /// comments. It adds cases with the verdict `error` only if an ID selects them.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["snapshots", "gateway"])]
    known: Option<PathBuf>,
    /// With --known: JSON report of the run, or - for standard input
    #[arg(long = "report", id = "from", value_name = "FILE", requires = "known")]
    report: Option<PathBuf>,
    /// With --known: why the deviations are accepted
    #[arg(long, value_name = "TEXT", requires = "known")]
    reason: Option<String>,
    /// With --known: the issue or page where the deviations are tracked: https://... or OWNER/REPOSITORY#NUMBER
    #[arg(long, value_name = "LINK", requires = "known", value_parser = link)]
    link: Option<String>,
    /// With --known: remove deviations that no longer occur, instead of adding deviations
    ///
    /// `accept` removes the entries and ids whose cases were played without the deviation, and the digests of cases without
    /// an entry. Entries that the run did not test, flaky entries and exclusions stay.
    #[arg(long, requires = "known", conflicts_with_all = ["reason", "link", "cases", "all"])]
    prune: bool,
}

/// Parses a link. Its form is that of the links of scenarios.
fn link(text: &str) -> Result<String, String> {
    match lint::is_link(text) {
        true => Ok(text.to_owned()),
        false => Err("expected https://... or OWNER/REPOSITORY#NUMBER".to_owned()),
    }
}

/// The parts of a JSON report that a list needs.
#[derive(Deserialize)]
struct Report {
    level: Option<Level>,
    cases: Vec<ReportedCase>,
}

#[derive(Deserialize)]
struct ReportedCase {
    id: String,
    verdict: Verdict,
    reason: Option<String>,
    #[serde(default)]
    requirements: Vec<String>,
    #[serde(default)]
    differences: Vec<Difference>,
    observation: Option<ReportedObservation>,
}

#[derive(Deserialize)]
struct ReportedObservation {
    text: Vec<String>,
}

impl ReportedCase {
    fn observed(self, level: Level) -> Observed {
        let reason = self.reason.unwrap_or_default();
        Observed {
            case: self.id,
            differences: match self.verdict {
                Verdict::Error => vec![Difference::error(&reason)],
                _ => self.differences,
            },
            verdict: self.verdict,
            level,
            requirements: self.requirements,
            observation: self.observation.map(|observation| observation.text.join("\n")),
        }
    }

    /// Whether the case goes into the list.
    fn is_selected(&self, cases: &[Filter], all: bool) -> bool {
        let is_named = cases.iter().any(|filter| filter.matches(&self.id));
        match self.verdict {
            Verdict::Deviates => all || is_named,
            Verdict::Error => is_named,
            _ => false,
        }
    }
}

impl KnownOptions {
    /// The error that names all missing options. `has_cases` says whether the arguments select cases.
    fn incomplete(&self, has_cases: bool) -> CommandError {
        let adds = !self.prune;
        let missing = [
            ("--report FILE (the JSON report of the run: `clawcheck run --report json=FILE`)", self.report.is_none()),
            ("--reason TEXT (why the deviations are accepted)", adds && self.reason.is_none()),
            ("--all or ids of cases", adds && !has_cases),
        ];
        let missing = missing.into_iter().filter(|(_, is_missing)| *is_missing).map(|(option, _)| option);
        let missing = missing.collect::<Vec<_>>().join(", ");
        let help = "example: clawcheck accept --known known.yaml --report report.json --all --reason 'waits for issue 12'; \
                    --prune removes entries and needs only --report";
        CommandError::usage(miette::miette!(help = help, "--known also needs {missing}"))
    }

    /// Adds the deviations of the selected cases to the list, or prunes the list. `None` if the command is about
    /// snapshots.
    pub(super) fn change(&self, selection: &[Filter], all: bool) -> Option<Result<u8, CommandError>> {
        let list = self.known.as_ref()?;
        let (report, reason) = match (&self.report, &self.reason) {
            (Some(report), _) if self.prune => return Some(self.prune(list, report)),
            (Some(report), Some(reason)) if all || !selection.is_empty() => (report, reason),
            _ => return Some(Err(self.incomplete(!selection.is_empty() || all))),
        };
        let is_selected = |case: &ReportedCase| case.is_selected(selection, all);
        Some(self.add_to(list, report, reason, &is_selected))
    }

    fn prune(&self, list: &Path, report: &Path) -> Result<u8, CommandError> {
        let Report { level, cases } = read(report)?;
        let level = level.unwrap_or_default();
        let played = cases.into_iter().map(|case| case.observed(level)).collect::<Vec<_>>();
        let text = known::text_of(list).map_err(CommandError::usage)?.ok_or_else(|| missing(list))?;
        let pruned = known::prune(list, &text, &played).map_err(CommandError::usage)?;
        let path = list.to_string_lossy();
        let path = line(&path);
        let message = if text == pruned.text {
            format!("{path}: no entry and no id can be removed")
        } else {
            write(list, &pruned.text)?;
            format!("wrote {path}: removed {}", removed(&pruned))
        };
        let mut out = console::stdout_while_read();
        writeln!(out, "{message}").map_err(CommandError::output)?;
        for glob in pruned.globs {
            let note = "no longer show the deviation; replace the glob";
            writeln!(out, "{}, which {note}", line(&glob)).map_err(CommandError::output)?;
        }
        Ok(exit::OK)
    }

    fn add_to(
        &self,
        list: &Path,
        report: &Path,
        reason: &str,
        is_selected: &dyn Fn(&ReportedCase) -> bool,
    ) -> Result<u8, CommandError> {
        if reason.trim().is_empty() {
            return Err(CommandError::usage(miette::miette!(
                "--reason is empty; describe why the deviations are accepted"
            )));
        }
        let Report { level, cases } = read(report)?;
        let cases = cases.into_iter();
        let cases = cases.filter(is_selected).map(|case| case.observed(level.unwrap_or_default()));
        let cases = cases.collect::<Vec<_>>();
        if cases.is_empty() {
            let report = report.display();
            let message = format!("no selected case deviates in the report {report}");
            return Err(CommandError::nothing_selected(miette::Report::msg(message)));
        }
        let text = known::text_of(list).map_err(CommandError::usage)?;
        let extended = known::extend(list, text.as_deref(), &cases, reason, self.link.as_deref(), Date::today())
            .map_err(CommandError::usage)?;
        let path = list.to_string_lossy();
        let mut out = console::stdout_while_read();
        let message = if text.as_deref() == Some(&extended.text) {
            format!("{} already has these deviations", line(&path))
        } else {
            write(list, &extended.text)?;
            let cases = counted(extended.cases, "case");
            match extended.entries {
                0 => format!("wrote {}: updated the accepted observations of {cases}", line(&path)),
                entries => format!("wrote {}: added {} for {cases}", line(&path), counted_entries(entries)),
            }
        };
        writeln!(out, "{message}").map_err(CommandError::output)?;
        Ok(exit::OK)
    }
}

fn write(list: &Path, text: &str) -> Result<(), CommandError> {
    let error = |error: io::Error| {
        CommandError::of_file(error.kind(), miette::miette!("cannot write {}: {error}", list.display()))
    };
    atomic_file::replace(list, text.as_bytes()).map_err(error)
}

/// What was removed from a list, in words.
fn removed(pruned: &Pruned) -> String {
    let entries = (pruned.entries > 0).then(|| counted_entries(pruned.entries));
    let other = if pruned.entries > 0 { "other entries" } else { "the entries" };
    let ids = (pruned.ids > 0).then(|| format!("{} from {other}", counted(pruned.ids, "id")));
    let parts = entries.into_iter().chain(ids).collect::<Vec<_>>();
    // Digests of cases that no entry is about.
    if parts.is_empty() { "digests of cases without an entry".to_owned() } else { enumeration(&parts) }
}

fn counted_entries(entries: usize) -> String {
    if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") }
}

/// Reads the report of a run.
fn read(path: &Path) -> Result<Report, CommandError> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        let read = io::stdin().take(MAX_REPORT_SIZE).read_to_string(&mut text);
        read.map_err(|error| CommandError::message(&format!("cannot read the report: {error}")))?;
        text
    } else {
        plain_file::read_text(path, MAX_REPORT_SIZE, Links::Follow).map_err(|error| {
            CommandError::usage(miette::miette!("cannot read the report {}: {error}", path.display()))
        })?
    };
    serde_json::from_str(&text).map_err(|error| {
        let help = "write a report with `clawcheck run --report json=FILE`";
        CommandError::usage(miette::miette!(help = help, "{} is not a JSON report: {error}", path.display()))
    })
}
