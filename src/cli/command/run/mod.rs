//! `clawcheck run`: plays cases on a gateway and reports deviations.

mod arguments;
mod gateway;
#[cfg(test)]
mod ladder;
mod min_played;
mod reports;
mod selection;

use crate::cli::help::{cache_variable, run_exit_codes, token_variable};
use crate::cli::reports::ReportOption;
use crate::cli::selection::{Named, SelectionOptions};
use crate::cli::session::{self, Session};
use crate::cli::signals::Signals;
use crate::cli::snapshots::{self, Snapshots};
use crate::cli::state_dir::{CopiedState, Verdicts};
use crate::cli::terminal::console;
use crate::cli::timeouts::TimeoutOptions;
use crate::cli::{CommandError, exit};
use crate::counted::counted;
use crate::gateway::{GatewaySpec, Preparation};
use crate::known::KnownDeviations;
use crate::observe::snapshot::Library;
use crate::run::outcome::{Event, Outcome, RunReport};
use crate::run::{self, Options, RunEnd, RunError};
use crate::scenario::{Case, Corpus};
use arguments::{DeniedResult, IsolationOption, LevelOption, PackageVersion};
use min_played::MinPlayed;
use openclaw_model::Release;
use reports::{deliver, notify};
use selection::UnusedScope;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Play cases on a gateway and compare the results with the approved snapshots
///
/// A case conforms if the gateway meets the expectations of the scenario and behaves like the snapshot of its release. If up to 3
/// cases fail, `run` prints each of them in full. If more cases fail, `run` groups the differences by cause and prints the causes on
/// one screen. `--trace` prints every case in full.
#[derive(Debug, clap::Args)]
#[command(after_long_help = concat!(
    cache_variable!(),
    token_variable!(),
    "

Examples:
  clawcheck run
  clawcheck run role-upgrade --gateway embedded@2026.4.2
  clawcheck run scenarios/mine --gateway openclaw@2026.4.2 --report json=report.json

