//! `clawcheck record`: a proxy in front of a gateway that records messages as a scenario.

use crate::cli::options::state_directory::environment;
use crate::cli::signals::{Signals, stop_requested};
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit};
use crate::client::Link;
use crate::counted::counted;
use crate::explain::{StateDirectory, StatePaths};
use crate::machine::now;
use crate::record::{InitialState, RecordedScenario, Recorder};
use crate::scenario::{Corpus, lint};
use crate::shell::quoted;
use openclaw_model::Release;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use untrusted_data::atomic_file;

/// The maximum number of names that `record` tries for its file.
const MAX_NAMES: usize = 100;

/// Record the messages between clients and a gateway as a scenario
///
/// `record` is a proxy. Clients connect to the proxy instead of the gateway: the openclaw command, the Control UI in a
/// browser, or any other client. Ctrl-C ends the recording and writes the scenario file. `clawcheck run FILE` replays
/// it on any gateway and checks that the answers are the same.
///
/// The file contains no tokens, passwords, signatures or keys: devices have keys of the scenario, and symbols replace
/// tokens. It contains other texts that clients sent, such as chat messages. Comments at its start list what cannot be
/// replayed.
///
/// The proxy forwards bytes and headers unchanged, except that it removes the offer to compress messages
/// (Sec-WebSocket-Extensions). The gateway sees every client at 127.0.0.1.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::RECORD.after("\
Examples:
  clawcheck record --upstream ws://127.0.0.1:18789 -o mine.yaml
  clawcheck record --upstream ws://127.0.0.1:18789 --state-dir ~/.openclaw"))]
pub(crate) struct Record {
    /// The gateway, on this machine
    #[arg(long, value_name = "ws://HOST:PORT")]
    upstream: String,
    /// Address for the clients, on this machine; port 0 selects a free port
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// File to write; it must not exist
    #[arg(long, short, value_name = "FILE", default_value = "recorded.yaml")]
    output: PathBuf,
    /// State directory of the gateway; its settings and records before the recording become part of the scenario, without secrets
    ///
    /// Without this option, `record` derives settings and records from the answers.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Release of the gateway, for --state-dir, if no hello-ok names it [default: the last used release, or the newest known one]
    #[arg(long, value_name = "RELEASE", requires = "state_dir")]
    release: Option<Release>,
    /// Maximum duration of the recording, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..=604_800))]
    max_time: u32,
}

