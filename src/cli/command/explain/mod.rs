//! `clawcheck explain`: the reasons for the answer to a connect, and the remedies.

mod case;

use crate::cli::help::{CLIENT, CONNECTION, OUTPUT};
use crate::cli::misplaced;
use crate::cli::options::state_directory::environment;
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit};
use crate::client::Proxy;
use crate::explain::{
    self, AdmittedClient, ClientDescription, Credential, Explanation, LoggedRefusal, Preset, StateDirectory,
    StateError, StatePaths, remedies,
};
use crate::gateway_files;
use crate::machine::now;
use crate::output_format::OutputFormat;
use crate::suggestions::nearest_within;
use case::ExplainedCase;
use openclaw_model::Release;
use openclaw_protocol::scopes::{OPERATOR_SCOPES, ROLES};
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The proxies that `--via` accepts.
const PROXIES: [(&str, Proxy); 5] = [
    ("nginx", Proxy::Nginx),
    ("caddy", Proxy::Caddy),
    ("tailscale-serve", Proxy::TailscaleServe),
    ("cloudflared", Proxy::Cloudflared),
    ("ssh-tunnel", Proxy::SshTunnel),
];

/// Other proxies, and what to pass instead.
const OTHER_PROXIES: [(&str, &str); 7] = [
    ("traefik", "Traefik adds the same kinds of headers as `nginx`"),
    ("haproxy", "HAProxy with `option forwardfor` adds the same kinds of headers as `nginx`"),
    ("apache", "Apache adds the same kinds of headers as `caddy`"),
    ("tailscale", "Tailscale Serve is `tailscale-serve`"),
    ("cloudflare", "a Cloudflare tunnel is `cloudflared`"),
    ("ssh", "an SSH tunnel is `ssh-tunnel`"),
    ("docker", "Docker adds no headers: omit --via, and pass the address that the gateway sees with --peer"),
];

/// Explain why a gateway refuses a client, and what would let the client in
///
/// `explain` reads a state directory and its openclaw.json. The model of an OpenClaw release then computes the answer
/// to a client. `explain` prints the answer, the checks that led to it, the release that introduced each rule, and the
/// record of the device. If the client is refused, `explain` tries remedies on copies in memory. It lists the remedies
/// that let this client in, also after a restart. The least risky remedy comes first.
///
/// `explain` writes no files, starts no processes and opens no connections. Without --state-dir, it reads the state
/// directory that `openclaw` itself would use on this machine. It does not print tokens, passwords or keys.
///
/// With a case instead of a directory, `explain` plays the case on the embedded gateway. It prints the answer to each
/// connect, and the checks that led to the answer to one step. STEP is the number or the name of the step (default: the
/// first refused connect).
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::EXPLAIN.after("\
Examples:
  clawcheck explain                                  The openclaw command on this machine
  clawcheck explain --as exec                        The exec tool
  clawcheck explain --state-dir DIR --device iPhone  A phone, in a copied state directory
  clawcheck explain --as control-ui --via tailscale-serve
  clawcheck explain --log gateway.log --releases all
  clawcheck explain role-upgrade/client --release 2026.3.31
  clawcheck explain my-scenario.yaml:2 --releases all"))]
pub(crate) struct Explain {
    /// State directory (the same as --state-dir), or the id or the file of a case, with a step
    #[arg(value_name = "DIR|CASE[:STEP]", conflicts_with = "state_dir")]
    what: Option<PathBuf>,
    /// State directory [default: the one that `openclaw` uses: OPENCLAW_STATE_DIR or ~/.openclaw]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Configuration file [default: OPENCLAW_CONFIG_PATH or openclaw.json in the state directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// OpenClaw release of the gateway [default: the installed or last used release, or the newest known one]
    ///
    /// Without this option, `explain` reads the version from the package of the `openclaw` in PATH (only for the default state
    /// directory) or from `meta.lastTouchedVersion` in openclaw.json.
    #[arg(long, value_name = "RELEASE")]
    release: Option<Release>,
    /// Print the answers of all known releases, one line for each
    #[arg(long, value_name = "all", value_parser = ["all"])]
    releases: Option<String>,
    /// Client: cli, probe, tui, exec, backend, control-ui, webchat, node, macos, ios, android [default: from the device's record, or cli]
    #[arg(long = "as", value_name = "CLIENT", help_heading = CLIENT)]
    client: Option<Preset>,
    /// Device: a name, a part of a name, an id, the first characters of an id, `new` or `none` [default: identity/device.json]
    ///
    /// A state directory does not contain the private keys of other devices. For such a device, `explain` uses a stand-in
    /// key and puts this key into its copy of the records.
    #[arg(long, value_name = "DEVICE", help_heading = CLIENT)]
    device: Option<String>,
    /// Role that the client requests [default: the client's own]
    #[arg(long, value_name = "ROLE", value_parser = role, help_heading = CLIENT)]
    role: Option<String>,
    /// Scopes that the client requests, separated by commas [default: the client's own]
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', value_parser = scope, help_heading = CLIENT)]
    scopes: Option<Vec<String>>,
    /// Platform of the client [default: that of the device's record]
    ///
    /// In the default state directory, the gateway's own device has the platform of this machine.
    #[arg(long, value_name = "PLATFORM", help_heading = CLIENT)]
    platform: Option<String>,
    /// Credentials: shared, token, password, device-token, bootstrap-token or none, with an optional `=VALUE`
    ///
    /// Without a value, `token` and `password` are those of the gateway, and `device-token` is that of the device's record.
    /// The default is `shared`: the secret that the gateway requires. For a device whose private key is not in the state
    /// directory, the default is `device-token`.
    #[arg(long, value_name = "KIND[=VALUE]", help_heading = CLIENT)]
    auth: Option<Credential>,
    /// Proxy between the client and the gateway: nginx, caddy, tailscale-serve, cloudflared or ssh-tunnel
    ///
    /// The proxy adds the headers that its documentation describes. The client connects to the proxy from the address
    /// 203.0.113.7. It requests the host of the first https origin in gateway.controlUi.allowedOrigins, or gateway.example.
    #[arg(long, value_name = "PROXY", value_parser = via, help_heading = CONNECTION)]
    via: Option<Proxy>,
    /// Header of the upgrade request; overrides the headers of --via (repeatable)
    #[arg(long, value_name = "NAME: VALUE", value_parser = header, help_heading = CONNECTION)]
    header: Vec<(String, String)>,
    /// Origin header [default: none, or the gateway's address for browser clients]
    #[arg(long, value_name = "ORIGIN", help_heading = CONNECTION)]
    origin: Option<String>,
    /// Host header [default: for pages and proxies from gateway.controlUi.allowedOrigins, or the gateway's address]
    #[arg(long, value_name = "HOST", help_heading = CONNECTION)]
    host: Option<String>,
    /// Peer address of the connection that the gateway sees [default: 127.0.0.1; for a phone, the address in its record]
    #[arg(long, value_name = "ADDRESS", help_heading = CONNECTION)]
    peer: Option<IpAddr>,
    /// OpenClaw release of the client [default: the release of the gateway]
    #[arg(long, value_name = "RELEASE", help_heading = CLIENT)]
    client_release: Option<Release>,
    /// Take client, device, headers and role from the last refused connect in a gateway's log; - is standard input
    ///
    /// Options that are given on the command line override the log. If the log contains the connects of several clients, --as
    /// selects the last refused connect of this client.
    #[arg(long, value_name = "FILE", help_heading = CLIENT)]
    log: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t, help_heading = OUTPUT)]
    format: OutputFormat,
}