",
    run_exit_codes!()
))]
pub(crate) struct Run {
    /// Scenario files, folders or ids of cases [default: the built-in scenarios]
    #[arg(value_name = "PATH|ID")]
    what: Vec<String>,
    /// Gateway: embedded[@RELEASE], openclaw@RELEASE, ws://HOST:PORT or a description file
    ///
    /// `embedded` emulates a release inside clawcheck. `openclaw` is the real release, which clawcheck installs from npm. A
    /// description is a YAML file that names the command of any other gateway (see gateways/).
    #[arg(long, short, value_name = "GATEWAY", default_value = "embedded")]
    gateway: GatewaySpec,
    #[command(flatten)]
    selection: SelectionOptions,
    /// How strictly the gateway is compared [default: exact, or wire for described gateways and gateways at a URL]
    ///
    /// Each level includes the levels before it. `run` also prints differences that count only at a stricter level, but
    /// they do not fail. `docs/report.md` lists what counts at each level.
    #[arg(long, value_enum, value_name = "LEVEL")]
    level: Option<LevelOption>,
    /// Whether cases share a gateway [default: shared, or case on the embedded gateway]
    #[arg(long, value_enum, value_name = "HOW")]
    isolation: Option<IsolationOption>,
    /// Number of gateways that run at the same time [default: number of cores, or 4 times that for the embedded gateway]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    #[command(flatten)]
    timeouts: TimeoutOptions,
    /// Write a report: json=FILE, junit=FILE, markdown=FILE or github (repeatable)
    ///
    /// FILE can be - for standard output, which then contains only the report; all other output goes to standard error. `github`
    /// prints an annotation for each cause and appends the Markdown report to the summary of the step (GITHUB_STEP_SUMMARY).
    /// `clawcheck schema report` prints the JSON Schema of the JSON report.
    #[arg(long, value_name = "KIND=FILE")]
    report: Vec<ReportOption>,
    /// Print only failures and the last line
    #[arg(long, short, conflicts_with_all = ["verbose", "trace"])]
    quiet: bool,
    /// Print a line for every case
    #[arg(long, short)]
    verbose: bool,
    /// Print the score by family and level, and the ladder for authors of gateways
    ///
    /// The ladder has seven rungs, from the handshake to restarts with damaged files. It ends with a command that shows
    /// what to fix next. By default, the score is printed for described gateways and gateways at a URL if at least 20
    /// cases are selected.
    #[arg(long)]
    score: bool,
    /// Print every case in full, with its messages on the wire
    #[arg(long)]
    trace: bool,
    /// For each failing case, explain the answer that the model gives to the failing step
    ///
    /// The explanation lists the checks of the release that the gateway is compared with, in order. On the embedded
    /// gateway, it is the reason for the actual answer. On any other gateway, it is the reason for the expected answer.
    /// `run` prints all failing cases in full.
    #[arg(long)]
    explain: bool,
    /// List of known deviations, which do not fail the run (repeatable)
    ///
    /// `clawcheck accept --known` writes such a list, and `clawcheck schema known` prints its JSON Schema. A gateway
    /// description can also contain a list.
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
    /// Treat WHAT as a failure (repeatable)
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    deny: Vec<DeniedResult>,
    /// Exit with code 4 if fewer cases are played [default: 10% for a gateway at a URL, otherwise 1]
    ///
    /// The value is a number of cases, or a share of the selected cases that apply to the gateway.
    #[arg(long, value_name = "N|N%")]
    min_played: Option<MinPlayed>,
    /// Validate the frames of the gateway against OpenClaw's published protocol schema [default: the version of the release]
    ///
    /// clawcheck installs the schema from npm (@openclaw/gateway-protocol).
    #[arg(long, value_name = "VERSION", num_args = 0..=1, require_equals = true)]
    schema: Option<Option<PackageVersion>>,
    /// Folder with the snapshots [default: the folder `snapshots` next to the scenarios, or the built-in snapshots]
    #[arg(long, value_name = "DIR")]
    snapshots: Option<PathBuf>,
    /// Also propose snapshots that only record that a real release was tested
    ///
    /// If a case conforms on a real release that its snapshot does not list yet, `run` writes an observation for approval.
    #[arg(long)]
    mark_seen: bool,
    /// State directory: for a gateway at a URL, its own; otherwise, the cases play on a copy of it
    ///
    /// For a gateway that clawcheck starts, a copy of the pairing store in DIR replaces the store of each case, and the
    /// settings in its openclaw.json replace the settings of each case. clawcheck generates a key for each device of
    /// the copy, so every device can connect. It checks only the expectations of the cases, not the snapshots.
    /// clawcheck does not write to DIR.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    #[command(flatten)]
    copied: CopiedState,
    /// Release that a gateway at a URL is compared with [default: `server.version` of its hello-ok, or the newest known release]
    #[arg(long, value_name = "RELEASE")]
    release: Option<Release>,
    /// Allow scenarios that can start code in a gateway or reach outside it
    ///
    /// Use this option only if you trust the authors of the scenarios. SECURITY.md describes what it allows.
    #[arg(long)]
    trust: bool,
    /// Allow the run to write to a gateway at a URL
    #[arg(long)]
    allow_writes: bool,
}

/// The data that a run uses in addition to its cases.
struct Scope<'a> {
    /// All scenarios that were read.
    corpus: &'a Corpus,
    known: Arc<KnownDeviations>,
    unused: UnusedScope,
}

impl Run {
    pub(crate) fn run(self, signals: &Signals) -> Result<u8, CommandError> {
        self.check_attached()?;
        let named = Named::of(&self.what);
        let corpus = crate::cli::corpus(&named.paths, self.trust)?;
        let cases = named.select(&corpus, &self.selection, &|id| self.schema_help(id))?;
        let known = crate::cli::known::load(&self.known, &self.gateway, &corpus)?;
        self.snapshots.as_deref().map_or(Ok(()), snapshots::must_exist)?;
        let unused = self.unused(&named.paths)?;
        let on_copy = self.on_copy(&cases)?;
        let (cases, mut snapshots) = match &on_copy {
            // The snapshots are about the stores of the scenarios.
            Some(cases) if self.snapshots.is_none() => (cases.iter().collect(), Snapshots::none()),
            Some(cases) => (cases.iter().collect(), self.find_snapshots(&named.paths)?),
            None => (cases, self.find_snapshots(&named.paths)?),
        };
        let not_writable = snapshots.prepare()?;
        let scope = Scope { corpus: &corpus, known: Arc::new(known), unused };
        let work = self.play(signals, &cases, &snapshots.library, scope);
        let report = session::block_on([&self.gateway], work)?;
        if let Some(reason) = report.own_protected.as_ref().filter(|_| report.unkept > 0) {
            let advice = "name another folder with `snapshots` in the gateway description";
            let _ = writeln!(console::stderr(), "observations are not saved: {reason}; {advice}");
        } else if !snapshots.is_writable() && report.unkept > 0 && on_copy.is_none() {
            let note = not_writable.unwrap_or_else(|| match named.paths.is_empty() {
                true => {
                    let how = match self.gateway {
                        GatewaySpec::Described(_) => "add `snapshots: FOLDER` to the gateway description",
                        _ => "name a folder with --snapshots",
                    };
                    format!("the built-in snapshots cannot be changed; {how}")
                }
                false => {
                    "create a folder `snapshots` next to `scenarios`, or add an `expect` to the scenario".to_owned()
                }
            });
            let note = format!("observations are not saved: {note}");
            let _ = writeln!(console::stderr(), "{note}");
        }
        let code = self.exit_code(&report);
        if code == exit::DEVIATES && report.outcome(false) == Outcome::Conforms {
            let skipped = report.summary.count(crate::judge::Verdict::Skipped);
            let unused = counted(report.unused_snapshots.len(), "unused snapshot");
            let _ = writeln!(console::stderr(), "denied: {skipped} skipped, {unused} (--deny)");
        }
        if code == exit::NOTHING_PLAYED || (code == exit::DEVIATES && self.played_too_few(&report)) {
            self.print_too_few(&report);
        }
        Ok(code)
    }

