//! Parses the log lines about a refused handshake, which describe the client and its connection.
//!
//! For every refused connect, a gateway logs
//! `closed before connect conn=... remote=... fwd=... origin=... host=... ua=... code=... reason=...`. If a paired
//! device requests more than its record grants, the gateway first logs
//! `security audit: device access upgrade requested reason=... device=... roleTo=... scopesTo=... client=...`.

use super::Question;
use super::client::{Credential, Preset};
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;
use untrusted_data::plain_file::{self, Links, PlainFileError};
use untrusted_data::printable;

/// The maximum size of a log, in bytes.
const LONGEST_LOG: u64 = 32 << 20;
/// How many connections are followed at once.
const MOST_OPEN: usize = 1000;
const CLOSED: &str = "closed before connect ";
const UPGRADE: &str = "device access upgrade requested ";

/// A log without a refused connect.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum LogError {
    /// The log cannot be read.
    #[error("cannot read the log from {0}: {1}")]
    Unread(String, PlainFileError),
    /// No line is about a refused connect.
    #[error("the log has no line about a refused connect")]
    #[diagnostic(help(
        "a gateway logs `closed before connect conn=... remote=... reason=...` for each refused connect; pass the log of the \
         gateway, not that of the client"
    ))]
    Nothing,
}

/// The last refused connect of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Logged {
    closed: BTreeMap<String, String>,
    upgrade: BTreeMap<String, String>,
}

impl Logged {
    /// Reads the last refused connect of a log file.
    ///
    /// # Errors
    /// The file cannot be read, or contains no such line.
    pub(crate) fn read(path: &Path) -> Result<Self, LogError> {
        let failed = |error| LogError::Unread(path.display().to_string(), error);
        let bytes = plain_file::read(path, LONGEST_LOG, Links::Follow).map_err(failed)?;
        Self::parse(&String::from_utf8_lossy(&bytes))
    }

    /// Reads the last refused connect of a log from a stream.
    ///
    /// # Errors
    /// The stream cannot be read, is too long, or has no such line.
    pub(crate) fn read_from(stream: impl io::Read) -> Result<Self, LogError> {
        let failed = |error| LogError::Unread("standard input".to_owned(), error);
        let mut bytes = Vec::new();
        stream.take(LONGEST_LOG + 1).read_to_end(&mut bytes).map_err(|error| failed(PlainFileError::Io(error)))?;
        if bytes.len() as u64 > LONGEST_LOG {
            return Err(failed(PlainFileError::TooLarge(LONGEST_LOG)));
        }
        Self::parse(&String::from_utf8_lossy(&bytes))
    }

    /// Reads the last refused connect of a log.
    ///
    /// # Errors
    /// No line is about a refused connect.
    fn parse(log: &str) -> Result<Self, LogError> {
        let mut upgrades = BTreeMap::new();
        let mut last = None;
        for line in log.lines() {
            if let Some(at) = line.find(UPGRADE) {
                let upgrade = fields(&line[at + UPGRADE.len()..]);
                if let Some(conn) = upgrade.get("conn") {
                    // The newest one of a connection counts. A connection that was not refused leaves its line behind.
                    if upgrades.len() >= MOST_OPEN {
                        upgrades.pop_first();
                    }
                    upgrades.insert(conn.clone(), upgrade);
                }
            } else if let Some(at) = line.find(CLOSED) {
                let closed = fields(&line[at + CLOSED.len()..]);
                let upgrade = closed.get("conn").and_then(|conn| upgrades.remove(conn));
                last = Some(Self { closed, upgrade: upgrade.unwrap_or_default() });
            }
        }
        match (last, upgrades.into_values().next_back()) {
            (Some(last), _) => Ok(last),
            (None, Some(upgrade)) => Ok(Self { closed: BTreeMap::new(), upgrade }),
            (None, None) => Err(LogError::Nothing),
        }
    }

    /// Fills in the values that the user does not specify.
    pub(crate) fn complete(&self, question: &mut Question) {
        let closed = |name: &str| said(&self.closed, name);
        let upgrade = |name: &str| said(&self.upgrade, name);
        if question.peer.is_none() {
            question.peer = closed("remote").and_then(|address| address.parse().ok());
        }
        if question.host.is_none() {
            question.host = closed("host").map(str::to_owned);
        }
        if question.origin.is_none() {
            question.origin = closed("origin").map(str::to_owned);
        }
        let has = |headers: &[(String, String)], name: &str| headers.iter().any(|(known, _)| known == name);
        if let Some(forwarded) = closed("fwd").filter(|_| !has(&question.headers, "x-forwarded-for")) {
            question.headers.push(("x-forwarded-for".to_owned(), forwarded.to_owned()));
        }
        if question.device.is_none() {
            question.device = upgrade("device").map(str::to_owned);
        }
        if question.role.is_none() {
            question.role = upgrade("roleTo").map(str::to_owned);
        }
        if question.scopes.is_none() {
            question.scopes = upgrade("scopesTo").map(|scopes| scopes.split(',').map(str::to_owned).collect());
        }
        if question.preset.is_none() {
            question.preset = upgrade("client").and_then(preset).or_else(|| browser(closed("ua"), closed("origin")));
        }
        if question.credential.is_none() {
            question.credential = upgrade("auth").and_then(|method| match method {
                "none" => Some(Credential::None),
                "token" => Some(Credential::Token(None)),
                "password" => Some(Credential::Password(None)),
                "device-token" => Some(Credential::DeviceToken(None)),
                _ => None,
            });
        }
    }

