//! Parses the log lines about a refused handshake, which describe the client and its connection.
//!
//! For every refused connect, a gateway logs
//! `closed before connect conn=... remote=... fwd=... origin=... host=... ua=... code=... reason=...`. Before that, it can log
//! details: `unauthorized conn=... client=... reason=...` for refused credentials,
//! `security audit: device access upgrade requested reason=... device=... roleTo=... scopesTo=... client=...` for a paired device
//! that requests more than its record grants, and `device metadata upgrade requested ... claimedPlatform=...` for another platform.
//! Where a gateway refuses the upgrade of an unknown proxy, the line is `observed unattributable proxy-shaped traffic from ...`.
//! `clawcheck serve --verbose` logs the checks of each connect instead. They name a header of a proxy, but not its value.

mod cause;
mod reader;

use super::client::{Credential, Preset, WRONG};
use super::simulated_gateway::{Answer, Verdict};
use super::{BEHIND_PROXY, ClientDescription};
use crate::gateway_files::log_line::LogLine;
use crate::gateway_files::log_lines;
use cause::LogCause;
use openclaw_model::Facts;
use reader::{LogFields, LogReader, field};
use std::io::{self, Read as _};
use std::path::Path;
use untrusted_data::plain_file::{self, Links, PlainFileError};
use untrusted_data::printable;

/// The maximum size of a log, in bytes.
const MAX_LOG_BYTES: u64 = 32 << 20;
/// The advice about a rate limit, which exists only in the memory of the gateway.
const RATE_LIMITED: &str = "; the gateway counts failed attempts of an address, and then also refuses the correct secret: wait until \
     the lockout ends (`gateway.auth.rateLimit.lockoutMs`), or restart the gateway";
/// The answer to a client that has neither a device nor the gateway's secret.
const DEVICE_REQUIRED: &str = "device identity required";

/// A log without a refused connect.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum LogError {
    /// The log cannot be read.
    #[error("cannot read the log from {0}: {1}")]
    Unread(String, PlainFileError),
    /// No line is about a refused connect.
    #[error("the log has no line about a refused connect")]
    #[diagnostic(help(
        "a gateway logs `closed before connect conn=... remote=... reason=...` for each refused connect. Without such a line, \
         omit --log: `explain` needs only the state directory. Name the client with --as, --device, --peer or --via"
    ))]
    Nothing,
    /// The log has only the message that a client prints.
    #[error("the log has only the message of a client, which does not describe the client")]
    #[diagnostic(help(
        "omit --log: `explain` needs only the state directory. Name the client with --as (for example `--as exec` for the exec \
         tool, `--as backend` for a cron job), and its connection with --peer or --via"
    ))]
    OfClient,
}

/// The last refused connect of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LoggedRefusal {
    /// The fields of the line about the close.
    closed: LogFields,
    /// The fields of the lines before it.
    detail: LogFields,
}

impl LoggedRefusal {
    /// Reads the last refused connect of a log file.
    ///
    /// # Errors
    /// The file cannot be read, or contains no such line.
    pub(crate) fn read(path: &Path) -> Result<Self, LogError> {
        let failed = |error| LogError::Unread(path.display().to_string(), error);
        let bytes = plain_file::read(path, MAX_LOG_BYTES, Links::Follow).map_err(failed)?;
        Self::parse(&String::from_utf8_lossy(&bytes))
    }

    /// Reads the last refused connect of a log from a stream.
    ///
    /// # Errors
    /// The stream cannot be read, is too long, or has no such line.
    pub(crate) fn read_from(stream: impl io::Read) -> Result<Self, LogError> {
        let failed = |error| LogError::Unread("standard input".to_owned(), error);
        let mut bytes = Vec::new();
        stream.take(MAX_LOG_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(PlainFileError::Io(error)))?;
        if bytes.len() as u64 > MAX_LOG_BYTES {
            return Err(failed(PlainFileError::TooLarge(MAX_LOG_BYTES)));
        }
        Self::parse(&String::from_utf8_lossy(&bytes))
    }

