//! Follows the connections of a gateway's log, and finds the last refused connect.

use crate::gateway_files::log_line::LogLine;
use crate::gateway_files::log_lines::{CLOSED, DETAILS, TAG, TIMEOUT, UNAUTHORIZED, UNKNOWN_PROXY};
use indexmap::IndexMap;
use std::collections::BTreeMap;

/// A client behind an unknown proxy. The log does not name the address of the client. This address is reserved for
/// documentation.
const BEHIND_UNKNOWN_PROXY: &str = "203.0.113.7";
/// The maximum number of connections that are followed at the same time.
const MAX_OPEN: usize = 1000;
/// Close codes of clients that leave by themselves, such as a probe.
const CLIENT_CLOSE_CODES: [&str; 4] = ["1000", "1001", "1005", "1006"];
/// The reason of a client that was refused and closes before the gateway does.
const CLOSED_BY_CLIENT: &str = "connect failed";

/// The fields of a line, by name.
pub(super) type LogFields = BTreeMap<String, String>;

/// The fields of the line about the close, and those of the lines before it.
type RefusedConnect = (LogFields, LogFields);

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct LogReader {
    /// The fields of the open connections, by `conn`.
    details: IndexMap<String, LogFields>,
    /// The last refused connect.
    last: Option<RefusedConnect>,
    /// The last requested upgrade, which the gateway can have approved.
    requested: Option<RefusedConnect>,
}

impl LogReader {
    /// Reads the next line.
    pub(super) fn read(&mut self, line: &LogLine<'_>) {
        let detail = DETAILS.iter().find_map(|begin| Some((*begin, line.text.split_once(begin)?.1)));
        if let Some((begin, rest)) = detail {
            self.read_detail(begin, fields(rest));
        } else if let Some((_, rest)) = line.text.split_once(CLOSED) {
            self.read_close(fields(rest), &line.fields);
        } else if let Some((_, rest)) = line.text.split_once(UNKNOWN_PROXY) {
            let peer = rest.split(';').next().unwrap_or_default();
            let closed = [("remote", peer), ("fwd", BEHIND_UNKNOWN_PROXY), ("code", "HTTP 403")];
            let closed = closed.map(|(name, value)| (name.to_owned(), value.to_owned()));
            self.last = Some((closed.into(), LogFields::new()));
        }
    }

    /// The last refused connect, or else the last requested upgrade.
    pub(super) fn refusal(self) -> Option<RefusedConnect> {
        self.last.or(self.requested)
    }

    fn read_detail(&mut self, begin: &str, mut fields: LogFields) {
        let is_of_socket = begin.starts_with(TAG);
        // After a timeout, the gateway closes with code 1000, like a client that leaves by itself.
        if let Some(words) = begin.strip_prefix(TAG).filter(|_| begin != UNAUTHORIZED) {
            fields.insert("reason".to_owned(), words.trim_end().to_owned());
        }
        // `reason` is the reason of the close, so the reason in any other detail gets another name.
        if !is_of_socket && let Some(kind) = fields.remove("reason") {
            fields.insert("upgrade".to_owned(), kind);
        }
        let refusal = (LogFields::new(), merge(&mut self.details, fields));
        // A gateway can approve a requested upgrade. Every other detail means that the connect was refused.
        if is_of_socket {
            self.last = Some(refusal);
        } else {
            self.requested = Some(refusal);
        }
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
            self.last = Some((closed, detail));
        }
    }
}

/// Adds a detail to the earlier details about the same connection, and returns all of them. A later value replaces an
/// earlier one, unless it is empty. The details of a connection that was not refused remain in the map.
fn merge(details: &mut IndexMap<String, LogFields>, mut detail: LogFields) -> LogFields {
    // This value says only whether the client has a device, not which one.
    if detail.get("device").is_some_and(|device| device == "yes" || device == "no") {
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
