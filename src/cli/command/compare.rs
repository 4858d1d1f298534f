//! `clawcheck compare`: lists the cases that gateways answer differently.

use crate::cli::help::{OUTPUT, STATE_DIR, cache_variable};
use crate::cli::options::copied_state::{CopiedState, Verdicts, add_release_of};
use crate::cli::options::selection::{NamedCases, SelectionOptions};
use crate::cli::options::timeouts::TimeoutOptions;
use crate::cli::session::{self, Session};
use crate::cli::signals::Signals;
use crate::cli::terminal::console;
use crate::cli::terminal::table::{code_cell, table};
use crate::cli::{CommandError, exit};
use crate::counted::counted;
use crate::gateway::{Gateway, GatewaySpec};
use crate::observe::snapshot::Library;
use crate::output_format::OutputFormat;
use crate::report::causes::{CauseDisplay, Causes};
use crate::report::comparison::{Cell, Row, causes};
use crate::report::json::cause;
use crate::report::{CaseCollector, Comparison, Listener as _};
use crate::run::outcome::Event;
use crate::run::{self, RunEnd};
use crate::scenario::Case;
use crate::shell::quoted;
use openclaw_model::Facts;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;
use untrusted_data::printable;

/// The maximum number of differing cases in a table. If more cases differ, they are grouped by cause.
const MAX_TABLE_CASES: usize = 3;
/// The maximum number of lines for the causes of one pair of gateways.
const SCREEN: usize = 40;

/// Play cases on several gateways and print the differences between their answers
///
/// `compare` prints a table with a row for each case that differs. In a row, the same letter means the same observation,
/// including the pairing store. If more than 3 cases differ, or a case differs in several ways, `compare` prints the differences by cause: `-` and `[-...-]` mark the
/// answer of the first gateway, `+` and `{+...+}` the answer of the other one. `--format markdown` prints both.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::COMPARE.after(concat!(
    cache_variable!(),
    "

Examples:
  clawcheck compare embedded@2026.3.31 embedded@2026.4.2 --filter empty-tokens
  clawcheck compare openclaw@2026.4.2 my-gateway.yaml --scenarios mine/scenarios --format markdown")))]
pub(crate) struct Compare {
    /// Gateways: embedded[@RELEASE], openclaw@RELEASE or a description file
    #[arg(value_name = "GATEWAY", required = true, num_args = 2..)]
    gateways: Vec<GatewaySpec>,
    /// Scenario files, folders or ids of cases [default: the built-in scenarios]
    #[arg(long, value_name = "PATH|ID")]
    scenarios: Vec<String>,
    #[command(flatten)]
    selection: SelectionOptions,
    /// Number of cases that are played at the same time [default: number of cores, or 4 times that for the embedded gateway]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Allow scenarios that can start code in a gateway or reach outside it
    ///
    /// Use this option only if you trust the authors of the scenarios. SECURITY.md describes what it allows.
    #[arg(long)]
    trust: bool,
    /// State directory to copy for the cases
    ///
    /// A copy of the pairing store in DIR replaces the store of each case, and the settings in the openclaw.json of DIR
    /// replace the settings of each case. clawcheck generates a key for each device of the copy, so every device can
    /// connect. clawcheck does not write to DIR.
    #[arg(long, value_name = "DIR", help_heading = STATE_DIR)]
    state_dir: Option<PathBuf>,
    #[command(flatten)]
    copied: CopiedState,
    #[command(flatten)]
    timeouts: TimeoutOptions,
    /// Output format
    #[arg(long, value_enum, default_value_t, help_heading = OUTPUT)]
    format: OutputFormat,
}