    /// Reads the last refused connect of a log.
    ///
    /// # Errors
    /// No line is about a refused connect.
    fn parse(log: &str) -> Result<Self, LogError> {
        let mut reader = LogReader::default();
        log.lines().for_each(|line| reader.read(&LogLine::read(line)));
        let is_of_client = || log_lines::has_client_message(log) && !log_lines::is_of_gateway(log);
        let refusal = reader.refusal().map(|(closed, detail)| Self { closed, detail });
        refusal.ok_or_else(|| if is_of_client() { LogError::OfClient } else { LogError::Nothing })
    }

    /// Fills in the values that the user does not specify.
    pub(crate) fn complete(&self, description: &mut ClientDescription) {
        let closed = |name: &str| field(&self.closed, name);
        let detail = |name: &str| field(&self.detail, name);
        if description.peer.is_none() {
            description.peer = closed("remote").or_else(|| detail("remote")).and_then(|address| address.parse().ok());
        }
        if description.host.is_none() {
            description.host = closed("host").or_else(|| detail("host")).map(str::to_owned);
        }
        if description.origin.is_none() {
            description.origin = closed("origin").or_else(|| detail("origin")).map(str::to_owned);
        }
        let has = |headers: &[(String, String)], name: &str| headers.iter().any(|(known, _)| known == name);
        if let Some(forwarded) = closed("fwd").filter(|_| !has(&description.headers, "x-forwarded-for")) {
            description.headers.push(("x-forwarded-for".to_owned(), forwarded.to_owned()));
        }
        if let Some(header) = detail("header").filter(|header| !has(&description.headers, header)) {
            description.headers.push((header.to_owned(), BEHIND_PROXY.to_string()));
        }
        if description.device.is_none() {
            let device = detail("device").map(|device| if device == "no" { "none" } else { device });
            description.device = device.or_else(|| self.lacks_device().then_some("none")).map(str::to_owned);
        }
        description.sends_device |= self.shows_device();
        if description.role.is_none() {
            description.role = detail("roleTo").or_else(|| detail("role")).map(str::to_owned);
        }
        if description.scopes.is_none() {
            description.scopes = detail("scopesTo").map(|scopes| scopes.split(',').map(str::to_owned).collect());
        }
        if description.preset.is_none() {
            description.preset = detail("client").and_then(preset).or_else(|| browser(closed("ua"), closed("origin")));
        }
        if description.platform.is_none() {
            description.platform = detail("claimedPlatform").or_else(|| detail("platform")).map(str::to_owned);
        }
        if description.credential.is_none() {
            let reason = detail("refused").or_else(|| detail("reason"));
            let told = reason.and_then(refused).or_else(|| detail("auth").and_then(accepted));
            // With the gateway's secret, a client needs no device, and the gateway does not ask for one.
            let without_secret = || (self.reason() == DEVICE_REQUIRED).then_some(Credential::None);
            description.credential = told.or_else(without_secret);
        }
    }

    /// The logged reason: that of the close, or else that of the details.
    fn reason(&self) -> &str {
        field(&self.closed, "reason").or_else(|| field(&self.detail, "reason")).unwrap_or_default()
    }

    /// Whether only a client with a device gets this answer.
    fn shows_device(&self) -> bool {
        self.reason().starts_with("pairing required") || self.upgrade().is_some()
    }

    /// Whether only a client without a device gets this answer.
    fn lacks_device(&self) -> bool {
        self.reason() == DEVICE_REQUIRED || self.reason().contains("requires device identity")
    }

    /// The kind of upgrade that the device requested.
    fn upgrade(&self) -> Option<&str> {
        field(&self.detail, "upgrade")
    }

    /// The cause, if only the log tells it.
    ///
    /// `timeout_ms` is the handshake timeout of the gateway.
    pub(crate) fn cause(&self, facts: &Facts, timeout_ms: u64) -> Option<LogCause> {
        cause::of(self.reason(), field(&self.closed, "code").unwrap_or_default(), facts, timeout_ms)
    }