impl Explain {
    pub(crate) fn run(self) -> Result<u8, CommandError> {
        if let Some(what) = self.what.as_ref().filter(|what| !what.is_dir()) {
            let case = ExplainedCase::find(what)?;
            let case = case.ok_or_else(|| misplaced::neither_directory_nor_case(what))?;
            self.check_case()?;
            return case.run(self.release, self.releases.is_some(), self.format);
        }
        let format = self.format;
        let places = StatePaths {
            state_dir: self.what.clone().or_else(|| self.state_dir.clone()),
            config: self.config.clone(),
            env: environment(),
        };
        let logged = self.log.as_deref().map(|path| logged(path, self.client)).transpose()?;
        let state = StateDirectory::read(&places).map_err(|error| CommandError::usage(self.with_hint(error)))?;
        if let Some(sentence) = state.remote_gateway() {
            return Err(remote_gateway(&sentence));
        }
        let all = self.releases.is_some();
        let is_release_given = self.release.is_some();
        let mut description = self.client_description();
        if let Some(logged) = &logged {
            logged.complete_from_store(&mut description, &state.stored);
            logged.complete(&mut description, &state.config);
        }
        let simulated = explain::simulated(&state, &description, now()).map_err(CommandError::usage)?;
        let answer = simulated.answer();
        // If the answers differ, the explanation begins with the answer in the log.
        let agreeing = logged.iter().filter(|logged| logged.agrees(&answer));
        let notes = agreeing.filter_map(LoggedRefusal::says).collect();
        let mut explanation = Explanation {
            state: &state,
            simulated: &simulated,
            answer: &answer,
            results: None,
            notes,
            logged: logged.as_ref(),
            is_release_given,
            variants: Vec::new(),
        };
        let (text, code) = if all {
            let answers = remedies::by_release(&simulated);
            let is_ok = answers.iter().all(|answer| answer.answer.succeeds())
                && logged.as_ref().is_none_or(|logged| answers.iter().any(|answer| logged.agrees(&answer.answer)));
            (explanation.releases(&answers, format), if is_ok { exit::OK } else { exit::DEVIATES })
        } else {
            let results = (!answer.succeeds()).then(|| remedies::try_all(&simulated));
            explanation.results = results.as_ref();
            if answer.succeeds() {
                let admitted = AdmittedClient { state: &state, description: &description, simulated: &simulated };
                explanation.variants = admitted.refused_variants();
            }
            let is_refused = !answer.succeeds() || !explanation.is_as_logged();
            (explanation.write(format), if is_refused { exit::DEVIATES } else { exit::OK })
        };
        console::stdout().write_all(text.as_bytes()).map_err(CommandError::output)?;
        Ok(code)
    }

