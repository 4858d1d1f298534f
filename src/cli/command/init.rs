//! `clawcheck init`: writes the description of a gateway.

use super::probe::{AskOptions, ProbedGateway, probed};
use crate::cli::help::secret_variables;
use crate::cli::options::timeouts::TimeoutOptions;
use crate::cli::session::{self, Session};
use crate::cli::signals::Signals;
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit};
use crate::client::Link;
use crate::gateway::{GatewaySpec, check_description};
use crate::probe::{Described, SILENCE_WAIT, Start, describe, to_check};
use crate::shell::quoted;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use untrusted_data::atomic_file;

/// The folder for descriptions, if it exists.
const FOLDER: &str = "gateways";
/// The name of a gateway whose command does not give it one.
const NAMELESS: &str = "gateway";

/// Write a gateway description from a command or a URL
///
/// `init` starts the gateway with the command, asks the questions of `clawcheck probe`, and writes a description. The
/// description contains the release that the gateway behaves like (`claims`), the features that it does not have
/// (`lacks`), how clawcheck detects that it is ready, and the location of its store. The command must contain {port}.
/// gateways/README.md lists the other placeholders.
///
/// The gateway does not run in the current folder. In the description, the command and the arguments that name files
/// have absolute paths.
///
/// If you pass a URL, clawcheck does not know the command of the gateway. The description then contains a command that
/// you must replace.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::INIT.after(concat!(
    secret_variables!(),
    "

Examples:
  clawcheck init my-gateway serve --port {port} --token {token}
  clawcheck init --env MY_STATE_DIR={state-dir} --output mine.yaml ./my-gateway --port {port}
  clawcheck init ws://127.0.0.1:18789")))]
pub(crate) struct Init {
    /// URL of a gateway, or the command that starts it and its arguments
    #[arg(value_name = "URL|COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    gateway: Vec<String>,
    /// File to write [default: NAME.yaml, in the folder `gateways` if there is one]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Name of the gateway [default: the name of the command]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Environment variable of the gateway (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// URL path of the WebSocket endpoint [default: the path of the URL, or /]
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Ask the questions that can leave a record in the store of a gateway at a URL
    #[arg(long)]
    allow_writes: bool,
    #[command(flatten)]
    timeouts: TimeoutOptions,
}

impl Init {
    /// The number of words after a URL.
    pub(crate) fn words_after_url(&self) -> usize {
        let is_url = self.gateway.first().is_some_and(|text| text.contains("://"));
        if is_url { self.gateway.len() - 1 } else { 0 }
    }

    /// Whether the gateway is a URL without further words.
    pub(crate) fn is_only_url(&self) -> bool {
        self.gateway.len() == 1 && self.gateway.iter().all(|text| text.contains("://"))
    }

    pub(crate) fn run(self, signals: &Signals) -> Result<u8, CommandError> {
        let url = self.gateway.first().filter(|text| text.contains("://")).cloned();
        if let (Some(url), [_, after, ..]) = (&url, self.gateway.as_slice()) {
            let message = format!("`{after}` is neither the URL {url} nor an option of `init`");
            return Err(usage(
                message,
                Some("name one gateway: clawcheck init URL, or clawcheck init COMMAND ARGUMENT..."),
            ));
        }
        let start = self.start(url.as_deref())?;
        let file = self.output.clone().unwrap_or_else(|| default_file(&start.name));
        if file.symlink_metadata().is_ok() {
            return Err(exists(&file));
        }
        let work = async {
            let session = Session::new(0, signals.stop());
            let asking = self.ask(&session, url.as_deref(), &start, &file);
            let code = session.unless_stopped(asking).await?;
            session.progress.finish();
            Ok(code)
        };
        let spec = url.as_deref().map_or_else(|| Ok(GatewaySpec::Described(PathBuf::new())), str::parse);
        let spec = spec.map_err(|error| CommandError::usage(miette::Report::msg(error.to_string())))?;
        let Some(probed) = session::block_on([&spec], work)? else { return Ok(exit::INTERRUPTED) };
        let ProbedGateway { report, has_store, .. } = probed;
        let text = describe(&start, Some(&Described { report: &report, has_store }));
        // Do not write a description that is not valid.
        check_description(&file.to_string_lossy(), &text).map_err(CommandError::usage)?;
        write(&file, &text)?;
        let shown = file.display().to_string();
        let next = match start.command {
            Some(_) => format!("to play the scenarios: clawcheck run --gateway {}", quoted(&shown)),
            None => format!("replace the command in {shown} before you use it"),
        };
        let notes = to_check(&report).into_iter().chain(report.not_tested());
        let notes = notes.map(|line| format!("{line}\n")).collect::<String>();
        let message = format!("wrote {shown}\nclosest to {}\n{notes}{next}\n", report.verdict());
        console::stdout().write_all(message.as_bytes()).map_err(CommandError::output)?;
        Ok(exit::OK)
    }

