//! One start of a gateway, and the errors of a start.

use super::run_directory::Sandbox;
use crate::enumeration::enumeration;
use openclaw_emulator::TraceListener;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use tokio::time::Instant;

/// The options of one start.
pub struct Launch<'a> {
    /// The directories of the gateway. They outlive the gateway.
    pub sandbox: &'a Sandbox,
    /// A state directory other than that of the sandbox.
    pub state_dir: Option<PathBuf>,
    /// The contents of `openclaw.json`. The start adds `gateway.port` and, where absent, the settings that prevent
    /// requests to other machines.
    pub openclaw_json: Value,
    /// Additional environment variables. Otherwise the gateway gets only `PATH` and the locale from the user's
    /// environment.
    pub environment: BTreeMap<String, String>,
    /// The start time of the embedded gateway's clock, in milliseconds since 1970. `None`: the machine's clock.
    pub clock: Option<i64>,
    /// Receives the explanations of the embedded gateway's answers. Other gateways explain nothing.
    pub trace: Option<TraceListener>,
    /// The deadline for readiness.
    pub deadline: Instant,
}

/// The exit status of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The exit code. `None` if a signal ended the process.
    pub code: Option<i32>,
    /// The signal that ended the process.
    pub signal: Option<i32>,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => f.write_str("an unknown status"),
        }
    }
}

/// The lines of a gateway's log about an error, or its last lines. The caller redacts them before output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogTail(pub String);

impl fmt::Display for LogTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.trim().is_empty() { f.write_str("(it logged nothing)") } else { f.write_str(self.0.trim_end()) }
    }
}

/// The separator between an error and the lines of the log.
const LOG_HEADING: &str = "; from its log:\n";

/// The error in one line, without the log.
pub(crate) fn one_line(error: &str) -> &str {
    error.split_once(LOG_HEADING).map_or(error, |(what, _)| what).lines().next().unwrap_or_default()
}

/// The place where a command was searched.
fn where_looked(command: &str) -> String {
    match command {
        absolute if absolute.starts_with('/') => String::new(),
        relative if relative.contains('/') => {
            let name = relative.trim_start_matches("./");
            format!(": a gateway runs in its own directory; write `{{here}}/{name}` for a file next to its description")
        }
        _ => " in any directory of PATH".to_owned(),
    }
}

/// Describes a gateway that does not listen on its port.
fn listens(ports: &[u16], in_background: bool) -> String {
    let ports = enumeration(&ports.iter().map(u16::to_string).collect::<Vec<_>>());
    match ports.as_str() {
        "" if in_background => {
            "; its command exited with code 0, and the processes that it left running do not listen either".to_owned()
        }
        "" => "; --start-timeout allows more time".to_owned(),
        ports => format!("; it listens on {ports}: does its description pass `{{port}}` to it?"),
    }
}

/// How a command ended, and the lines of its output about it.
pub(super) fn ended_with_log(exit: Option<&Exit>, log: &LogTail) -> String {
    format!("{}{LOG_HEADING}{log}", how_it_ended(exit))
}

fn how_it_ended(exit: Option<&Exit>) -> String {
    exit.map_or_else(|| "did not exit in time".to_owned(), |exit| format!("ended with {exit}"))
}

/// Why a gateway does not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// The command does not exist.
    #[error("the gateway's command `{command}` was not found{}", where_looked(command))]
    CommandNotFound {
        /// The command of the description.
        command: String,
    },
    /// The command exists but cannot be run.
    #[error("the gateway's command `{command}` cannot be run: {reason}")]
    CannotRun {
        /// The command of the description.
        command: String,
        /// The error of the operating system.
        reason: String,
    },
    /// The gateway ended before it was ready. A scenario may expect that a gateway refuses to start.
    #[error("the gateway ended with {exit} before it was ready{heading}{log}", heading = LOG_HEADING)]
    Exited {
        /// The exit status.
        exit: Exit,
        /// The lines of the log.
        log: LogTail,
    },
    /// The `before` command of the description failed.
    #[error("the `before` command `{command}` {}{heading}{log}", how_it_ended(exit.as_ref()), heading = LOG_HEADING)]
    Before {
        /// The command of the description.
        command: String,
        /// The exit status. `None` if the command did not exit in time.
        exit: Option<Exit>,
        /// The lines of the log.
        log: LogTail,
    },
    /// The gateway never listened on its port.
    #[error("the gateway did not listen on port {port} in time{}{heading}{log}", listens(instead, *in_background), heading = LOG_HEADING)]
    NeverListened {
        /// The port that the gateway should listen on.
        port: u16,
        /// The ports on which the gateway listens instead.
        instead: Vec<u16>,
        /// Whether the command exited with code 0 and left processes that still run.
        in_background: bool,
        /// The lines of the log.
        log: LogTail,
    },
    /// The gateway never logged the line that means that it is ready.
    #[error("the gateway did not log a line with `{line}` in time; its description names this line as the sign that it is ready{heading}{log}", heading = LOG_HEADING)]
    NeverLogged {
        /// The text that the line contains.
        line: String,
        /// The lines of the log.
        log: LogTail,
    },
    /// The gateway accepts connections but does not answer.
    #[error("the gateway listens on port {port} but did not answer {what}{heading}{log}", heading = LOG_HEADING)]
    NeverAnswered {
        /// The port that the gateway should listen on.
        port: u16,
        /// The missing answer: `the upgrade`, `with a challenge`.
        what: &'static str,
        /// The lines of the log.
        log: LogTail,
    },
    /// The gateway does not speak the protocol.
    #[error("the program on port {port} does not answer like a gateway: {saw}{heading}{log}", heading = LOG_HEADING)]
    Garbage {
        /// The port that the gateway should listen on.
        port: u16,
        /// The data that arrived instead.
        saw: String,
        /// The lines of the log.
        log: LogTail,
    },
    /// Another program took every port before the gateway could listen on it. The gateway reported this, or a process
    /// that does not belong to the gateway listened on the port.
    #[error(
        "a program that the gateway's command did not start was using port {port} ({attempts} attempts, each on a different port)"
    )]
    PortInUse {
        /// The last port tried.
        port: u16,
        /// The number of attempts.
        attempts: u32,
    },
    /// The embedded gateway refused to start and gave a reason.
    #[error("the gateway refuses to start: {reason}")]
    Refused {
        /// The exit code of the release's own program.
        code: i32,
        /// The output of the release.
        reason: String,
    },
    /// No gateway answers at the URL.
    #[error("no gateway at {url}: {reason}")]
    Unreachable {
        /// The URL that the user named.
        url: String,
        /// The result of the attempt.
        reason: String,
    },
    /// The harness failed. For example, it could not write a file or a directory.
    #[error("cannot prepare the start of the gateway: {0}")]
    Harness(String),
}
