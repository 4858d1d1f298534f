//! `clawcheck probe`: which release a gateway answers like.

use crate::cli::help::{OUTPUT, secret_variables};
use crate::cli::options::timeouts::TimeoutOptions;
use crate::cli::session::{self, Session};
use crate::cli::signals::Signals;
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit};
use crate::client::Link;
use crate::gateway::{Gateway, GatewayKind, GatewaySpec, Launch, LaunchError, RunDirectory, Running, Sandbox};
use crate::output_format::OutputFormat;
use crate::probe::{self, ProbeReport, ReleaseAnswersError, SILENCE_WAIT, Secret, Settings};
use openclaw_model::Release;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;
use untrusted_data::Redactions;

/// The default maximum wait for the start of a gateway.
const START: Duration = Duration::from_secs(120);
/// The maximum wait for the end of a gateway.
const STOP: Duration = Duration::from_secs(30);
/// The token of a gateway that the probe starts.
const TOKEN: &str = "clawcheck-probe-token-of-this-gateway";
/// Another machine, as an embedded gateway sees it (RFC 5737).
const REMOTE_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Find the release that a gateway behaves like, with about 60 short questions
///
/// `probe` needs no scenarios. It opens short connections and tests, for example, whether the gateway sends a
/// challenge, which protocols and proofs it accepts, whether it checks secrets, signatures and origins, and how it
/// closes connections. It asks the embedded gateway the same questions at each known release, and compares the answers.
/// It does not compare message texts.
///
/// By default, `probe` writes nothing to the pairing store of a gateway at a URL. With --allow-writes, it also asks the
/// questions that can leave a paired device or a pending request. If clawcheck starts the gateway, `probe` asks all
/// questions.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::PROBE.after(concat!(
    secret_variables!(),
    "

Examples:
  clawcheck probe ws://127.0.0.1:18789
  clawcheck probe gateways/pyclaw.yaml
  clawcheck probe openclaw@2026.4.2 --format json")))]
pub(crate) struct Probe {
    /// Gateway: ws://HOST:PORT, a description file, openclaw@RELEASE or embedded[@RELEASE]
    #[arg(value_name = "GATEWAY")]
    gateway: GatewaySpec,
    /// Ask the questions that can leave a record in the store of a gateway at a URL
    ///
    /// If the gateway pairs local clients silently, these questions pair a device. Otherwise, they leave a pending
    /// request.
    #[arg(long)]
    allow_writes: bool,
    /// Maximum wait for the gateway to close a connection on which the client sends nothing, in seconds
    ///
    /// OpenClaw closes such a connection after its handshake timeout, which depends on the release. The default
    /// exceeds only the shortest of these timeouts. The other questions do not wait for this question.
    #[arg(long, value_name = "SECONDS", default_value_t = SILENCE_WAIT.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3600))]
    idle_wait: u64,
    #[command(flatten)]
    timeouts: TimeoutOptions,
    /// Output format
    #[arg(long, value_enum, default_value_t, help_heading = OUTPUT)]
    format: OutputFormat,
}

impl Probe {
    pub(crate) fn run(self, signals: &Signals) -> Result<u8, CommandError> {
        let stop = signals.stop();
        let work = async {
            let session = Session::new(0, stop);
            let options = AskOptions {
                timeouts: self.timeouts,
                allow_writes: self.allow_writes,
                silence: Duration::from_secs(self.idle_wait),
            };
            let probed = session.unless_stopped(probed(&session, &self.gateway, options)).await?;
            session.progress.finish();
            Ok(probed)
        };
        let Some(ProbedGateway { report, name, claims, .. }) = session::block_on([&self.gateway], work)? else {
            return Ok(exit::INTERRUPTED);
        };
        let text = report.write(&name, claims, self.format);
        console::stdout().write_all(text.as_bytes()).map_err(CommandError::output)?;
        Ok(if is_as_claimed(&report, claims) { exit::OK } else { exit::DEVIATES })
    }
}

/// Whether a gateway is close to a release, and no other release is closer than the claimed one.
fn is_as_claimed(report: &ProbeReport, claims: Option<Release>) -> bool {
    let closest = report.closest();
    let claims = claims.and_then(openclaw_model::releases::described);
    !closest.is_empty() && claims.is_none_or(|claims| closest.contains(&claims))
}

/// A gateway that was asked.
pub(in crate::cli) struct ProbedGateway {
    /// The answers of the gateway.
    pub(in crate::cli) report: ProbeReport,
    /// The name of the gateway.
    pub(in crate::cli) name: String,
    /// The release that it claims to be.
    pub(in crate::cli) claims: Option<Release>,
    /// Whether clawcheck started it and its state directory contains OpenClaw's store.
    pub(in crate::cli) has_store: bool,
}

/// How a gateway is asked.
#[derive(Clone, Copy)]
pub(in crate::cli) struct AskOptions {
    /// The maximum waits.
    pub(in crate::cli) timeouts: TimeoutOptions,
    /// Whether questions may leave records in the store of a gateway at a URL.
    pub(in crate::cli) allow_writes: bool,
    /// The maximum wait for the gateway to give up on a silent client.
    pub(in crate::cli) silence: Duration,
}

