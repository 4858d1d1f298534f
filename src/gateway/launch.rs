//! One start of a gateway, and all the ways in which it can fail.

use super::workspace::Sandbox;
use openclaw_emulator::TraceListener;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use tokio::time::Instant;

/// One start.
pub struct Launch<'a> {
    /// The corner of the disk that it lives in; outlives the gateway.
    pub sandbox: &'a Sandbox,
    /// A state directory other than the place's own.
    pub state_dir: Option<PathBuf>,
    /// `openclaw.json`. `gateway.port` and, where absent, what keeps a release from calling home are filled in.
    pub openclaw_json: Value,
    /// Added to the gateway's environment, which holds nothing of the user's but `PATH` and the locale.
    pub environment: BTreeMap<String, String>,
    /// Where the embedded gateway's clock starts, milliseconds since the epoch. `None`: real time.
    pub clock: Option<i64>,
    /// Receives the explanations of the embedded gateway's answers. Other gateways explain nothing.
    pub trace: Option<TraceListener>,
    /// When to give up waiting for it to be ready.
    pub deadline: Instant,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
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

/// The last lines of a gateway's log. Shown in errors after redaction by whoever prints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogTail(pub String);

impl fmt::Display for LogTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.trim().is_empty() { f.write_str("(it logged nothing)") } else { f.write_str(self.0.trim_end()) }
    }
}

/// Between what is wrong and the last lines of the log.
const LOG_HEADING: &str = "; its last log lines:\n";

/// What an error says of a gateway, in one line without its last words.
pub(crate) fn one_line(error: &str) -> &str {
    error.split_once(LOG_HEADING).map_or(error, |(what, _)| what).lines().next().unwrap_or_default()
}

/// Where a command that was not found was looked for.
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

/// What can be said of a gateway that does not listen where it should.
fn listens(ports: &[u16], in_background: bool) -> String {
    let ports = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" and ");
    match ports.as_str() {
        "" if in_background => {
            "; its command exited with code 0, and the processes that it left running do not listen either".to_owned()
        }
        "" => "; --start-timeout allows more time".to_owned(),
        ports => format!("; it listens on {ports}: does its description pass `{{port}}` to it?"),
    }
}

/// How a command ended, and its last lines of output.
pub(super) fn ended_with_log(exit: Option<&Exit>, log: &LogTail) -> String {
    format!("{}{LOG_HEADING}{log}", how_it_ended(exit))
}

fn how_it_ended(exit: Option<&Exit>) -> String {
    exit.map_or_else(|| "did not exit in time".to_owned(), |exit| format!("ended with {exit}"))
}

/// Why a gateway is not running.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// There is no such command.
    #[error("the gateway's command `{command}` was not found{}", where_looked(command))]
    CommandNotFound {
        /// The command.
        command: String,
    },
    /// The command is there and cannot be run.
    #[error("the gateway's command `{command}` cannot be run: {reason}")]
    CannotRun {
        /// The command.
        command: String,
        /// The operating system's words.
        reason: String,
    },
    /// It ended before it was ready. A gateway that refuses to start on purpose does this; a scenario may expect it.
    #[error("the gateway ended with {exit} before it was ready{heading}{log}", heading = LOG_HEADING)]
    Exited {
        /// How it ended.
        exit: Exit,
        /// Its last log lines.
        log: LogTail,
    },
    /// The command that its description runs before each start failed.
    #[error("the `before` command `{command}` {}{heading}{log}", how_it_ended(exit.as_ref()), heading = LOG_HEADING)]
    Before {
        /// The command.
        command: String,
        /// How it ended; `None` if it did not exit in time.
        exit: Option<Exit>,
        /// Its last log lines.
        log: LogTail,
    },
    /// It never listened on its port.
    #[error("the gateway did not listen on port {port} in time{}{heading}{log}", listens(instead, *in_background), heading = LOG_HEADING)]
    NeverListened {
        /// The port.
        port: u16,
        /// The ports on which it listens instead.
        instead: Vec<u16>,
        /// Whether its command had ended, with 0, and had left processes behind.
        in_background: bool,
        /// Its last log lines.
        log: LogTail,
    },
    /// It never logged the line that says that it is ready.
    #[error("the gateway did not log a line with `{line}` in time; its description names this line as the sign that it is ready{heading}{log}", heading = LOG_HEADING)]
    NeverLogged {
        /// What the line has in it.
        line: String,
        /// Its last log lines.
        log: LogTail,
    },
    /// It takes connections and says nothing.
    #[error("the gateway listens on port {port} but never answered {what}{heading}{log}", heading = LOG_HEADING)]
    NeverAnswered {
        /// The port.
        port: u16,
        /// What it did not answer: `the upgrade`, `with a challenge`.
        what: &'static str,
        /// Its last log lines.
        log: LogTail,
    },
    /// What listens there does not speak the protocol.
    #[error("the program on port {port} does not answer like a gateway: {saw}{heading}{log}", heading = LOG_HEADING)]
    Garbage {
        /// The port.
        port: u16,
        /// What came instead.
        saw: String,
        /// Its last log lines.
        log: LogTail,
    },
    /// Every port that the operating system gave us was somebody else's before the gateway had it: it said so, or a process
    /// listened there that it had not started.
    #[error(
        "a program that the gateway's command did not start was using port {port} ({attempts} attempts, each on a different port)"
    )]
    PortInUse {
        /// The last port tried.
        port: u16,
        /// How often it was tried.
        attempts: u32,
    },
    /// It refused to start, and said why (the embedded gateway).
    #[error("the gateway refuses to start: {reason}")]
    Refused {
        /// The exit code that the release's own program would end with.
        code: i32,
        /// Its words.
        reason: String,
    },
    /// Nobody answers at the URL.
    #[error("no gateway at {url}: {reason}")]
    Unreachable {
        /// The URL.
        url: String,
        /// What was seen.
        reason: String,
    },
    /// The harness could not do its part: a file or directory could not be written.
    #[error("cannot prepare the start of the gateway: {0}")]
    Harness(String),
}
