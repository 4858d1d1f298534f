//! `clawcheck serve`: the embedded gateway as a program.

use crate::cli::signals::{Signals, stop_requested};
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit};
use crate::explain::{StateDirectory, StatePaths};
use crate::gateway_files::{CONFIGS, is_of_gateway, not_a_state_directory};
use miette::Report;
use openclaw_emulator::StartError;
use openclaw_emulator::program::{self, Program, ProgramError, ProgramOptions};
use openclaw_model::{Facts, Release, releases};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Run the embedded gateway with an openclaw.json and a state directory, like the real release
///
/// `serve` reads the `gateway` section of the configuration (JSON5) in the same way as the release. It refuses the settings
/// and the damaged stores that the release refuses (with the release's exit code, 1 or 78) and writes the pairing store in
/// the release's format. The real `openclaw` CLI and other clients can therefore use it. `serve` does not serve the Control
/// UI's pages and the gateway's other HTTP APIs.
///
/// If there is no configuration, or the configuration has no token, `serve` generates a token and saves it in the
/// configuration, like the release. `serve` does not use ~/.openclaw by default. A folder that contains other files is not
/// accepted as the state directory.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::SERVE.after("\
Examples:
  clawcheck serve --state-dir STATE
  clawcheck serve --release 2026.4.2 --port 0 --state-dir STATE --config openclaw.json"))]
pub(crate) struct Serve {
    /// OpenClaw release to emulate [default: the installed or last used release of the state directory, or the newest known one]
    #[arg(long, value_name = "RELEASE")]
    release: Option<Release>,
    /// Port to listen on; 0 selects a free port [default: 18789] [env: OPENCLAW_GATEWAY_PORT]
    ///
    /// Without this option and the variable, `serve` uses `gateway.port` of the configuration.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// State directory; required [env: OPENCLAW_STATE_DIR]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Configuration file [default: openclaw.json in the state directory] [env: OPENCLAW_CONFIG_PATH]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Addresses to listen on [default: gateway.bind of the configuration, or loopback]
    #[arg(long, value_name = "MODE", value_parser = ["loopback", "lan", "tailnet", "auto", "custom"])]
    bind: Option<String>,
    /// Write the gateway's log to standard error, and for each connect the checks that led to its answer
    #[arg(long)]
    verbose: bool,
}

impl Serve {
    pub(crate) fn run(self, signals: &Signals) -> Result<u8, CommandError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| CommandError::failed(Report::msg(format!("cannot start: {error}"))))?;
        runtime.block_on(self.serve(signals))
    }

    async fn serve(self, signals: &Signals) -> Result<u8, CommandError> {
        let mut options = ProgramOptions {
            release: releases::DEFAULT,
            port: self.port,
            state_dir: self.state_dir,
            config: self.config,
            bind: self.bind,
            env: environment(),
            log: self.verbose.then(|| Arc::new(log) as _),
        };
        if let Some(directory) = options.named_state_dir() {
            must_be_usable(&directory)?;
        }
        let release = self.release.unwrap_or_else(|| release_of_directory(&options));
        options.release = release;
        let stop = signals.stop();
        let program = program::start(options).await.map_err(program_error)?;
        if let Some(known) = Facts::of(release).ok().map(|rules| rules.described()).filter(|known| *known != release) {
            log(&format!("clawcheck serve: {release} has no rules of its own; it uses the rules of {known}"));
        }
        if let Some(path) = &program.token_saved {
            log(&format!("clawcheck serve: saved a new gateway token in {}", path.display()));
        }
        let announced = announce(&program, release);
        if announced.is_ok() {
            stop_requested(stop).await;
        }
        program.gateway.stop().await;
        announced.map_err(CommandError::output).map(|()| exit::OK)
    }
}

/// Refuses a folder that is not empty and contains no gateway files, because `serve` would write a configuration and a
/// store into the folder.
///
/// # Errors
/// Returns an error if the path is not a directory, or if the folder contains files but no gateway files.
fn must_be_usable(directory: &Path) -> Result<(), CommandError> {
    let is_empty = |directory: &Path| directory.read_dir().is_ok_and(|mut entries| entries.next().is_none());
    // The start reports a directory that cannot be read.
    let is_readable = directory.read_dir().is_ok();
    let is_other = directory.is_dir() && is_readable && !is_empty(directory) && !has_gateway_files(directory);
    if !is_other && (directory.is_dir() || !directory.exists()) {
        return Ok(());
    }
    let (message, help) = not_a_state_directory(directory);
    let help = format!("name a new or an empty directory, or {help}");
    Err(CommandError::usage(miette::miette!(help = help, "{message}")))
}

/// Whether a folder contains files or folders with the names of gateway files. Damaged files count as well, because the
/// model contains the reaction of the release to them.
fn has_gateway_files(directory: &Path) -> bool {
    let mut named = CONFIGS.into_iter().chain(["devices", "identity", "nodes", "state/openclaw.sqlite-wal"]);
    is_of_gateway(directory) || named.any(|name| directory.join(name).symlink_metadata().is_ok())
}

/// The release of the state directory, or the newest known one.
fn release_of_directory(options: &ProgramOptions) -> Release {
    let places =
        StatePaths { state_dir: options.state_dir.clone(), config: options.config.clone(), env: options.env.clone() };
    // A new directory has no release. If the directory cannot be read, the start reports the error.
    let is_named = options.named_state_dir().is_some();
    let state = is_named.then(|| StateDirectory::read_despite_config(&places).ok()).flatten();
    let chosen = state.as_ref().map(|state| state.choose_release(None));
    if let Some(chosen) = chosen {
        log(&format!("clawcheck serve: the release is {chosen}; use --release to select another release"));
    }
    chosen.map_or(releases::DEFAULT, |chosen| chosen.release)
}

/// If a release refuses its settings or its store, `serve` exits with the release's own exit code, so that a process
/// supervisor sees no difference.
fn program_error(error: ProgramError) -> CommandError {
    match &error {
        ProgramError::Refused { refusal, .. } | ProgramError::Start(StartError::Refused(refusal)) => {
            let code = u8::try_from(refusal.exit_code).unwrap_or(exit::FAILED);
            CommandError::refused(code, error)
        }
        wrong if wrong.is_usage() => CommandError::usage(error),
        _ => CommandError::failed(error),
    }
}

/// The gateway ignores variables that are not Unicode.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn announce(program: &Program, release: Release) -> io::Result<()> {
    let mut out = console::stdout();
    let (address, state_dir) = (program.address, console::sanitize_line(&program.state_dir.to_string_lossy()));
    writeln!(out, "clawcheck serve: openclaw {release} on ws://{address} (state {state_dir})")?;
    out.flush()
}

/// The reader of the log may have exited. The gateway continues without it.
fn log(line: &str) {
    let _ = writeln!(console::stderr(), "{}", console::sanitize_line(line));
}