impl Compare {
    pub(crate) fn run(mut self, signals: &Signals) -> Result<u8, CommandError> {
        if let Some(attached) = self.gateways.iter().find(|gateway| matches!(gateway, GatewaySpec::Attached(_))) {
            let error = miette::miette!(
                help = "write a gateway description that starts the gateway (see gateways/), and pass that file",
                "cannot compare {attached}: clawcheck plays the cases on one gateway after the other, and the records that earlier cases leave behind would change the results"
            );
            return Err(CommandError::usage(error));
        }
        let named = NamedCases::of(&self.scenarios);
        let corpus = named.corpus(self.trust, &self.selection)?;
        let cases = named.select(&corpus, &self.selection, &|_| None)?;
        let directory = self.state_dir.as_deref();
        let state = self.copied.read(directory)?;
        add_release_of(state.as_ref(), &mut self.gateways);
        let on_copy = state.map(|state| self.copied.cases(&state, directory, &cases, Verdicts::Answers)).transpose()?;
        let cases = on_copy.as_ref().map_or(cases, |cases| cases.iter().collect());
        let GatewayRuns { gateways, interrupted } = session::block_on(&self.gateways, self.play(signals, &cases))?;
        let comparison = Comparison::new(&gateways);
        let interrupted = interrupted.then(|| self.progress_so_far(&gateways, cases.len()));
        let text = self.print(&gateways, &comparison, interrupted.as_deref());
        console::stdout_while_read().write_all(text.as_bytes()).map_err(CommandError::output)?;
        Ok(match comparison {
            _ if interrupted.is_some() => exit::INTERRUPTED,
            Comparison { errors: 1.., .. } => exit::FAILED,
            Comparison { differing, .. } if !differing.is_empty() => exit::DEVIATES,
            Comparison { alike: 0, .. } => exit::NOTHING_PLAYED,
            _ => exit::OK,
        })
    }