    fn find_snapshots(&self, paths: &[PathBuf]) -> Result<Snapshots, CommandError> {
        Snapshots::find(self.snapshots.as_deref(), paths).map_err(CommandError::failed)
    }

    /// The cases on a copy of the state directory or with the configuration of the user, if the options say so.
    fn on_copy(&self, cases: &[&Case]) -> Result<Option<Vec<Case>>, CommandError> {
        match self.gateway {
            GatewaySpec::Attached(_) => Ok(None),
            _ => self.copied.cases(self.state_dir.as_deref(), cases, Verdicts::Expectations),
        }
    }

    async fn play(
        &self,
        signals: &Signals,
        cases: &[&Case],
        library: &Library,
        scope: Scope<'_>,
    ) -> Result<RunReport, CommandError> {
        if self.isolation.is_some() && matches!(self.gateway, GatewaySpec::Attached(_)) {
            let message = "--isolation applies only to gateways that clawcheck starts";
            return Err(CommandError::usage(miette::Report::msg(message)));
        }
        let stop = if self.allow_writes { signals.stop_after_cleanup() } else { signals.stop() };
        let session = Session::new(cases.len(), stop.clone());
        let (mut listeners, deliveries) = self.listeners(&session.progress, cases.len())?;
        let preparation = Preparation {
            state_dir: self.state_dir.clone(),
            claims: self.release,
            ..session.preparation(self.timeouts)
        };
        let mut listen = |event: Event<'_>| notify(&mut listeners, event);
        let Some((gateway, schema)) = session.unless_stopped(self.prepare(&session, &preparation)).await? else {
            let mut report = RunReport { interrupted: Some(cases.len()), ..RunReport::default() };
            listen(Event::Finished(&report)).map_err(RunError::Report)?;
            deliver(deliveries, &mut report, stop).await.map_err(RunError::Report)?;
            return Ok(report);
        };
        let options = Options { known: scope.known, ..self.options(&gateway, schema) };
        let ended = run::run(cases, &gateway, library, &session.guard, &options, stop.clone(), &mut listen).await;
        session.progress.finish();
        let RunEnd { mut report, error } = ended?;
        report.unused_snapshots = scope.unused.in_library(library, scope.corpus);
        // Print the results first, so that an error does not hide them.
        let finished = listen(Event::Finished(&report)).map_err(RunError::Report);
        let delivered = deliver(deliveries, &mut report, stop).await.map_err(RunError::Report);
        match error.or(finished.err()).or(delivered.err()) {
            Some(error) => Err(error.into()),
            None => Ok(report),
        }
    }

    fn exit_code(&self, report: &RunReport) -> u8 {
        if report.interrupted.is_some() {
            return exit::INTERRUPTED;
        }
        let unused = self.deny.contains(&DeniedResult::Unused) && !report.unused_snapshots.is_empty();
        match report.outcome(self.deny.contains(&DeniedResult::Skipped)) {
            Outcome::Failed => exit::FAILED,
            Outcome::Deviates => exit::DEVIATES,
            Outcome::Conforms | Outcome::NothingPlayed if unused => exit::DEVIATES,
            Outcome::NothingPlayed => exit::NOTHING_PLAYED,
            Outcome::Conforms if self.played_too_few(report) => exit::NOTHING_PLAYED,
            Outcome::Conforms => exit::OK,
        }
    }
}
