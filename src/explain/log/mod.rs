//! Parses the log lines about a refused handshake, which describe the client and its connection.
//!
//! For every refused connect, a gateway logs
//! `closed before connect conn=... remote=... fwd=... origin=... host=... ua=... code=... reason=...`. Before that, it can log
//! details: `unauthorized conn=... client=... reason=...` for refused credentials,
//! `security audit: device access upgrade requested reason=... device=... roleTo=... scopesTo=... client=...` for a paired device
//! that requests more than its record grants, and `device metadata upgrade requested ... claimedPlatform=...` for another platform.
//! Where a gateway refuses the upgrade of an unknown proxy, the line is `observed unattributable proxy-shaped traffic from ...`.
//! `clawcheck serve --verbose` logs the checks of each connect instead.

mod cause;
mod checks;
mod presets;
mod reader;

use super::simulated_gateway::{Answer, Verdict};
use super::{ClientDescription, Credential, Preset, StoreBeforeStart};
use crate::gateway_files::log_line::LogLine;
use crate::gateway_files::log_lines;
use cause::LogCause;
use checks::CheckedConnect;
use openclaw_emulator::stored_state::StoredFile;
use openclaw_model::Facts;
use openclaw_model::handshake::{
    AuthFailure, AuthMethod, DEVICE_REQUIRED, PAGE_NEEDS_DEVICE, PAGE_NEEDS_SECURE_CONTEXT,
};
use openclaw_protocol::store::Document;
use presets::{page, preset, role};
use reader::{LogFields, LogReader, RefusedConnect, field};
use serde_json::Value;
use std::io::{self, Read as _};
use std::path::Path;
use untrusted_data::plain_file::{self, Links, PlainFileError};
use untrusted_data::printable;

/// The maximum size of a log, in bytes.
const MAX_LOG_BYTES: u64 = 32 << 20;
/// The advice about a rate limit, which exists only in the memory of the gateway.
const RATE_LIMITED: &str = "; the gateway counts failed attempts of an address, and then also refuses the correct secret: wait until \
     the lockout ends (`gateway.auth.rateLimit.lockoutMs`), or restart the gateway";
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
    /// The checks that `serve --verbose` names instead.
    checks: CheckedConnect,
}

impl LoggedRefusal {
    /// Reads the last refused connect of a log file. If the log names clients, it is that of this client, if there is one.
    ///
    /// # Errors
    /// The file cannot be read, or contains no such line.
    pub(crate) fn read(path: &Path, client: Option<Preset>) -> Result<Self, LogError> {
        let failed = |error| LogError::Unread(path.display().to_string(), error);
        let bytes = plain_file::read(path, MAX_LOG_BYTES, Links::Follow).map_err(failed)?;
        Self::parse(&String::from_utf8_lossy(&bytes), client)
    }

    /// Reads the last refused connect of a log from a stream. If the log names clients, it is that of this client, if there is one.
    ///
    /// # Errors
    /// The stream cannot be read, is too long, or has no such line.
    pub(crate) fn read_from(stream: impl io::Read, client: Option<Preset>) -> Result<Self, LogError> {
        let failed = |error| LogError::Unread("standard input".to_owned(), error);
        let mut bytes = Vec::new();
        stream.take(MAX_LOG_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(PlainFileError::Io(error)))?;
        if bytes.len() as u64 > MAX_LOG_BYTES {
            return Err(failed(PlainFileError::TooLarge(MAX_LOG_BYTES)));
        }
        Self::parse(&String::from_utf8_lossy(&bytes), client)
    }

    /// Reads the last refused connect of a log.
    ///
    /// # Errors
    /// No line is about a refused connect.
    fn parse(log: &str, client: Option<Preset>) -> Result<Self, LogError> {
        let mut reader = LogReader::of_client(client);
        log.lines().for_each(|line| reader.read(&LogLine::read(line)));
        let is_of_client = || log_lines::has_client_message(log) && !log_lines::is_of_gateway(log);
        let refusal = reader.refusal().map(|RefusedConnect { closed, detail, checks }| Self { closed, detail, checks });
        refusal.ok_or_else(|| if is_of_client() { LogError::OfClient } else { LogError::Nothing })
    }

