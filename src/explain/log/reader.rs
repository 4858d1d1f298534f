//! Follows the connections of a gateway's log, and finds the last refused connect.

use super::checks::CheckedConnect;
use super::presets::preset;
use crate::explain::BEHIND_PROXY;
use crate::explain::Preset;
use crate::gateway_files::log_line::LogLine;
use crate::gateway_files::log_lines::{RefusalLine, TIMEOUT, UNAUTHORIZED};
use crate::gateway_files::verbose_line::VerboseLine;
use indexmap::IndexMap;
use openclaw_model::AnswerFinding;
use openclaw_model::trace::HANDSHAKE_TIMEOUT;
use std::collections::BTreeMap;

/// The maximum number of connections that are followed at the same time.
const MAX_OPEN: usize = 1000;
/// Close codes of clients that leave by themselves, such as a probe.
const CLIENT_CLOSE_CODES: [&str; 4] = ["1000", "1001", "1005", "1006"];
/// The reason of a client that was refused and closes before the gateway does.
const CLOSED_BY_CLIENT: &str = "connect failed";

/// The fields of a line, by name.
pub(super) type LogFields = BTreeMap<String, String>;

/// A refused connect.
#[derive(Debug, Default)]
pub(super) struct RefusedConnect {
    /// The fields of the line about the close.
    pub(super) closed: LogFields,
    /// The fields of the lines before it.
    pub(super) detail: LogFields,
    /// The checks that `serve --verbose` names instead.
    pub(super) checks: CheckedConnect,
}

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct LogReader {
    /// The fields of the open connections, by `conn`.
    details: IndexMap<String, LogFields>,
    /// The checks of the open connections of the embedded gateway, by number.
    checks: BTreeMap<u64, CheckedConnect>,
    /// The client whose connects are preferred.
    client: Option<Preset>,
    /// The last refused connect of this client.
    of_client: Option<RefusedConnect>,
    /// The last refused connect.
    last: Option<RefusedConnect>,
    /// The last requested upgrade, which the gateway can have approved.
    requested: Option<RefusedConnect>,
}

impl RefusedConnect {
    /// The client, if the log names one.
    fn client(&self) -> Option<Preset> {
        let of_checks = || {
            self.checks.connect.as_ref().and_then(|connect| preset(&format!("{} {}", connect.client_id, connect.mode)))
        };
        field(&self.detail, "client").and_then(preset).or_else(of_checks)
    }
}

impl LogReader {
    /// A reader that prefers the connects of this client.
    pub(super) fn of_client(client: Option<Preset>) -> Self {
        Self { client, ..Self::default() }
    }

    /// Reads the next line.
    pub(super) fn read(&mut self, line: &LogLine<'_>) {
        if let Some(verbose) = VerboseLine::of(&line.text) {
            return self.read_check(verbose);
        }
        match RefusalLine::of(&line.text) {
            Some(RefusalLine::Upgrade(rest)) => self.read_upgrade(fields(rest)),
            Some(RefusalLine::Refused(words, rest)) => self.read_refusal(words, fields(rest)),
            Some(RefusalLine::Closed(rest)) => self.read_close(fields(rest), &line.fields),
            Some(RefusalLine::UnknownProxy(rest)) => {
                let peer = rest.split(';').next().unwrap_or_default().to_owned();
                // The log does not name the address of the client.
                let closed = [("remote", peer), ("fwd", BEHIND_PROXY.to_string()), ("code", "HTTP 403".to_owned())];
                let closed = closed.map(|(name, value)| (name.to_owned(), value));
                self.refused(RefusedConnect { closed: closed.into(), ..RefusedConnect::default() });
            }
            None => {}
        }
    }

    /// The last refused connect, or else the last requested upgrade.
    pub(super) fn refusal(self) -> Option<RefusedConnect> {
        self.of_client.or(self.last).or(self.requested)
    }

    fn refused(&mut self, refused: RefusedConnect) {
        let is_of_client =
            self.client.is_some_and(|client| refused.client().is_some_and(|of| of.is_same_client(client)));
        match is_of_client {
            true => self.of_client = Some(refused),
            false => self.last = Some(refused),
        }
    }