    /// Plays the cases on one gateway after the other.
    async fn play(&self, signals: &Signals, cases: &[&Case]) -> Result<GatewayRuns, CommandError> {
        // Snapshots are not used: the observations on the gateways are compared only with each other.
        let library = Library::empty();
        let session = Session::new(cases.len() * self.gateways.len(), signals.stop());
        // Prepare all gateways before the first case, so that a mistake in the last name does not waste the other runs.
        let Some(gateways) = session.unless_stopped(self.prepare(&session)).await? else {
            return Ok(self.played(Vec::new(), true));
        };
        for note in self.gateways.iter().filter_map(guessed) {
            let _ = writeln!(console::stderr(), "{note}");
        }
        let (mut all, mut interrupted) = (Vec::new(), false);
        for gateway in &gateways {
            let mut collected = CaseCollector::default();
            let mut bar = session.progress.clone();
            let mut listen = |event: Event<'_>| {
                bar.on_event(event)?;
                collected.on_event(event)
            };
            let options = Session::options(gateway, self.jobs);
            let stop = session.stop.clone();
            let RunEnd { report, error } =
                run::run(cases, gateway, &library, &session.guard, &options, stop, &mut listen).await?;
            if let Some(error) = error {
                return Err(error.into());
            }
            all.push(collected);
            if report.interrupted.is_some() {
                interrupted = true;
                break;
            }
        }
        session.progress.finish();
        exclude_lacking(cases, &gateways, &mut all);
        Ok(self.played(all, interrupted))
    }

    /// The results. Gateways that were not reached have no results.
    fn played(&self, mut gateways: Vec<CaseCollector>, interrupted: bool) -> GatewayRuns {
        gateways.resize_with(self.gateways.len(), CaseCollector::default);
        GatewayRuns { gateways, interrupted }
    }

    /// The progress of an interrupted comparison.
    fn progress_so_far(&self, played: &[CaseCollector], cases: usize) -> String {
        let names = self.names();
        let counts = names.iter().zip(played).map(|(name, collected)| format!("{} on {name}", collected.cases()));
        format!("of {}, clawcheck played {}", counted(cases, "case"), counts.collect::<Vec<_>>().join(", "))
    }

    /// The names of the gateways, with their releases.
    fn names(&self) -> Vec<String> {
        let name = |gateway: &GatewaySpec| console::sanitize_line(&gateway.clone().with_release().to_string());
        self.gateways.iter().map(name).collect()
    }

    async fn prepare(&self, session: &Session) -> Result<Vec<Gateway>, CommandError> {
        let preparation = session.preparation(self.timeouts);
        let mut gateways = Vec::new();
        for gateway in &self.gateways {
            gateways.push(session.prepare(gateway, &preparation).await?);
        }
        Ok(gateways)
    }

    /// `interrupted` is the progress of an interrupted comparison.
    fn print(&self, gateways: &[CaseCollector], comparison: &Comparison, interrupted: Option<&str>) -> String {
        let names = self.names();
        let causes = self.causes(gateways);
        if self.format == OutputFormat::Json {
            return document(&names, gateways, comparison, &causes, interrupted.is_some());
        }
        // A row of the table contains only the first difference of a case, which can be the least serious one.
        let hides = causes.iter().any(|causes| causes.list().len() > comparison.differing.len());
        let by_cause = hides || comparison.differing.len() > MAX_TABLE_CASES;
        let mut text = String::new();
        if by_cause {
            for (name, causes) in names.iter().skip(1).zip(&causes).filter(|(_, causes)| causes.cases() > 0) {
                let shown = self.shown(&names[0], name, causes);
                text.push_str(&if self.format == OutputFormat::Markdown {
                    format!("```text\n{shown}```\n\n")
                } else {
                    shown
                });
            }
        }
        // The causes cover observations only. The table gives the reasons why cases could not be played.
        let in_table = |row: &&Row| {
            !by_cause || self.format == OutputFormat::Markdown || row.cells.iter().any(|cell| cell.group.is_none())
        };
        let rows = comparison.differing.iter().filter(in_table).collect::<Vec<_>>();
        if !rows.is_empty() {
            text.push_str(&self.table(&names, &rows));
        }
        for (name, gateway) in names.iter().zip(gateways) {
            for (reason, cases) in gateway.not_played() {
                text.push_str(&format!(
                    "not played on {name}: {}: {}\n",
                    counted(cases, "case"),
                    printable::line(reason)
                ));
            }
        }
        let Comparison { differing, alike, incomplete, errors } = comparison;
        text.push_str(&format!("{} differ, {alike} equal", differing.len()));
        if *incomplete > 0 {
            text.push_str(&format!(", {incomplete} not played on every gateway"));
        }
        if *errors > 0 {
            text.push_str(&format!(", {}", counted(*errors, "error")));
        }
        text.push('\n');
        if let Some(progress_so_far) = interrupted {
            text.push_str(&format!("interrupted: {progress_so_far}\n"));
        }
        text
    }

    fn table(&self, names: &[String], rows: &[&Row]) -> String {
        let header = std::iter::once("case".to_owned()).chain(names.iter().cloned());
        let mut table = table(self.format, header);
        for Row { case, step, cells } in rows {
            let case = printable::line(case);
            let place = if step.is_empty() { case.into_owned() } else { format!("{case}\n{step}") };
            let cells = cells.iter().map(|cell| match cell {
                Cell { group: Some(group), line } => format!("{group}  {line}"),
                Cell { group: None, line } => format!("-  {line}"),
            });
            table.add_row(std::iter::once(place).chain(cells).map(|text| code_cell(self.format, &text)));
        }
        format!("{table}\n\n")
    }

    /// The causes of the differences between the first gateway and each other gateway.
    fn causes(&self, gateways: &[CaseCollector]) -> Vec<Causes> {
        let Some((first, others)) = gateways.split_first() else { return Vec::new() };
        let others = others.iter().zip(self.gateways.iter().skip(1));
        let rerun = |other: &GatewaySpec, case: &str| {
            let mut command =
                format!("clawcheck compare {} {}", quoted(&self.gateways[0].to_string()), quoted(&other.to_string()));
            for path in NamedCases::of(&self.scenarios).paths {
                command.push_str(&format!(" --scenarios {}", quoted(&path.to_string_lossy())));
            }
            if let Some(directory) = &self.state_dir {
                command.push_str(&format!(" --state-dir {}", quoted(&directory.to_string_lossy())));
            }
            command.push_str(&self.copied.arguments());
            format!("{command} --filter {}", quoted(case))
        };
        others.map(|(other, spec)| causes(first, other, &|case| rerun(spec, case))).collect()
    }

    /// The causes of one pair of gateways, in about one screen.
    fn shown(&self, first: &str, other: &str, causes: &Causes) -> String {
        let colour = self.format == OutputFormat::Plain && console::colour();
        let differ =
            if causes.cases() == 1 { "1 case differs".to_owned() } else { format!("{} cases differ", causes.cases()) };
        let mut lines = vec![format!("{first} (-) and {other} (+): {differ}. {}", causes.heading())];
        lines.extend(CauseDisplay { colour, lines: SCREEN }.show(causes));
        lines.push(String::new());
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// A note if the embedded gateway has no rules of its own for a release.
fn guessed(gateway: &GatewaySpec) -> Option<String> {
    let GatewaySpec::Embedded(Some(release)) = gateway else { return None };
    let known = Facts::of(*release).ok()?.described();
    (known != *release).then(|| format!("note: {release} has no rules of its own; {gateway} uses the rules of {known}"))
}

/// The results of the gateways, in the order of the runs.
struct GatewayRuns {
    /// The results of each gateway.
    gateways: Vec<CaseCollector>,
    interrupted: bool,
}

/// Takes out the cases in which another gateway shows a feature that a description declares absent, as `run` takes them
/// out by their approved snapshots.
fn exclude_lacking(cases: &[&Case], gateways: &[Gateway], all: &mut [CaseCollector]) {
    let mut lacking = Vec::new();
    for (at, gateway) in gateways.iter().enumerate().take(all.len()) {
        let others = || all.iter().enumerate().filter(|(other, _)| *other != at);
        for case in cases {
            let reason = |text: &str| run::lacked(case, text, gateway.profile());
            let reason = others().filter_map(|(_, other)| other.text(&case.id)).find_map(reason);
            lacking.extend(reason.map(|reason| (at, &case.id, reason)));
        }
    }
    for (at, case, reason) in lacking {
        all[at].take_out(case, reason);
    }
}

fn document(
    names: &[String],
    gateways: &[CaseCollector],
    comparison: &Comparison,
    causes: &[Causes],
    interrupted: bool,
) -> String {
    let pair = |(name, causes): (&String, &Causes)| json!({ "gateway": name, "causes": causes.list().iter().map(cause).collect::<Vec<_>>() });
    let row = |row: &Row| {
        let cells = row.cells.iter().map(|cell| json!({ "group": cell.group, "line": cell.line }));
        json!({ "case": row.case, "step": row.step, "gateways": cells.collect::<Vec<_>>() })
    };
    let reasons = |(name, gateway): (&String, &CaseCollector)| {
        let reason = |(reason, cases): (&str, usize)| json!({ "gateway": name, "cases": cases, "reason": reason });
        gateway.not_played().into_iter().map(reason).collect::<Vec<_>>()
    };
    let document = json!({
        "schema": 1,
        "gateways": names,
        "not_played": names.iter().zip(gateways).flat_map(reasons).collect::<Vec<_>>(),
        "causes": names.iter().skip(1).zip(causes).map(pair).collect::<Vec<_>>(),
        "differing": comparison.differing.iter().map(row).collect::<Vec<_>>(),
        "alike": comparison.alike,
        "incomplete": comparison.incomplete,
        "errors": comparison.errors,
        "interrupted": interrupted,
    });
    printable::json(&format!("{document:#}\n")).into_owned()
}
