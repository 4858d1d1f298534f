//! `clawcheck run`: plays cases on a gateway and reports deviations.

use crate::cli::help::{cache_variable, token_variable};
use crate::cli::misplaced;
use crate::cli::session::{self, Session};
use crate::cli::signals::Signals;
use crate::cli::snapshots::{self, Snapshots};
use crate::cli::terminal::console;
use crate::cli::terminal::progress::Progress;
use crate::cli::timeouts::TimeoutOptions;
use crate::cli::{CommandError, exit};
use crate::gateway::{self, Gateway, GatewaySpec, Kind, Preparation};
use crate::judge::frame_schema::FrameSchema;
use crate::observe::snapshot::{Library, Origin};
use crate::report::terminal::Look;
use crate::report::{Delivery, Destination, Json, Listener, Terminal};
use crate::run::outcome::{Event, Outcome, RunReport};
use crate::run::{self, Isolation, Options, RunEnd, RunError};
use crate::scenario::{Case, Corpus, Filter};
use crate::shell::quoted;
use openclaw_model::{Facts, Release};
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

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
  clawcheck run scenarios/mine --gateway openclaw@2026.4.2 --report json=report.json"
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
    /// Play only cases whose id equals, contains or matches EXPR (repeatable)
    ///
    /// EXPR is an id, a part of an id or a glob: `role-upgrade/direct`, `upgrade` or `proxied-*/header#*`. A case is played if it
    /// matches one of the expressions.
    #[arg(long, short, value_name = "EXPR")]
    filter: Vec<Filter>,
    /// Whether cases share a gateway [default: shared, or case on the embedded gateway]
    #[arg(long, value_enum, value_name = "HOW")]
    isolation: Option<IsolationOption>,
    /// Number of gateways that run at the same time [default: number of cores, or 4 times that for the embedded gateway]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    #[command(flatten)]
    timeouts: TimeoutOptions,
    /// Write a report: json=FILE, or json=- for standard output (repeatable)
    ///
    /// With json=-, standard output contains only the report, and all other output goes to standard error. `clawcheck schema
    /// report` prints the JSON Schema of the report.
    #[arg(long, value_name = "KIND=FILE")]
    report: Vec<ReportFile>,
    /// Print every case in full, with its messages on the wire
    #[arg(long)]
    trace: bool,
    /// For each failing case, explain the answer that the model gives to the failing step
    ///
    /// The explanation lists the checks of the release that the gateway is compared with, in order. On the embedded gateway, it
    /// is the reason for the answer. On any other gateway, it is the reason for the answer that was expected. All failing cases
    /// are printed in full.
    #[arg(long)]
    explain: bool,
    /// Treat WHAT as a failure (repeatable)
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    deny: Vec<DeniedResult>,
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
    /// State directory of a gateway at a URL, to read its pairing store
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Release that a gateway at a URL is compared with [default: the newest known release]
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

type Listeners = Vec<Box<dyn Listener + Send>>;

/// The maximum time for readers to read the reports of an interrupted run.
const AFTER_SIGNAL: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum IsolationOption {
    /// Start a gateway for each case
    Case,
    /// Share a gateway between all cases that can share it
    Shared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DeniedResult {
    /// Skipped cases
    Skipped,
    /// Snapshots that no case uses; for folders of scenarios, only snapshots of the families in these folders
    Unused,
}

/// Which snapshots count as unused if they have no case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnusedScope {
    /// All snapshots, because all scenarios were read.
    All,
    /// The snapshots of the families that were read. Other families can be in other folders.
    OfFamilies,
    /// Unknown, because a family can have more scenarios than were read.
    Unknown,
}

impl UnusedScope {
    fn in_library(self, library: &Library, corpus: &Corpus) -> Vec<String> {
        let known = corpus.cases().iter().map(|case| case.id.as_str()).collect::<BTreeSet<_>>();
        let families = corpus.cases().iter().map(|case| case.family.as_str()).collect::<BTreeSet<_>>();
        let read = |case: &str| match self {
            Self::All => true,
            // The built-in snapshots do not belong to the user's own scenarios.
            Self::OfFamilies if *library.origin() == Origin::BuiltIn => false,
            Self::OfFamilies => case.split_once('/').is_some_and(|(family, _)| families.contains(family)),
            Self::Unknown => false,
        };
        library.cases().filter(|case| !known.contains(case) && read(case)).map(str::to_owned).collect()
    }
}

/// `json=report.json`.
#[derive(Debug, Clone)]
struct ReportFile(PathBuf);