    /// Fills in the values that the user and the log do not specify, from the pending request that the refusal left in the store.
    pub(crate) fn complete_from_store(&self, description: &mut ClientDescription, stored: &StoreBeforeStart) {
        // A later connect can have added its scopes to the request.
        let has_details = self.checks.connect.is_some()
            || ["client", "device"].iter().all(|name| field(&self.detail, name).is_some());
        let id = self.request_id().filter(|_| !has_details);
        let Some(request) = id.and_then(|id| pending_request(stored, id)) else { return };
        let text = |name: &str| request.get(name).and_then(Value::as_str).map(str::to_owned);
        let client = text("clientId").map(|id| id + " " + &text("clientMode").unwrap_or_default());
        let scopes = request.get("scopes").and_then(Value::as_array);
        let scopes = scopes.map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        description.device = description.device.take().or_else(|| text("deviceId"));
        description.preset = description.preset.or_else(|| client.as_deref().and_then(preset));
        description.role = description.role.take().or_else(|| text("role"));
        description.scopes = description.scopes.take().or(scopes);
        description.platform = description.platform.take().or_else(|| text("platform"));
    }

    /// The id of the pending request, which newer releases add to the reason.
    fn request_id(&self) -> Option<&str> {
        let (_, rest) = self.reason().split_once("(requestId: ")?;
        rest.split(')').next()
    }

    /// Fills in the values that the user does not specify. `config` is the `openclaw.json` of the gateway.
    pub(crate) fn complete(&self, description: &mut ClientDescription, config: &Value) {
        self.checks.complete(description, config);
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
        if description.device.is_none() {
            let device = detail("device").map(|device| if device == "no" { "none" } else { device });
            description.device = device.or_else(|| self.lacks_device().then_some("none")).map(str::to_owned);
        }
        description.sends_device |= self.shows_device();
        if description.role.is_none() {
            let named = detail("roleTo").or_else(|| detail("role"));
            description.role = named.or_else(|| detail("client").and_then(role)).map(str::to_owned);
        }
        if description.scopes.is_none() {
            description.scopes = detail("scopesTo").map(|scopes| scopes.split(',').map(str::to_owned).collect());
        }
        if description.preset.is_none() {
            description.preset = detail("client").and_then(preset).or_else(|| page(closed("origin"), self.reason()));
        }
        if description.platform.is_none() {
            description.platform = detail("claimedPlatform").or_else(|| detail("platform")).map(str::to_owned);
        }
        if description.credential.is_none() {
            let failure = detail("reason").and_then(AuthFailure::named);
            let method = || AuthMethod::ALL.iter().find(|method| detail("auth") == Some(method.name()));
            let refused = failure.and_then(|failure| checks::refused(failure, None));
            let told = refused.or_else(|| method().and_then(|method| checks::accepted(*method)));
            // With the gateway's secret, an operator needs no device. A node can need one.
            let is_node = description.role.as_deref() == Some("node")
                || description.role.is_none() && description.preset.is_some_and(|preset| preset.is_node());
            let without_secret = || (self.reason() == DEVICE_REQUIRED && !is_node).then_some(Credential::None);
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
        [DEVICE_REQUIRED, PAGE_NEEDS_DEVICE, PAGE_NEEDS_SECURE_CONTEXT]
            .iter()
            .any(|text| self.reason().starts_with(text))
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
            Verdict::NoUpgrade { status, .. } => field(&self.closed, "code") == Some(&format!("HTTP {status}")),
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
            return Some(format!("the log says {}{}", printable::line(reason), advice(reason)));
        };
        let reason = self.reason();
        let advice = advice(reason);
        let upgrade = self.upgrade().map(|kind| format!(", after a {} request", printable::line(kind)));
        let upgrade = upgrade.unwrap_or_default();
        let (code, reason) = (printable::line(code), printable::line(reason));
        Some(format!("the log says close {code} \"{reason}\"{upgrade}{advice}"))
    }
}

/// The pending request with this id.
fn pending_request(stored: &StoreBeforeStart, id: &str) -> Option<Value> {
    let of_file = match stored.file(Document::DevicesPending) {
        StoredFile::Json(value) => value.get(id).cloned(),
        _ => None,
    };
    let of_database = || {
        let mut pending = stored.database().filter(|(document, _)| *document == Document::DevicesPending);
        pending.find_map(|(_, value)| value.get(id).cloned())
    };
    of_database().or(of_file)
}

/// The advice about a logged reason.
fn advice(reason: &str) -> &'static str {
    let is_limited = reason == AuthFailure::RateLimited.name() || reason.contains("too many failed");
    if is_limited { RATE_LIMITED } else { "" }
}

#[cfg(test)]
mod tests;