    /// How the gateway is started.
    fn start(&self, url: Option<&str>) -> Result<Start, CommandError> {
        if let Some(url) = url {
            let (_, path) = Link::from_url(url).map_err(|error| usage(error.to_string(), None))?;
            let path = path.split('?').next().unwrap_or_default().to_owned();
            let path = self.path.clone().unwrap_or(path);
            let name = self.name.clone().unwrap_or_else(|| NAMELESS.to_owned());
            return Ok(Start { name, command: None, env: self.env.clone(), path });
        }
        let (command, arguments) = self.gateway.split_first().map_or(("", &[][..]), |(one, all)| (one.as_str(), all));
        let start = Start {
            name: self.name.clone().unwrap_or_else(|| name_of(command)),
            command: Some((located(command), arguments.iter().map(|argument| located_argument(argument)).collect())),
            env: self.env.clone(),
            path: self.path.clone().unwrap_or_else(|| "/".to_owned()),
        };
        if !start.uses("{port}") {
            let help = "pass the port with the placeholder, for example --port {port} or --env PORT={port}";
            let message = "the command does not contain {port}, so clawcheck cannot choose its port";
            return Err(usage(message.to_owned(), Some(help)));
        }
        Ok(start)
    }

    /// Starts the gateway, or connects to it, and asks it the questions of `probe`.
    async fn ask(
        &self,
        session: &Session,
        url: Option<&str>,
        start: &Start,
        file: &Path,
    ) -> Result<ProbedGateway, CommandError> {
        let options = AskOptions { timeouts: self.timeouts, allow_writes: self.allow_writes, silence: SILENCE_WAIT };
        if let Some(url) = url {
            let spec = url.parse().map_err(|error: crate::gateway::SpecError| usage(error.to_string(), None))?;
            return probed(session, &spec, options).await;
        }
        let text = describe(start, None);
        check_description("the command", &text).map_err(CommandError::usage)?;
        // The first description is elsewhere, and `{here}` means the folder of the one that will be written.
        let folder = std::path::absolute(file).map_err(CommandError::output)?;
        let folder = folder.parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned();
        let first = tempfile::Builder::new().suffix(".yaml").tempfile().map_err(no_file)?;
        std::fs::write(first.path(), text.replace("{here}", &folder)).map_err(no_file)?;
        probed(session, &GatewaySpec::Described(first.path().to_owned()), options).await
    }
}

/// The name of a gateway with this command.
fn name_of(command: &str) -> String {
    let stem = Path::new(command).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = stem.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect::<String>();
    if name.is_empty() { NAMELESS.to_owned() } else { name }
}

/// The command with an absolute path, because a gateway does not run in the directory of the user.
fn located(command: &str) -> String {
    let is_path = command.contains('/') && !command.starts_with(['/', '{']);
    if is_path { absolute(command) } else { command.to_owned() }
}

/// An argument with an absolute path if it names a file: `gw.py` of `python3 gw.py`.
fn located_argument(argument: &str) -> String {
    if Path::new(argument).is_file() { absolute(argument) } else { argument.to_owned() }
}

fn absolute(path: &str) -> String {
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| path.to_string_lossy().into_owned())
}

fn default_file(name: &str) -> PathBuf {
    let file = format!("{name}.yaml");
    if Path::new(FOLDER).is_dir() { Path::new(FOLDER).join(file) } else { PathBuf::from(file) }
}

fn write(file: &Path, text: &str) -> Result<(), CommandError> {
    atomic_file::create(file, text.as_bytes()).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(file),
        kind => CommandError::of_file(kind, miette::miette!("cannot write {}: {error}", file.display())),
    })
}

fn exists(file: &Path) -> CommandError {
    usage(
        format!("{} exists, and clawcheck does not overwrite it", file.display()),
        Some("name another file with --output"),
    )
}

fn no_file(error: io::Error) -> CommandError {
    CommandError::message(&format!("cannot write a temporary file: {error}"))
}

fn usage(message: String, help: Option<&str>) -> CommandError {
    CommandError::usage(match help {
        Some(help) => miette::miette!(help = help.to_owned(), "{message}"),
        None => miette::Report::msg(message),
    })
}

/// Parses `NAME=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}