impl FromStr for ReportFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("json", "")) => {
                Err("the file is missing; expected json=FILE, or json=- for standard output".to_owned())
            }
            Some(("json", file)) => Ok(Self(PathBuf::from(file))),
            Some((kind, _)) => Err(format!("unknown report kind `{kind}`; expected json=FILE")),
            None => Err("expected KIND=FILE, for example json=report.json".to_owned()),
        }
    }
}

/// A version such as `2026.9.1`. It is used in a path and in npm's arguments.
#[derive(Debug, Clone)]
struct PackageVersion(String);

impl FromStr for PackageVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let of_a_version = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        let is_one = text.starts_with(|c: char| c.is_ascii_digit()) && text.split('.').count() > 2;
        if !is_one || !text.chars().all(of_a_version) {
            return Err("expected a version on npm, for example 2026.9.1".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl Run {
    pub(crate) fn run(self, signals: &Signals) -> Result<u8, CommandError> {
        self.check_attached()?;
        // An argument that is not a file is an id, unless it can only be a path.
        let (paths, ids): (Vec<_>, Vec<_>) =
            self.what.iter().partition(|what| PathBuf::from(what).exists() || what.ends_with(".yaml"));
        let paths = paths.into_iter().map(PathBuf::from).collect::<Vec<_>>();
        let corpus = crate::cli::corpus(&paths, self.trust)?;
        let cases = self.select(&corpus, &ids)?;
        self.snapshots.as_deref().map_or(Ok(()), snapshots::must_exist)?;
        let unused = self.unused(&paths)?;
        let mut snapshots = Snapshots::find(self.snapshots.as_deref(), &paths).map_err(CommandError::failed)?;
        let not_writable = snapshots.prepare()?;
        let work = self.play(signals, &cases, &snapshots.library, &corpus, unused);
        let report = session::block_on([&self.gateway], work)?;
        if !snapshots.is_writable() && report.unkept > 0 {
            let note = not_writable.unwrap_or_else(|| match paths.is_empty() {
                true => "the built-in snapshots cannot be changed; name a folder with --snapshots".to_owned(),
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
            let unused = report.unused_snapshots.len();
            let _ = writeln!(console::stderr(), "denied: {skipped} skipped, {unused} unused snapshots (--deny)");
        }
        if code == exit::NOTHING_PLAYED {
            let gateway = &self.gateway;
            let note =
                format!("no case was played: every selected case was not applicable on {gateway} or was skipped");
            let _ = writeln!(console::stderr(), "{note}");
        }
        Ok(code)
    }

    /// Checks that options for a gateway at a URL are not used with another gateway, where they would have no effect.
    fn check_attached(&self) -> Result<(), CommandError> {
        let usage = |message: String, help: &str| Err(CommandError::usage(miette::miette!(help = help, "{message}")));
        let attached = matches!(self.gateway, GatewaySpec::Attached(_));
        let release =
            "name the release with the gateway: embedded@2026.4.2, openclaw@2026.4.2, or `claims:` in its description";
        let own = "omit the option: a gateway that clawcheck starts has its own state directory";
        let said = [
            ("--release", self.release.is_some(), release),
            ("--state-dir", self.state_dir.is_some(), own),
            ("--allow-writes", self.allow_writes, own),
        ];
        if let Some((option, _, help)) = said.into_iter().find(|(_, said, _)| *said && !attached) {
            let gateway = &self.gateway;
            let message = format!("{option} applies only to a gateway at a URL, and clawcheck starts {gateway} itself");
            return usage(message, help);
        }
        match &self.state_dir {
            Some(directory) if !directory.is_dir() => usage(
                format!("the state directory {} does not exist", directory.display()),
                "pass the state directory of the gateway (OPENCLAW_STATE_DIR, ~/.openclaw)",
            ),
            _ => Ok(()),
        }
    }

    /// Determines which snapshots can be reported as unused.
    fn unused(&self, paths: &[PathBuf]) -> Result<UnusedScope, CommandError> {
        match paths.iter().find(|path| !path.is_dir()) {
            Some(file) if self.deny.contains(&DeniedResult::Unused) => Err(CommandError::usage(miette::miette!(
                help = "name the folder of the scenarios",
                "cannot determine the unused snapshots: {} is one file, and its family may have more",
                file.display()
            ))),
            Some(_) => Ok(UnusedScope::Unknown),
            None if paths.is_empty() => Ok(UnusedScope::All),
            None => Ok(UnusedScope::OfFamilies),
        }
    }

    /// The cases that the ids select, or all cases of the corpus, limited to those that `--filter` selects.
    fn select<'a>(&self, corpus: &'a Corpus, ids: &[&String]) -> Result<Vec<&'a Case>, CommandError> {
        let mut named = Vec::new();
        for id in ids {
            if misplaced::is_log_line(id) {
                return Err(misplaced::log_line());
            }
            let filter =
                id.parse::<Filter>().map_err(|error| CommandError::usage(miette::Report::msg(error.to_string())))?;
            // A misspelled path must not select cases whose ids contain it.
            if !filter.names(corpus.cases()) {
                let of_schema = matches!(self.schema, Some(None)) && id.parse::<PackageVersion>().is_ok();
                let help = match of_schema {
                    true => format!("pass the version of the schema with `=`: --schema={id}"),
                    false => {
                        format!(
                            "`--filter {}` selects the cases whose ids contain it; `clawcheck list` prints all cases",
                            quoted(id)
                        )
                    }
                };
                return Err(CommandError::usage(miette::miette!(
                    help = help,
                    "there is no file or folder `{id}`, and no case, scenario or family of that name"
                )));
            }
            named.push(filter);
        }
        let cases = Filter::select_any(&self.filter, corpus.select(&named));
        if cases.is_empty() {
            let filters = self.filter.iter().map(|filter| format!("`{}`", filter.as_str())).collect::<Vec<_>>();
            return Err(CommandError::nothing_selected(miette::Report::msg(match filters.as_slice() {
                [] => "the scenarios contain no cases".to_owned(),
                _ if named.is_empty() => {
                    format!("no case matches {}; `clawcheck list` prints all cases", filters.join(" or "))
                }
                _ => {
                    let named = named.iter().map(|named| format!("`{}`", named.as_str())).collect::<Vec<_>>();
                    let (named, filters) = (named.join(" and "), filters.join(" or "));
                    format!("no case of {named} matches {filters}; `clawcheck list` prints all cases")
                }
            })));
        }
        Ok(cases)
    }

    async fn play(
        &self,
        signals: &Signals,
        cases: &[&Case],
        library: &Library,
        corpus: &Corpus,
        unused: UnusedScope,
    ) -> Result<RunReport, CommandError> {
        if self.isolation.is_some() && matches!(self.gateway, GatewaySpec::Attached(_)) {
            let message = "--isolation applies only to gateways that clawcheck starts";
            return Err(CommandError::usage(miette::Report::msg(message)));
        }
        let stop = if self.allow_writes { signals.stop_after_cleanup() } else { signals.stop() };
        let session = Session::new(cases.len(), stop.clone());
        let (mut listeners, deliveries) = self.listeners(&session.progress).map_err(RunError::Report)?;
        let preparation = Preparation {
            state_dir: self.state_dir.clone(),
            claims: self.release,
            ..session.preparation(self.timeouts)
        };
        let mut listen = |event: Event<'_>| hear(&mut listeners, event);
        let Some((gateway, schema)) = session.unless_stopped(self.prepare(&session, &preparation)).await? else {
            let mut report = RunReport { interrupted: Some(cases.len()), ..RunReport::default() };
            listen(Event::Finished(&report)).map_err(RunError::Report)?;
            deliver(deliveries, &mut report, stop).await.map_err(RunError::Report)?;
            return Ok(report);
        };
        let options = self.options(&gateway, schema);
        let ended = run::run(cases, &gateway, library, &session.guard, &options, stop.clone(), &mut listen).await;
        session.progress.finish();
        let RunEnd { mut report, error } = ended?;
        report.unused_snapshots = unused.in_library(library, corpus);
        // Print the results first, so that an error does not hide them.
        let finished = listen(Event::Finished(&report)).map_err(RunError::Report);
        let delivered = deliver(deliveries, &mut report, stop).await.map_err(RunError::Report);
        match error.or(finished.err()).or(delivered.err()) {
            Some(error) => Err(error.into()),
            None => Ok(report),
        }
    }

    /// The gateway under test, and the schema that its frames are validated against.
    async fn prepare(
        &self,
        session: &Session,
        preparation: &Preparation,
    ) -> Result<(Gateway, Option<FrameSchema>), CommandError> {
        let gateway = session.prepare(&self.gateway, preparation).await?;
        let Some(version) = &self.schema else { return Ok((gateway, None)) };
        let version = version.as_ref().map(|version| version.0.as_str());
        let release = run::release_of(&gateway);
        // The release of the embedded gateway is the release whose rules it uses.
        let own = Facts::of(release).map(|rules| rules.described()).ok();
        let release = own.filter(|_| gateway.profile().kind == Kind::Embedded).unwrap_or(release);
        let show = |event| session.progress.preparing(&event);
        let found = gateway::protocol_schema(release, version, preparation, &show).await?;
        let schema = FrameSchema::parse(&found.package, &found.text)
            .map_err(|error| CommandError::message(&format!("{error} ({})", found.path.display())))?;
        Ok((gateway, Some(schema)))
    }

    fn options(&self, gateway: &Gateway, schema: Option<FrameSchema>) -> Options {
        let mut rerun = format!(" --gateway {}", quoted(&self.gateway.to_string()));
        if let Some(directory) = &self.snapshots {
            rerun.push_str(&format!(" --snapshots {}", quoted(&directory.to_string_lossy())));
        }
        if let Some(directory) = &self.state_dir {
            rerun.push_str(&format!(" --state-dir {}", quoted(&directory.to_string_lossy())));
        }
        if let Some(release) = self.release {
            rerun.push_str(&format!(" --release {release}"));
        }
        if self.trust {
            rerun.push_str(" --trust");
        }
        rerun.push_str(&self.timeouts.arguments());
        if self.allow_writes {
            rerun.push_str(" --allow-writes");
        }
        if let Some(version) = &self.schema {
            rerun.push_str(" --schema");
            if let Some(PackageVersion(version)) = version {
                rerun.push_str(&format!("={version}"));
            }
        }
        let usual = Session::options(gateway, self.jobs);
        Options {
            isolation: match self.isolation {
                Some(IsolationOption::Case) => Isolation::Case,
                Some(IsolationOption::Shared) => Isolation::Shared,
                None => usual.isolation,
            },
            schema: schema.map(Arc::new),
            trace: self.trace,
            explain: self.explain,
            mark_seen: self.mark_seen,
            rerun,
            token: std::env::var("CLAWCHECK_TOKEN").ok().filter(|token| !token.is_empty()),
            allow_writes: self.allow_writes,
            ..usual
        }
    }

    /// The listeners of the run, and the reports that are written to streams.
    ///
    /// # Errors
    /// A report cannot be written. This is detected before the first case.
    fn listeners(&self, progress: &Progress) -> io::Result<(Listeners, Vec<Delivery>)> {
        let reports = self.report.iter().map(|file| Destination::find(&file.0)).collect::<io::Result<Vec<_>>>()?;
        // Standard output then contains only the report.
        let to_stderr = reports.contains(&Destination::Stdout);
        let look = Look {
            colour: if to_stderr { console::colour_of_stderr() } else { console::colour() },
            every_case: self.trace,
            every_failure: self.explain,
            slow_after: match self.gateway {
                GatewaySpec::Embedded(_) => Duration::from_millis(500),
                _ => Duration::from_secs(45),
            },
        };
        let out = if to_stderr { progress.stderr() } else { progress.stdout() };
        let mut listeners: Listeners = vec![Box::new(progress.clone()), Box::new(Terminal::new(out, look))];
        let mut deliveries = Vec::new();
        for report in reports {
            let (sink, delivery) = report.open()?;
            listeners.push(Box::new(Json::new(sink)));
            deliveries.extend(delivery);
        }
        Ok((listeners, deliveries))
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
            Outcome::Conforms => exit::OK,
        }
    }
}

/// Notifies every listener, even if one of them fails. If the reader of standard output exits (`clawcheck run | head`),
/// the run continues without that output, because the verdict and the other reports are still needed.
fn hear(listeners: &mut Listeners, event: Event<'_>) -> io::Result<()> {
    let mut heard = Ok(());
    listeners.retain_mut(|listener| match listener.hear(event) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => false,
        Err(error) => {
            heard = Err(error);
            true
        }
        Ok(()) => true,
    });
    heard
}

/// Waits until the reports in streams are written. A signal ends the wait, because a reader may never appear. If the
/// reader has exited, this is not an error.
async fn deliver(deliveries: Vec<Delivery>, report: &mut RunReport, stop: watch::Receiver<bool>) -> io::Result<()> {
    let broken_off = *stop.borrow();
    let deadline = tokio::time::Instant::now() + AFTER_SIGNAL;
    for delivery in deliveries {
        tokio::select! {
            written = delivery.finish() => match written {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                written => written?,
            },
            () = tokio::time::sleep_until(deadline), if broken_off => {
                report.interrupted.get_or_insert(0);
                break;
            }
            () = crate::cli::signals::stop_requested(stop.clone()), if !broken_off => {
                report.interrupted.get_or_insert(0);
                break;
            }
        }
    }
    Ok(())
}