    /// The logged close code and reason, in words.
    pub(crate) fn says(&self) -> Option<String> {
        let code = said(&self.closed, "code")?;
        let reason = said(&self.closed, "reason").unwrap_or_default();
        Some(format!("the log says close {} \"{}\"", printable::line(code), printable::line(reason)))
    }
}

fn said<'a>(fields: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    let nothing = ["", "n/a", "?", "none", "<none>", "unknown-ip"];
    fields.get(name).map(String::as_str).filter(|value| !nothing.contains(value))
}

/// Parses `name=value name=value`. A value can contain spaces.
fn fields(text: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut last: Option<String> = None;
    for word in text.split(' ') {
        let name =
            word.split_once('=').filter(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic()));
        match (name, &last) {
            (Some((name, value)), _) => {
                fields.insert(name.to_owned(), value.trim_end_matches(['"', '\'']).to_owned());
                last = Some(name.to_owned());
            }
            (None, Some(name)) => {
                if let Some(value) = fields.get_mut(name) {
                    value.push(' ');
                    value.push_str(word);
                }
            }
            (None, None) => {}
        }
    }
    fields
}

/// The client with this id. Another field contains the role.
fn preset(id: &str) -> Option<Preset> {
    let name = match id {
        "cli" => "cli",
        "gateway-client" => "backend",
        "openclaw-control-ui" => "control-ui",
        "openclaw-tui" => "tui",
        "webchat-ui" | "webchat" => "webchat",
        "node-host" => "node",
        "openclaw-macos" => "macos",
        "openclaw-ios" => "ios",
        "openclaw-android" => "android",
        _ => return None,
    };
    name.parse().ok()
}

/// The Control UI if the connect has an origin and a user agent that begins with `Mozilla/`.
fn browser(agent: Option<&str>, origin: Option<&str>) -> Option<Preset> {
    agent.zip(origin).filter(|(agent, _)| agent.starts_with("Mozilla/")).and_then(|_| "control-ui".parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-04-02T10:00:00Z [gateway] security audit: device access upgrade requested reason=scope-upgrade device=abcd ip=unknown-ip auth=token \
roleFrom=operator roleTo=operator scopesFrom=operator.read scopesTo=operator.admin,operator.write client=gateway-client conn=c1
2026-04-02T10:00:00Z [ws] closed before connect conn=c1 remote=127.0.0.1 fwd=203.0.113.7 origin=n/a host=gateway.example:443 \
ua=n/a code=1008 reason=pairing required
";

    #[test]
    fn the_last_refused_connect_of_a_log_says_who_it_was() {
        let mut question = Question { role: Some("node".to_owned()), ..Question::default() };
        let logged = Logged::parse(LOG).unwrap();
        logged.complete(&mut question);
        assert_eq!(question.device.as_deref(), Some("abcd"));
        assert_eq!(question.role.as_deref(), Some("node"), "what the user says stays");
        assert_eq!(question.scopes.unwrap(), ["operator.admin", "operator.write"]);
        assert_eq!(question.headers, [("x-forwarded-for".to_owned(), "203.0.113.7".to_owned())]);
        assert_eq!((question.host.as_deref(), question.origin), (Some("gateway.example:443"), None));
        assert_eq!(question.preset.unwrap().name, "backend");
        assert_eq!(logged.says().unwrap(), "the log says close 1008 \"pairing required\"");
    }

    #[test]
    fn the_upgrade_of_another_connection_does_not_count() {
        let other = LOG.replace("conn=c1 remote", "conn=c2 remote");
        let mut question = Question::default();
        Logged::parse(&other).unwrap().complete(&mut question);
        assert_eq!((question.device, question.peer.is_some()), (None, true));
        Logged::parse("[ws] webchat connected conn=c1\n").unwrap_err();
    }

    #[test]
    fn connections_that_end_in_another_order_keep_their_upgrades() {
        let line = |conn: &str, word: &str| {
            let line = LOG.lines().find(|line| line.contains(word)).unwrap();
            line.replace("conn=c1", &format!("conn={conn}")).replace("device=abcd", &format!("device=of-{conn}"))
        };
        let log = [line("c1", UPGRADE), line("c2", UPGRADE), line("c2", CLOSED), line("c1", CLOSED)].join("\n");
        let mut question = Question::default();
        Logged::read_from(log.as_bytes()).unwrap().complete(&mut question);
        assert_eq!(question.device.as_deref(), Some("of-c1"));
        let endless = io::repeat(b'x');
        assert!(matches!(Logged::read_from(endless), Err(LogError::Unread(_, PlainFileError::TooLarge(_)))));
    }
}