    /// A gateway can approve a requested upgrade.
    fn read_upgrade(&mut self, mut fields: LogFields) {
        // `reason` is the reason of the close, so the reason in any other detail gets another name.
        if let Some(kind) = fields.remove("reason") {
            fields.insert("upgrade".to_owned(), kind);
        }
        self.requested = Some(of_detail(merge(&mut self.details, fields)));
    }

    fn read_refusal(&mut self, words: &str, mut fields: LogFields) {
        // After a timeout, the gateway closes with code 1000, like a client that leaves by itself.
        if words != UNAUTHORIZED {
            fields.insert("reason".to_owned(), words.trim_end().to_owned());
        }
        let refused = of_detail(merge(&mut self.details, fields));
        self.refused(refused);
    }

    /// A check of the embedded gateway, which numbers its connections. The lines of a connection describe its client, and the
    /// last one contains the answer.
    fn read_check(&mut self, line: VerboseLine) {
        let Some(finding) = line.finding else { return };
        if self.checks.len() >= MAX_OPEN && !self.checks.contains_key(&line.connection) {
            self.checks.pop_first();
        }
        let mut checks = self.checks.remove(&line.connection).unwrap_or_default();
        checks.add(finding);
        let Some(answer) = &checks.answer else {
            self.checks.insert(line.connection, checks);
            return;
        };
        let closed = match answer {
            AnswerFinding::NoUpgrade(status) => vec![("code", format!("HTTP {status}"))],
            AnswerFinding::Refused(reason) => vec![("reason", reason.clone())],
            AnswerFinding::Closed { code, why } => {
                // After a timeout, the gateway closes with code 1000, like a client that leaves by itself.
                let reason = (why == HANDSHAKE_TIMEOUT).then(|| ("reason", why.clone()));
                [("code", code.to_string())].into_iter().chain(reason).collect()
            }
            AnswerFinding::LetIn { .. } => return,
        };
        let closed = closed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.refused(RefusedConnect { closed, checks, ..RefusedConnect::default() });
    }

    /// `added` are the fields that only the JSON form of the line has.
    fn read_close(&mut self, mut closed: LogFields, added: &LogFields) {
        if closed.get("reason").is_some_and(|reason| reason == CLOSED_BY_CLIENT) {
            closed.remove("reason");
        }
        let detail = closed.get("conn").and_then(|conn| self.details.shift_remove(conn));
        let mut detail = detail.unwrap_or_default();
        for (name, value) in added {
            detail.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let left = field(&closed, "code").is_some_and(|code| CLIENT_CLOSE_CODES.contains(&code));
        let timed_out = field(&detail, "reason").is_some_and(|reason| TIMEOUT.contains(reason));
        let is_refused = added.contains_key("upgrade");
        if !left || timed_out || is_refused || field(&closed, "reason").is_some() {
            self.refused(RefusedConnect { closed, detail, ..RefusedConnect::default() });
        }
    }
}

fn of_detail(detail: LogFields) -> RefusedConnect {
    RefusedConnect { detail, ..RefusedConnect::default() }
}

/// Adds a detail to the earlier details about the same connection, and returns all of them. A later value replaces an
/// earlier one, unless it is empty. The details of a connection that was not refused remain in the map.
fn merge(details: &mut IndexMap<String, LogFields>, mut detail: LogFields) -> LogFields {
    // This value does not say which device the client has.
    if detail.get("device").is_some_and(|device| device == "yes") {
        detail.remove("device");
    }
    let Some(conn) = detail.get("conn").cloned() else { return detail };
    if details.len() >= MAX_OPEN && !details.contains_key(&conn) {
        details.shift_remove_index(0);
    }
    let known = details.entry(conn).or_default();
    for name in detail.keys().filter(|name| field(&detail, name).is_some()) {
        known.insert(name.clone(), detail[name].clone());
    }
    known.clone()
}

/// Parses `name=value name=value`. A value can contain spaces.
fn fields(text: &str) -> LogFields {
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

/// The value of a field. `None` if the field is absent or says that there is no value.
pub(super) fn field<'a>(fields: &'a LogFields, name: &str) -> Option<&'a str> {
    let nothing = ["", "n/a", "?", "none", "<none>", "unknown-ip"];
    fields.get(name).map(String::as_str).filter(|value| !nothing.contains(value))
}