    /// Whether a computed answer is the logged one.
    pub(crate) fn agrees(&self, answer: &Answer) -> bool {
        // The id of a request differs each time.
        let logged = self.reason().split(" (requestId").next().unwrap_or_default();
        match &answer.verdict {
            Verdict::NoUpgrade { .. } => field(&self.closed, "code") == Some("HTTP 403"),
            Verdict::Refused { error, close } => {
                let error = error.as_deref();
                let detail = |name: &str| error?.details.as_ref()?.get(name)?.as_str();
                // The line about the requested upgrade names its kind, and the line about the close often does not.
                let kinds = self.upgrade().zip(detail("reason"));
                if kinds.is_some_and(|(logged, computed)| logged != computed) {
                    return false;
                }
                let texts = [
                    close.as_ref().map(|(_, reason)| reason.as_str()),
                    error.map(|error| error.message.as_str()),
                    detail("authReason"),
                ];
                if logged.is_empty() {
                    if self.closed.is_empty() {
                        return kinds.is_some();
                    }
                    let code = close.as_ref().map(|(code, _)| code.to_string());
                    return field(&self.closed, "code") == code.as_deref();
                }
                let texts = texts.into_iter().flatten().filter(|text| !text.is_empty());
                texts.into_iter().any(|text| text.starts_with(logged) || logged.starts_with(text))
            }
            Verdict::NoStart(_) | Verdict::LetIn(_) => false,
        }
    }

    /// The logged close code and reason, in words.
    pub(crate) fn says(&self) -> Option<String> {
        let Some(code) = field(&self.closed, "code") else {
            let reason = Some(self.reason()).filter(|reason| !reason.is_empty()).or_else(|| self.upgrade())?;
            let advice = if reason == "rate_limited" { RATE_LIMITED } else { "" };
            return Some(format!("the log says {}{advice}", printable::line(reason)));
        };
        let reason = self.reason();
        let advice = if reason.contains("too many failed") { RATE_LIMITED } else { "" };
        let upgrade = self.upgrade().map(|kind| format!(", after a {} request", printable::line(kind)));
        let upgrade = upgrade.unwrap_or_default();
        let (code, reason) = (printable::line(code), printable::line(reason));
        Some(format!("the log says close {code} \"{reason}\"{upgrade}{advice}"))
    }
}

/// The credentials that a gateway refuses for a reason. The secret itself is not in the log.
fn refused(reason: &str) -> Option<Credential> {
    let wrong = || WRONG.to_owned();
    match reason {
        "token_missing" | "password_missing" => Some(Credential::None),
        "token_mismatch" => Some(Credential::Token(Some(wrong()))),
        "password_mismatch" => Some(Credential::Password(Some(wrong()))),
        "device_token_mismatch" => Some(Credential::DeviceToken(Some(wrong()))),
        "bootstrap_token_invalid" => Some(Credential::Bootstrap(wrong())),
        _ => None,
    }
}

/// The credentials that a gateway accepted by a method.
fn accepted(method: &str) -> Option<Credential> {
    match method {
        "none" => Some(Credential::None),
        "token" => Some(Credential::Token(None)),
        "password" => Some(Credential::Password(None)),
        "device-token" => Some(Credential::DeviceToken(None)),
        _ => None,
    }
}

