//! `clawcheck compare`: which cases do gateways answer differently?

use crate::cli::jobs::{check_descriptors, jobs};
use crate::cli::limits::Limits;
use crate::cli::signals::{Signals, told};
use crate::cli::terminal::console;
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::table::{Format, cell, table};
use crate::cli::{Failure, exit};
use crate::gateway::{Gateway, GatewaySpec, Guard, Preparation, PrepareError};
use crate::observe::snapshot::Library;
use crate::report::comparison::{Cell, Row};
use crate::report::terminal::counted;
use crate::report::{Collected, Comparison, Listener as _};
use crate::run::outcome::Event;
use crate::run::{self, Isolation, Options, RunEnd, RunError};
use crate::scenario::{Case, Filter};
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use untrusted_data::printable;

/// Play cases on several gateways and print the differences between their answers
///
/// `compare` prints a table with a row for each case that differs. In a row, the same letter means the same observation,
/// including the pairing store.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Environment variables:
  CLAWCHECK_CACHE  Folder for releases that clawcheck installs from npm
                   [default: clawcheck in the user's cache folder]

Exit codes:
  0    all compared cases are identical
  1    a case differs
  2    usage error or invalid file
  3    a gateway or the harness failed
  4    no case was selected or compared
  130  Ctrl-C, SIGTERM or SIGHUP interrupted the command")]
pub(crate) struct Compare {
    /// Gateways: embedded[@RELEASE], openclaw@RELEASE or a description file
    #[arg(value_name = "GATEWAY", required = true, num_args = 2..)]
    gateways: Vec<GatewaySpec>,
    /// Scenario files and folders [default: the built-in scenarios]
    #[arg(long, value_name = "PATH")]
    scenarios: Vec<PathBuf>,
    /// Play only cases whose id equals, contains or matches EXPR (repeatable)
    ///
    /// EXPR is an id, a part of an id or a glob: `role-upgrade/direct`, `upgrade` or `proxied-*/header#*`. A case is played if it
    /// matches one of the expressions.
    #[arg(long, short, value_name = "EXPR")]
    filter: Vec<Filter>,
    /// Number of cases that are played at the same time [default: number of cores, or 4 times that for the embedded gateway]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Allow scenarios that can start code in a gateway or reach outside it
    ///
    /// Use this option only if you trust the authors of the scenarios. SECURITY.md describes what it allows.
    #[arg(long)]
    trust: bool,
    #[command(flatten)]
    limits: Limits,
    /// Format of the table
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Compare {
    pub(crate) fn run(self, signals: &Signals) -> Result<u8, Failure> {
        if let Some(attached) = self.gateways.iter().find(|gateway| matches!(gateway, GatewaySpec::Attached(_))) {
            let error = miette::miette!(
                help = "describe how it starts in a YAML file (see gateways/), and pass that file",
                "cannot compare {attached}: clawcheck plays the cases on one gateway after the other, and the records that earlier cases leave behind would change the results"
            );
            return Err(Failure::usage(error));
        }
        let corpus = crate::cli::corpus(&self.scenarios, self.trust)?;
        let cases = corpus.select(&self.filter);
        if cases.is_empty() {
            return Err(Failure::nothing(miette::miette!("no case is selected; `clawcheck list` prints all cases")));
        }
        check_descriptors()?;
        let runtime =
            crate::cli::runtime(&self.gateways).map_err(|error| fault(&format!("cannot start the run: {error}")))?;
        let played = runtime.block_on(self.play(signals, &cases));
        runtime.shutdown_timeout(Duration::from_secs(1));
        let Played { gateways, broken_off } = played?;
        let comparison = Comparison::new(&gateways);
        let broken_off = broken_off.then(|| self.done(&gateways, cases.len()));
        let text = self.print(&comparison, broken_off.as_deref());
        console::stdout_while_read().write_all(text.as_bytes()).map_err(Failure::output)?;
        Ok(match comparison {
            _ if broken_off.is_some() => exit::INTERRUPTED,
            Comparison { errors: 1.., .. } => exit::FAULT,
            Comparison { differing, .. } if !differing.is_empty() => exit::DEVIATES,
            Comparison { alike: 0, .. } => exit::NOTHING,
            _ => exit::OK,
        })
    }

    /// Plays the cases on one gateway after the other.
    async fn play(&self, signals: &Signals, cases: &[&Case]) -> Result<Played, Failure> {
        // No snapshot is asked: what the gateways saw is held against each other alone.
        let library = Library::empty();
        let stop = signals.listen();
        let guard = Guard::default();
        let progress = Progress::new(cases.len() * self.gateways.len());
        // All of them before the first case: a mistake in the last name must not cost the runs on the others.
        let preparing = self.prepare(&progress, &guard);
        let prepared = tokio::select! {
            prepared = preparing => prepared,
            () = told(stop.clone()) => {
                progress.finish();
                return Ok(self.played(Vec::new(), true));
            }
        };
        let gateways = prepared.inspect_err(|_| progress.finish())?;
        let (mut all, mut broken_off) = (Vec::new(), false);
        for gateway in &gateways {
            let mut collected = Collected::default();
            let mut bar = progress.clone();
            let mut listen = |event: Event<'_>| {
                bar.hear(event)?;
                collected.hear(event)
            };
            let options = self.options(gateway);
            let ran = run::run(cases, gateway, &library, &guard, &options, stop.clone(), &mut listen).await;
            let RunEnd { report, fault } = ran.map_err(failure)?;
            if let Some(fault) = fault {
                return Err(failure(fault));
            }
            all.push(collected);
            if report.interrupted.is_some() {
                broken_off = true;
                break;
            }
        }
        progress.finish();
        Ok(self.played(all, broken_off))
    }

    /// What was played, with nothing on the gateways that were not come to.
    fn played(&self, mut gateways: Vec<Collected>, broken_off: bool) -> Played {
        gateways.resize_with(self.gateways.len(), Collected::default);
        Played { gateways, broken_off }
    }

    /// How far a comparison came that was broken off.
    fn done(&self, played: &[Collected], cases: usize) -> String {
        let names = self.names();
        let counts = names.iter().zip(played).map(|(name, collected)| format!("{} on {name}", collected.cases()));
        format!("of {}, clawcheck played {}", counted(cases, "case"), counts.collect::<Vec<_>>().join(", "))
    }

    /// The gateways, each with its release.
    fn names(&self) -> Vec<String> {
        let name = |gateway: &GatewaySpec| console::fit_line(&gateway.clone().with_release().to_string());
        self.gateways.iter().map(name).collect()
    }

    async fn prepare(&self, progress: &Progress, guard: &Guard) -> Result<Vec<Gateway>, Failure> {
        let mut gateways = Vec::new();
        for spec in &self.gateways {
            let limits = self.limits.said();
            let preparation = Preparation { guard: guard.clone(), limits, ..Preparation::default() };
            let gateway = Gateway::prepare(spec, &preparation, &|event| progress.preparing(&event)).await;
            let failure =
                |error: PrepareError| if error.is_usage() { Failure::usage(error) } else { Failure::fault(error) };
            gateways.push(gateway.map_err(failure)?);
        }
        Ok(gateways)
    }

    fn options(&self, gateway: &Gateway) -> Options {
        let kind = gateway.profile().kind;
        Options {
            jobs: jobs(self.jobs, kind),
            isolation: Isolation::usual(kind),
            secrets: console::secrets().clone(),
            ..Options::default()
        }
    }

    /// `broken_off` says how far it came, where it did not come to its end.
    fn print(&self, comparison: &Comparison, broken_off: Option<&str>) -> String {
        let names = self.names();
        if self.format == Format::Json {
            return document(&names, comparison, broken_off.is_some());
        }
        let mut text = String::new();
        if !comparison.differing.is_empty() {
            let header = std::iter::once("case".to_owned()).chain(names.iter().cloned());
            let mut table = table(self.format, header);
            for Row { case, step, cells } in &comparison.differing {
                let case = printable::line(case);
                let place = if step.is_empty() { case.into_owned() } else { format!("{case}\n{step}") };
                let cells = cells.iter().map(|cell| match cell {
                    Cell { group: Some(group), line } => format!("{group}  {line}"),
                    Cell { group: None, line } => format!("-  {line}"),
                });
                table.add_row(std::iter::once(place).chain(cells).map(|text| cell(self.format, &text)));
            }
            text = format!("{table}\n\n");
        }
        let Comparison { differing, alike, incomplete, errors } = comparison;
        text.push_str(&format!("{} differ, {alike} alike", differing.len()));
        if *incomplete > 0 {
            text.push_str(&format!(", {incomplete} not played on all"));
        }
        if *errors > 0 {
            text.push_str(&format!(", {errors} errors"));
        }
        text.push('\n');
        if let Some(done) = broken_off {
            text.push_str(&format!("interrupted: {done}\n"));
        }
        text
    }
}

/// What was played on the gateways, one after the other.
struct Played {
    /// What each has seen.
    gateways: Vec<Collected>,
    broken_off: bool,
}

fn document(names: &[String], comparison: &Comparison, broken_off: bool) -> String {
    let row = |row: &Row| {
        let cells = row.cells.iter().map(|cell| json!({ "group": cell.group, "line": cell.line }));
        json!({ "case": row.case, "step": row.step, "gateways": cells.collect::<Vec<_>>() })
    };
    let document = json!({
        "schema": 1,
        "gateways": names,
        "differing": comparison.differing.iter().map(row).collect::<Vec<_>>(),
        "alike": comparison.alike,
        "incomplete": comparison.incomplete,
        "errors": comparison.errors,
        "interrupted": broken_off,
    });
    printable::json(&format!("{document:#}\n")).into_owned()
}

fn fault(message: &str) -> Failure {
    Failure::fault(miette::Report::msg(message.to_owned()))
}

fn failure(error: RunError) -> Failure {
    fault(&error.to_string())
}