/// Starts a gateway, or connects to it, asks it and stops it again.
pub(in crate::cli) async fn probed(
    session: &Session,
    spec: &GatewaySpec,
    options: AskOptions,
) -> Result<ProbedGateway, CommandError> {
    let gateway = session.prepare(spec, &session.preparation(options.timeouts)).await?;
    let run_directory = RunDirectory::new(&session.guard).map_err(no_room)?;
    let sandbox = run_directory.sandbox().map_err(no_room)?;
    let settings = settings(spec, &gateway, options);
    let secrets = session::secrets(&gateway);
    let mut running = launch(&gateway, &sandbox, &settings, &secrets).await?;
    let seconds = settings.total.max(settings.silence).as_secs();
    session.progress.note(&format!("probing {}: about 60 questions, at most {seconds} s", gateway.profile().name));
    let mut report = probe::probe(&running, &settings).await;
    stop(&gateway, &mut running).await;
    // The answers would be those to a wrong secret, and no release would be close to them.
    if gateway.profile().kind == GatewayKind::Attached && report.refuses_secret() {
        let variable = settings.secret.variable();
        return Err(CommandError::usage(miette::miette!("the gateway does not accept {variable}")));
    }
    let has_store = gateway.profile().kind == GatewayKind::Spawned && has_store(&sandbox.state_dir());
    let embedded = RunDirectory::in_memory(&session.guard).map_err(no_room)?;
    session.progress.note("comparing the answers with those of the known releases");
    probe::compare(&mut report, &settings, &embedded).await?;
    // After the comparison, because a secret can be a word of a usual answer.
    report.redact(&secrets);
    let profile = gateway.profile();
    Ok(ProbedGateway { report, name: profile.name.clone(), claims: profile.claims, has_store })
}

fn settings(spec: &GatewaySpec, gateway: &Gateway, options: AskOptions) -> Settings {
    let attached = gateway.profile().kind == GatewayKind::Attached;
    let secret = if attached { secret_of_environment() } else { Secret::Token(TOKEN.to_owned()) };
    let mut settings =
        Settings { silence: options.silence, ..Settings::new(secret, options.allow_writes || !attached) };
    if let Some(answer) = gateway.limits().answer {
        settings.answer = answer;
    }
    if let GatewaySpec::Attached(url) = spec
        && let Ok((Link::Tcp { host, .. }, _)) = Link::from_url(url)
        && host != "localhost"
        && !host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    {
        settings.peer = Some(REMOTE_ADDRESS);
    }
    settings
}

fn secret_of_environment() -> Secret {
    let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    match (variable("CLAWCHECK_TOKEN"), variable("CLAWCHECK_PASSWORD")) {
        (Some(token), _) => Secret::Token(token),
        (None, Some(password)) => Secret::Password(password),
        (None, None) => Secret::Unknown,
    }
}

async fn launch(
    gateway: &Gateway,
    sandbox: &Sandbox,
    settings: &Settings,
    secrets: &Redactions,
) -> Result<Running, CommandError> {
    let attached = gateway.profile().kind == GatewayKind::Attached;
    let start = gateway.limits().start.unwrap_or(if attached { settings.answer } else { START });
    let launch = Launch {
        sandbox,
        state_dir: None,
        openclaw_json: configuration(),
        environment: BTreeMap::new(),
        clock: None,
        trace: None,
        deadline: Instant::now() + start,
    };
    let launched = gateway.launch(launch).await;
    launched.map_err(|error| {
        let message = console::sanitize(&secrets.apply(&error.to_string()));
        match error {
            LaunchError::CommandNotFound { .. } | LaunchError::CannotRun { .. } => {
                CommandError::usage(miette::Report::msg(message))
            }
            _ => CommandError::message(&message),
        }
    })
}

/// `openclaw.json` of a gateway that the probe starts.
fn configuration() -> Value {
    json!({ "gateway": { "mode": "local", "bind": "loopback", "auth": { "mode": "token", "token": TOKEN } } })
}

/// Stops a gateway that the probe started.
async fn stop(gateway: &Gateway, running: &mut Running) {
    if gateway.profile().kind != GatewayKind::Attached {
        // A gateway that does not stop in time is killed.
        let _ = running.stop(Instant::now() + gateway.limits().stop.unwrap_or(STOP)).await;
    }
}

/// Whether a state directory has a store in OpenClaw's layout.
fn has_store(state_dir: &Path) -> bool {
    let files = ["devices/paired.json", "devices/pending.json", "state/openclaw.sqlite"];
    files.iter().any(|file| state_dir.join(file).exists())
}

fn no_room(error: io::Error) -> CommandError {
    CommandError::message(&format!("not enough disk space for the probe: {error}"))
}

impl From<ReleaseAnswersError> for CommandError {
    fn from(error: ReleaseAnswersError) -> Self {
        Self::message(&error.to_string())
    }
}