/// The client with this id, before its mode and its version. Another field contains the role.
fn preset(client: &str) -> Option<Preset> {
    let mut words = client.split(' ');
    let name = match words.next().unwrap_or_default() {
        "cli" if words.next() == Some("probe") => "probe",
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
    use crate::client::Proxy;
    use crate::explain::{StateDirectory, simulated};
    use crate::gateway_files::log_lines::CLOSED;
    use rstest::rstest;
    use serde_json::{Value, json};

    const LOG: &str = "\
2026-04-02T10:00:00Z [gateway] security audit: device access upgrade requested reason=scope-upgrade device=abcd ip=unknown-ip auth=token \
roleFrom=operator roleTo=operator scopesFrom=operator.read scopesTo=operator.admin,operator.write client=gateway-client conn=c1
2026-04-02T10:00:00Z [ws] closed before connect conn=c1 remote=127.0.0.1 fwd=203.0.113.7 origin=n/a host=gateway.example:443 \
ua=n/a code=1008 reason=pairing required
";

    /// The words of the line about a requested upgrade.
    const UPGRADE: &str = "device access upgrade requested ";

    #[test]
    fn last_refused_connect() {
        let mut description = ClientDescription { role: Some("node".to_owned()), ..ClientDescription::default() };
        let logged = LoggedRefusal::parse(LOG).unwrap();
        logged.complete(&mut description);
        assert_eq!(description.device.as_deref(), Some("abcd"));
        assert_eq!(description.role.as_deref(), Some("node"), "what the user says stays");
        assert_eq!(description.scopes.unwrap(), ["operator.admin", "operator.write"]);
        assert_eq!(description.headers, [("x-forwarded-for".to_owned(), "203.0.113.7".to_owned())]);
        assert_eq!((description.host.as_deref(), description.origin), (Some("gateway.example:443"), None));
        assert_eq!(description.preset.unwrap().name, "backend");
        assert_eq!(
            logged.says().unwrap(),
            "the log says close 1008 \"pairing required\", after a scope-upgrade request"
        );
    }

    /// Two upgrades can be refused with the same text.
    #[rstest]
    #[case::same_kind(json!({ "reason": "scope-upgrade" }), true)]
    #[case::another_kind(json!({ "reason": "role-upgrade" }), false)]
    #[case::no_kind(json!({}), true)]
    fn answer_with_other_kind_of_upgrade_does_not_agree(#[case] details: Value, #[case] agrees: bool) {
        let message = "pairing required".to_owned();
        let error = json!({ "code": "NOT_PAIRED", "message": message, "details": details });
        let error = Some(Box::new(serde_json::from_value(error).unwrap()));
        let verdict = Verdict::Refused { error, close: Some((1008, message)) };
        let answer = Answer { verdict, trace: Vec::new(), withheld: Vec::new(), announced: None };
        assert_eq!(LoggedRefusal::parse(LOG).unwrap().agrees(&answer), agrees);
    }

    /// Without a reason, only the close code can agree.
    #[rstest]
    #[case::same_code("1009", true)]
    #[case::another_code("1008", false)]
    fn log_without_reason_does_not_match(#[case] code: &str, #[case] agrees: bool) {
        let line = LOG[LOG.find("[ws] closed").unwrap()..]
            .replace("code=1008 reason=pairing required", "code=1009 reason=n/a");
        let logged = LoggedRefusal::parse(&line).unwrap();
        let close = Some((code.parse().unwrap(), String::new()));
        let verdict = Verdict::Refused { error: None, close };
        let answer = Answer { verdict, trace: Vec::new(), withheld: Vec::new(), announced: None };
        assert_eq!(logged.agrees(&answer), agrees);
    }

    /// Users often copy a line without its beginning.
    #[rstest]
    #[case("unauthorized conn=c1 remote=192.0.2.7 client=cli cli v1.0.0 reason=token_mismatch", "token_mismatch")]
    #[case("handshake timeout conn=c1 remote=192.0.2.7", "handshake timeout")]
    #[case("protocol mismatch conn=c1 remote=192.0.2.7", "protocol mismatch")]
    #[case("closed before connect conn=c1 remote=192.0.2.7 code=1008 reason=pairing required", "pairing required")]
    #[case("code=1008 reason=pairing required", "pairing required")]
    fn line_without_its_beginning(#[case] line: &str, #[case] reason: &str) {
        assert_eq!(LoggedRefusal::parse(line).unwrap().reason(), reason);
        LoggedRefusal::parse("an unauthorized connection, see conn=c1; the handshake timeout is 10 s").unwrap_err();
    }

    /// The log of `serve --verbose` describes the client: the described client gets the same answer.
    #[rstest]
    #[case::new_device("2026.4.2", ClientDescription { peer: "192.0.2.7".parse().ok(), ..of("cli") })]
    #[case::wrong_token("2026.4.2", ClientDescription { credential: Some(Credential::Token(Some("x".to_owned()))), ..of("cli") })]
    #[case::no_token("2026.4.2", ClientDescription { credential: Some(Credential::None), ..of("probe") })]
    #[case::no_device("2026.9.6", ClientDescription { device: Some("none".to_owned()), ..of("control-ui") })]
    #[case::unknown_proxy("2026.9.6", ClientDescription { via: Some(Proxy::Nginx), ..of("backend") })]
    #[case::header("2026.4.2", ClientDescription { via: Some(Proxy::Nginx), scopes: Some(vec!["operator.read".to_owned()]), ..of("cli") })]
    fn checks_describe_client(#[case] release: &str, #[case] client: ClientDescription) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{ gateway: { mode: "local", auth: { mode: "token", token: "t" } } }"#).unwrap();
        let state = StateDirectory::of_config(file.path()).unwrap();
        let release = Some(release.parse().unwrap());
        let answer = |client: &ClientDescription| {
            simulated(&state, &ClientDescription { release, ..client.clone() }, 0).unwrap().answer()
        };
        let refused = answer(&client);
        assert!(!refused.succeeds(), "{refused:?}");
        let lines = refused.trace.iter().map(|line| format!("serve[7]: connection 12: {line}\n")).collect::<String>();
        let earlier = "connection 12: frame: node-host/node as node [], device abcd\n";
        let logged = LoggedRefusal::parse(&format!("{earlier}{lines}")).unwrap();
        let mut description = ClientDescription::default();
        logged.complete(&mut description);
        let (client, described) = (simulated(&state, &client, 0).unwrap().client, answer(&description));
        assert_eq!(described.verdict, refused.verdict, "{lines}{description:?}");
        assert_eq!(description.role.or(Some(client.role.clone())), Some(client.role));
        assert!(logged.agrees(&refused) && logged.says().is_some(), "{lines}{logged:?}");
    }

    fn of(preset: &str) -> ClientDescription {
        ClientDescription { preset: preset.parse().ok(), ..ClientDescription::default() }
    }

    #[test]
    fn ignores_upgrade_of_other_connection() {
        let other = LOG.replace("conn=c1 remote", "conn=c2 remote");
        let mut description = ClientDescription::default();
        LoggedRefusal::parse(&other).unwrap().complete(&mut description);
        assert_eq!((description.device, description.peer.is_some()), (None, true));
        LoggedRefusal::parse("[ws] webchat connected conn=c1\n").unwrap_err();
    }

    /// Lines of real releases, with other ids.
    #[rstest]
    #[case::a_wrong_token(
        "[ws] unauthorized conn=c1 remote=127.0.0.1 client=cli cli v1.0.0 reason=token_mismatch",
        "cli",
        Some(Credential::Token(Some(WRONG.to_owned()))),
        None
    )]
    #[case::a_device_token_on_2026_9_6(
        "[ws] unauthorized conn=c1 peer=127.0.0.1:58546->127.0.0.1:46635 remote=127.0.0.1 client=gateway-client backend v1.0.0 \
         role=operator scopes=1 auth=device-token device=yes platform=linux instance=n/a host=127.0.0.1:46635 origin=n/a ua=n/a \
         reason=device_token_mismatch guidance=unauthorized: device token mismatch (rotate/reissue device token)",
        "backend",
        Some(Credential::DeviceToken(Some(WRONG.to_owned()))),
        Some("linux")
    )]
    #[case::another_platform(
        "[gateway] security audit: device metadata upgrade requested reason=metadata-upgrade device=abcd ip=unknown-ip auth=token \
         payload=v3 claimedPlatform=macos pinnedPlatform=linux claimedDeviceFamily=<none> pinnedDeviceFamily=<none> client=cli conn=c1",
        "cli",
        Some(Credential::Token(None)),
        Some("macos")
    )]
    fn details_describe_client(
        #[case] line: &str,
        #[case] client: &str,
        #[case] credential: Option<Credential>,
        #[case] platform: Option<&str>,
    ) {
        // A probe that leaves afterwards is not refused.
        let left =
            "[ws] closed before connect conn=c2 remote=127.0.0.1 fwd=n/a origin=n/a host=a ua=n/a code=1000 reason=n/a";
        let mut description = ClientDescription::default();
        let logged = LoggedRefusal::parse(&format!("{line}\n{left}\n")).unwrap();
        logged.complete(&mut description);
        assert_eq!(description.preset.unwrap().name, client);
        assert_eq!((description.credential, description.platform.as_deref()), (credential, platform));
        assert!(description.device.is_none_or(|device| device == "abcd"));
        LoggedRefusal::parse(left).unwrap_err();
    }

    #[test]
    fn later_upgrade_keeps_refused_connect() {
        let closed = "[ws] closed before connect conn=c1 remote=192.0.2.1 code=1008 reason=pairing required";
        let open = "device metadata upgrade requested reason=metadata-upgrade device=abcd claimedPlatform=macos client=cli conn=c2";
        let unauthorized = "[ws] unauthorized conn=c3 remote=192.0.2.3 client=cli cli v1.0.0 reason=token_mismatch";
        let peer = |lines: &[&str]| {
            let mut description = ClientDescription::default();
            LoggedRefusal::parse(&lines.join("\n")).unwrap().complete(&mut description);
            (description.peer.map(|peer| peer.to_string()), description.device)
        };
        assert_eq!(peer(&[closed, open]), (Some("192.0.2.1".to_owned()), None));
        assert_eq!(peer(&[open]), (None, Some("abcd".to_owned())), "there is no refused connect");
        assert_eq!(peer(&[closed, unauthorized, open]).0.unwrap(), "192.0.2.3", "refused credentials are a refusal");
    }

    #[test]
    fn merges_lines_of_one_connection() {
        let unauthorized = "[ws] unauthorized conn=c1 remote=127.0.0.1 client=cli cli v1.0.0 role=operator scopes=1 auth=n/a \
                            device=yes platform=n/a reason=token_mismatch";
        let (upgrade, closed) = LOG.split_once('\n').unwrap();
        for log in [format!("{upgrade}\n{unauthorized}\n{closed}"), format!("{upgrade}\n{unauthorized}\n")] {
            let mut description = ClientDescription::default();
            LoggedRefusal::parse(&log).unwrap().complete(&mut description);
            assert_eq!(description.scopes.unwrap(), ["operator.admin", "operator.write"]);
            assert_eq!((description.device.as_deref(), description.role.as_deref()), (Some("abcd"), Some("operator")));
            assert_eq!(description.preset.unwrap().name, "cli", "the later value counts");
            assert_eq!(description.credential, Some(Credential::Token(Some(WRONG.to_owned()))));
        }
    }

    #[test]
    fn unknown_proxy_and_rate_limit() {
        let mut description = ClientDescription::default();
        let proxy = "[gateway] observed unattributable proxy-shaped traffic from 127.0.0.1; Gateway-authenticated routes reject it";
        LoggedRefusal::parse(proxy).unwrap().complete(&mut description);
        assert_eq!(description.peer, Some("127.0.0.1".parse().unwrap()));
        assert_eq!(description.headers, [("x-forwarded-for".to_owned(), "203.0.113.7".to_owned())]);
        let limited = "[ws] unauthorized conn=c1 remote=192.0.2.2 client=cli cli v1.0.0 reason=rate_limited";
        assert!(LoggedRefusal::parse(limited).unwrap().says().unwrap().contains("restart the gateway"));
    }

    #[test]
    fn interleaved_connections_keep_upgrades() {
        let line = |conn: &str, word: &str| {
            let line = LOG.lines().find(|line| line.contains(word)).unwrap();
            line.replace("conn=c1", &format!("conn={conn}")).replace("device=abcd", &format!("device=of-{conn}"))
        };
        let log = [line("c1", UPGRADE), line("c2", UPGRADE), line("c2", CLOSED), line("c1", CLOSED)].join("\n");
        let mut description = ClientDescription::default();
        LoggedRefusal::read_from(log.as_bytes()).unwrap().complete(&mut description);
        assert_eq!(description.device.as_deref(), Some("of-c1"));
        let endless = io::repeat(b'x');
        assert!(matches!(LoggedRefusal::read_from(endless), Err(LogError::Unread(_, PlainFileError::TooLarge(_)))));
    }
}