impl Record {
    pub(crate) fn run(self, signals: &Signals) -> Result<u8, CommandError> {
        let upstream = self.upstream()?;
        if !self.listen.ip().to_canonical().is_loopback() {
            return Err(CommandError::usage(miette::miette!(
                help = "listen on 127.0.0.1 or [::1]; to record a client on another machine, forward a port: ssh -L",
                "--listen: {} is not a loopback address; anyone on the network could use the gateway through it",
                self.listen.ip()
            )));
        }
        if self.output.symlink_metadata().is_ok() {
            return Err(CommandError::usage(miette::miette!(
                help = "name a new file with -o; `record` overwrites nothing",
                "{} exists",
                self.output.display()
            )));
        }
        let is_yaml = self.output.extension().is_some_and(|extension| extension == "yaml");
        let not_yaml = || (!is_yaml).then(|| "the name of a scenario file must end in .yaml".to_owned());
        if let Some(message) = not_yaml().or_else(|| lint::problem_of_name(&self.output)) {
            let help = "pass another file name with -o, for example recorded.yaml";
            return Err(CommandError::usage(miette::miette!(help = help, "--output: {message}")));
        }
        // A file that cannot be written is an error at the start, not at the end.
        atomic_file::probe(&self.output).map_err(|error| cannot_write(&self.output, &error))?;
        let initial_state = self.initial_state()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| CommandError::message(&format!("cannot start: {error}")))?;
        runtime.block_on(self.record(signals, upstream, initial_state))
    }

    /// The host and the port of the gateway.
    fn upstream(&self) -> Result<(String, u16), CommandError> {
        let (link, path) = Link::from_url(&self.upstream)
            .map_err(|error| CommandError::usage(miette::miette!("--upstream: {error}")))?;
        if path != "/" {
            return Err(CommandError::usage(miette::miette!(
                help = "leave out the path here, and add it to the URL of the proxy that the client connects to",
                "--upstream: the path {path} has no effect, because the proxy forwards the path of each client",
                path = console::sanitize_line(path.split('?').next().unwrap_or_default())
            )));
        }
        let Link::Tcp { host, port } = link else {
            return Err(CommandError::usage(miette::miette!("--upstream: expected ws://127.0.0.1:PORT")));
        };
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        if host != "localhost" && !address.is_ok_and(|address| address.to_canonical().is_loopback()) {
            let help =
                "run `record` on the machine of the gateway, or forward its port: ssh -L 18789:127.0.0.1:18789 HOST";
            return Err(CommandError::usage(miette::miette!(help = help, "--upstream: {host} is not this machine")));
        }
        Ok((host.trim_matches(['[', ']']).to_owned(), port))
    }

    /// Writes the file, and returns its path. If that fails, the recording is written to the temporary folder.
    fn write(&self, recorded: &RecordedScenario) -> Result<PathBuf, CommandError> {
        let text = recorded.text().as_bytes();
        create(&self.output, text).map_err(|error| {
            let other = self.output.file_name().map(|name| std::env::temp_dir().join(name));
            let message = format!("cannot write {}: {error}", self.output.display());
            match other.and_then(|other| create(&other, text).ok()) {
                Some(saved) => {
                    let help = format!("the recording is in {}", quoted(&saved.to_string_lossy()));
                    CommandError::of_file(error.kind(), miette::miette!(help = help, "{message}"))
                }
                None => cannot_write(&self.output, &error),
            }
        })
    }

    /// The settings and the store of the gateway before the recording.
    fn initial_state(&self) -> Result<InitialState, CommandError> {
        let Some(directory) = &self.state_dir else { return Ok(InitialState::default()) };
        let places = StatePaths { state_dir: Some(directory.clone()), config: None, env: environment() };
        let state = StateDirectory::read(&places).map_err(CommandError::usage)?;
        let initial_state = InitialState::of(state, self.release, now());
        let initial_state = initial_state.map_err(|error| CommandError::usage(miette::miette!("{error}")))?;
        initial_state.check().map_err(|problem| {
            CommandError::usage(miette::miette!(
                help = "omit --state-dir: `record` then derives settings and records from the answers",
                "--state-dir: a scenario cannot contain the state of this directory: {problem}"
            ))
        })?;
        Ok(initial_state)
    }

    async fn record(
        self,
        signals: &Signals,
        upstream: (String, u16),
        initial_state: InitialState,
    ) -> Result<u8, CommandError> {
        let stop = signals.stop_and_write();
        let failed = |error| {
            let help = "pass another port with --listen; port 0 selects a free one";
            CommandError::failed(miette::miette!(help = help, "cannot listen on {}: {error}", self.listen))
        };
        let recorder = Recorder::listen(self.listen, upstream).await.map_err(failed)?;
        let address = recorder.address().map_err(failed)?;
        let file = console::sanitize_line(&self.output.to_string_lossy());
        let mut out = console::stdout();
        let gateway = console::sanitize_line(&self.upstream);
        writeln!(out, "clawcheck record: ws://{address} -> {gateway}; Ctrl-C ends the recording and writes {file}")
            .and_then(|()| {
                writeln!(out, "The gateway sees every client at 127.0.0.1. The proxy removes Sec-WebSocket-Extensions and changes no other header.")
            })
            .and_then(|()| out.flush())
            .map_err(CommandError::output)?;
        let end = async {
            let _ = tokio::time::timeout(Duration::from_secs(self.max_time.into()), stop_requested(stop)).await;
        };
        let recorded = recorder.record(&gateway, initial_state, end).await;
        if let Some(reason) = &recorded.unreachable {
            return Err(CommandError::failed(miette::miette!(
                help = "start the gateway, or pass its URL with --upstream",
                "nothing was recorded: the gateway at {gateway} is not reachable ({reason})"
            )));
        }
        let written = self.write(&recorded)?;
        let file = console::sanitize_line(&written.to_string_lossy());
        if written != self.output {
            let taken = console::sanitize_line(&self.output.to_string_lossy());
            writeln!(out, "{taken} appeared during the recording and was not overwritten")
                .map_err(CommandError::output)?;
        }
        let left_out = match recorded.left_out.len() {
            0 => String::new(),
            1 => "; a comment at its start says what it does not contain".to_owned(),
            count => format!("; {count} comments at its start list what it does not contain"),
        };
        let text = format!(
            "{file}: {}, {}{left_out}\n{}\n",
            counted(recorded.connections, "connection"),
            counted(recorded.steps, "step"),
            next_command(&recorded, &written)
        );
        out.write_all(text.as_bytes()).map_err(CommandError::output)?;
        match recorded.left_out.first().filter(|_| recorded.is_cut) {
            Some(cut) => Err(CommandError::usage(miette::miette!(
                help = "end the recording earlier, with Ctrl-C or --max-time SECONDS",
                "{file} does not contain {cut}"
            ))),
            None => Ok(exit::OK),
        }
    }
}

/// What to do with a written file.
fn next_command(recorded: &RecordedScenario, written: &Path) -> String {
    let shown = written.to_string_lossy();
    let name = quoted(&shown);
    // A method that clawcheck does not know can do anything.
    let trust = if Corpus::load(&[written.to_owned()]).is_ok() { "" } else { " --trust" };
    let gateway = recorded.release.map(|release| format!(" --gateway embedded@{release}")).unwrap_or_default();
    format!("to replay it: clawcheck run {name}{gateway}{trust}")
}

fn cannot_write(file: &Path, error: &io::Error) -> CommandError {
    CommandError::of_file(error.kind(), miette::miette!("cannot write {}: {error}", file.display()))
}

/// Creates the file. If its name was taken during the recording, it gets the first free name of the form `NAME-2.yaml`.
fn create(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let mut candidate = path.to_owned();
    for number in 2..=MAX_NAMES {
        match atomic_file::create_private(&candidate, bytes) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            written => return written.map(|()| candidate),
        }
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{number}"));
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        candidate = path.with_file_name(name);
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