    /// If the folder contains no gateway files, adds a hint to the error: the argument can also be a case or a folder of
    /// scenarios.
    fn with_hint(&self, error: StateError) -> StateError {
        let is_of_no_gateway =
            |folder: &Path| gateway_files::above(folder).is_none() && gateway_files::below(folder).is_empty();
        match (error, &self.what) {
            (StateError::Foreign { message, help }, Some(folder)) if is_of_no_gateway(folder) => {
                let help = format!("{help}; to explain a case, pass its id or its file");
                StateError::Foreign { message, help }
            }
            (error, _) => error,
        }
    }

    /// Refuses options that describe a client or a directory, because the case describes both.
    fn check_case(&self) -> Result<(), CommandError> {
        let given = [
            ("--config", self.config.is_some()),
            ("--as", self.client.is_some()),
            ("--device", self.device.is_some()),
            ("--role", self.role.is_some()),
            ("--scopes", self.scopes.is_some()),
            ("--platform", self.platform.is_some()),
            ("--auth", self.auth.is_some()),
            ("--via", self.via.is_some()),
            ("--header", !self.header.is_empty()),
            ("--origin", self.origin.is_some()),
            ("--host", self.host.is_some()),
            ("--peer", self.peer.is_some()),
            ("--client-release", self.client_release.is_some()),
            ("--log", self.log.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((option, _)) => Err(CommandError::usage(miette::miette!(
                help = "omit the option, or pass a state directory instead of the case",
                "{option} does not apply to a case: its steps describe the clients and the gateway"
            ))),
        }
    }

    fn client_description(self) -> ClientDescription {
        ClientDescription {
            preset: self.client,
            device: self.device,
            sends_device: false,
            role: self.role,
            scopes: self.scopes.map(|scopes| scopes.into_iter().filter(|scope| !scope.is_empty()).collect()),
            platform: self.platform,
            via: self.via,
            headers: self.header,
            origin: self.origin,
            host: self.host,
            peer: self.peer,
            credential: self.auth,
            with_own_credentials: true,
            release: self.release,
            client_release: self.client_release,
        }
    }
}

/// The error for the state directory of a machine whose `openclaw` uses a gateway on another machine.
fn remote_gateway(sentence: &str) -> CommandError {
    CommandError::usage(miette::miette!(
        help = "run clawcheck on the machine of the gateway, or pass a copy of the gateway's state directory with --state-dir. \
                gateway.remote.token or gateway.remote.password must contain the secret of the gateway. To run a gateway on \
                this machine: openclaw config set gateway.mode local",
        "{sentence}"
    ))
}

fn logged(path: &Path, client: Option<Preset>) -> Result<LoggedRefusal, CommandError> {
    if let Some(error) = misplaced::no_log(path) {
        return Err(error);
    }
    if path != Path::new("-") {
        return LoggedRefusal::read(path, client).map_err(CommandError::usage);
    }
    LoggedRefusal::read_from(std::io::stdin().lock(), client).map_err(CommandError::usage)
}

fn via(name: &str) -> Result<Proxy, String> {
    let found = PROXIES.iter().find(|(known, _)| *known == name).map(|(_, via)| *via);
    found.ok_or_else(|| crate::suggestions::choices_or_synonym(name, &PROXIES.map(|(known, _)| known), &OTHER_PROXIES))
}

/// A role. An unknown one can be intended, but not a misspelled one.
fn role(name: &str) -> Result<String, String> {
    known(name, &ROLES)
}

/// A scope, or nothing. An unknown one can be intended, but not a misspelled one.
fn scope(name: &str) -> Result<String, String> {
    match OPERATOR_SCOPES.iter().find(|known| known.strip_prefix("operator.") == Some(name)) {
        Some(whole) => Err(format!("did you mean `{whole}`?")),
        None => known(name.trim(), &OPERATOR_SCOPES),
    }
}

fn known(name: &str, known: &[&str]) -> Result<String, String> {
    let near = nearest_within(2, name, known.iter().copied()).filter(|near| *near != name);
    near.map_or_else(|| Ok(name.to_owned()), |near| Err(format!("did you mean `{near}`?")))
}

/// Parses `Name: value`, and converts the name to lower case.
fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected `Name: value`")?;
    let name = name.trim().to_ascii_lowercase();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_name { Ok((name, value.trim().to_owned())) } else { Err("expected `Name: value`".to_owned()) }
}
