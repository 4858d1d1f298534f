//! The settings and the store of the gateway before the recording.

use super::drafts::{ClientAction, Connection, Drafts};
use super::redaction;
use super::symbols::{Symbols, is_list_of_texts, pointer_of};
use crate::capture::Capture;
use crate::explain::StateDirectory;
use crate::scenario::gateway::SHARED_SECRET;
use openclaw_emulator::settings::Settings;
use openclaw_emulator::stored_state::StoredFile;
use openclaw_model::{Facts, Release, UnknownRelease};
use openclaw_protocol::store::Document;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Reasons of a refusal that only a paired device gets.
const OF_PAIRED: [&str; 3] = ["role-upgrade", "scope-upgrade", "metadata-upgrade"];

/// The settings and the store of the scenario. Without a state directory, they follow from the answers.
#[derive(Clone, Default)]
pub(crate) struct InitialState {
    /// The `gateway` part of the scenario.
    pub(super) gateway: Map<String, Value>,
    /// The `store` part of the scenario.
    pub(super) store: Map<String, Value>,
    /// The names of the devices in the store, by id.
    pub(super) devices: BTreeMap<String, String>,
    /// The device and the role of each device token in the store, by the token.
    pub(super) tokens: BTreeMap<String, (String, String)>,
    /// The shared secrets of the gateway: the kind and the value.
    pub(super) secrets: Vec<(&'static str, String)>,
    /// The setup codes in the store, with the texts that replace them.
    pub(super) setup_codes: BTreeMap<String, String>,
    /// Comments for the scenario file.
    pub(super) notes: Vec<String>,
    /// The state directory that this state was captured from.
    captured: Option<Captured>,
}

/// A captured state directory, the release that it was captured for, and the time in milliseconds since the epoch.
#[derive(Clone)]
struct Captured {
    state: StateDirectory,
    release: Release,
    now: i64,
}

impl InitialState {
    /// The settings and the store of a state directory. `now` is in milliseconds since the epoch.
    ///
    /// # Errors
    /// The release is older than the oldest known one.
    pub(crate) fn of(state: StateDirectory, release: Option<Release>, now: i64) -> Result<Self, UnknownRelease> {
        let capture = Capture::of(&state, release, &[], now)?;
        let part = |name: &str| capture.scenario().get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let settings = Settings::resolve(capture.release, &state.config, &state.env).ok();
        let secrets = settings.map(|found| [("token", found.gateway.token), ("password", found.gateway.password)]);
        let secrets = secrets.into_iter().flatten().filter_map(|(kind, secret)| Some((kind, secret?)));
        let mut initial_state = Self {
            gateway: part("gateway"),
            store: part("store"),
            devices: capture.names.iter().map(|(name, id)| (id.clone(), name.clone())).collect(),
            secrets: secrets.collect(),
            setup_codes: capture.setup_codes.iter().cloned().collect(),
            ..Self::default()
        };
        let file = match state.stored.file(Document::DevicesPaired) {
            StoredFile::Json(value) => Some(value),
            StoredFile::Absent | StoredFile::Unusable { .. } => None,
        };
        let database = state.stored.database().filter(|(document, _)| *document == Document::DevicesPaired);
        for paired in file.into_iter().chain(database.map(|(_, value)| value)) {
            initial_state.learn_tokens(paired);
        }
        initial_state.notes.push(format!(
            "The settings and the store are those of the state directory before the recording, captured without secrets ({}).",
            capture.release
        ));
        initial_state.captured = Some(Captured { state, release: capture.release, now });
        Ok(initial_state)
    }

    /// The same state for the release that the gateway named, which is more certain than a guess from its directory.
    pub(super) fn for_release(self, seen: Option<Release>) -> Self {
        match (&self.captured, seen) {
            (Some(captured), Some(seen)) if captured.release != seen => {
                Self::of(captured.state.clone(), Some(seen), captured.now).unwrap_or(self)
            }
            _ => self,
        }
    }

    /// The release that a state directory was captured for.
    pub(super) fn release(&self) -> Option<Release> {
        self.captured.as_ref().map(|captured| captured.release)
    }

    fn learn_tokens(&mut self, paired: &Value) {
        for (id, record) in paired.as_object().into_iter().flatten() {
            let Some(name) = self.devices.get(id).cloned() else { continue };
            for (role, token) in record.get("tokens").and_then(Value::as_object).into_iter().flatten() {
                if let Some(token) = token.get("token").and_then(Value::as_str) {
                    self.tokens.insert(token.to_owned(), (name.clone(), role.clone()));
                }
            }
        }
    }

    /// The name of the gateway's token or password in the scenario. `None` if the gateway has no secret of this kind.
    pub(super) fn secret_name(&self, kind: &str) -> Option<&str> {
        match self.gateway.get("auth").and_then(|auth| auth.get(kind)).and_then(Value::as_str) {
            Some("none") => None,
            Some(name) => Some(name),
            None => (self.mode() == kind).then_some(SHARED_SECRET),
        }
    }

    /// The kind of secret that clients of the scenario send by default.
    pub(super) fn default_secret(&self) -> Option<&'static str> {
        ["token", "password"].into_iter().find(|kind| self.secret_name(kind).is_some())
    }

    /// The kind of secret that the gateway has if the scenario names none.
    fn mode(&self) -> &'static str {
        match self.gateway.get("auth").and_then(|auth| auth.get("mode")).and_then(Value::as_str) {
            Some("password") => "password",
            Some("none") => "none",
            Some("trusted-proxy" | "unset") => "",
            _ => "token",
        }
    }

    /// Derives the settings and the records from the answers if there is no state directory.
    pub(super) fn derive(&mut self, drafts: &Drafts, symbols: &Symbols) {
        if self.captured.is_some() {
            return;
        }
        self.derive_settings(drafts);
        let mut paired = Map::new();
        let mut seen = Vec::new();
        let mut is_bootstrapped = false;
        for step in &drafts.steps {
            let ClientAction::Connect(params) = &step.action else { continue };
            let text = |pointer: &str| pointer_of(params, pointer).and_then(Value::as_str);
            let (Some(id), Some(answer)) = (text("device/id"), &step.answer) else { continue };
            let Some(name) = symbols.device(id) else { continue };
            is_bootstrapped |= text("auth/bootstrapToken").is_some() && answer["ok"] == true;
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            let challenge = drafts.connections.get(&step.connection).and_then(|known| known.challenge.as_ref());
            let now = challenge.map_or(i64::MAX, |(_, now)| *now);
            if let Some(record) = record(params, answer, now, symbols) {
                paired.insert(name.to_owned(), record);
            }
        }
        if is_bootstrapped {
            self.store.insert("bootstrap".to_owned(), json!({ "code": {} }));
        }
        if !paired.is_empty() {
            let names = paired.keys().cloned().collect::<Vec<_>>().join(", ");
            self.notes.push(format!(
                "Paired before the recording: {names}. The records are derived from the answers. With --state-dir, they are exact."
            ));
            self.store.insert("paired".to_owned(), Value::Object(paired));
        }
        for part in [&mut self.gateway, &mut self.store] {
            redaction::derived(part, &symbols.secrets);
        }
        self.notes.push(
            "The settings of the gateway are derived from the answers. With --state-dir, they are exact.".to_owned(),
        );
        if drafts.version.is_none() {
            self.notes.push(
                "No hello-ok names the release of the gateway. A replay on another release can deviate.".to_owned(),
            );
        }
    }

    fn derive_settings(&mut self, drafts: &Drafts) {
        let mut signs = AuthSigns::default();
        let mut origins = Vec::new();
        for step in &drafts.steps {
            let (ClientAction::Connect(params), Some(answer)) = (&step.action, &step.answer) else { continue };
            signs.add(params, answer);
            if answer["ok"] != true {
                continue;
            }
            let head = drafts.connections.get(&step.connection).map(|known| &known.head);
            let header = |name: &str| {
                let headers = head.into_iter().flat_map(|head| &head.headers);
                headers
                    .clone()
                    .find(|(known, _)| known.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.trim().to_owned())
            };
            let own = header("host").map(|host| format!("http://{host}"));
            origins.extend(header("origin").filter(|origin| Some(origin) != own.as_ref() && !origins.contains(origin)));
        }
        match signs.mode() {
            Some("trusted-proxy") => self.notes.push(
                "The auth mode of the gateway is trusted-proxy. The answers do not show the settings of this mode, so the replay uses the mode token and can deviate."
                    .to_owned(),
            ),
            Some(mode) => drop(self.gateway.insert("auth".to_owned(), json!({ "mode": mode }))),
            None => self.notes.push("The answers do not show the auth mode of the gateway. The replay uses the mode token.".to_owned()),
        }
        if trusts_a_proxy(drafts) {
            self.gateway.insert("trusted-proxies".to_owned(), json!(["127.0.0.1"]));
        }
        if !origins.is_empty() {
            self.gateway.insert("control-ui".to_owned(), json!({ "allowed-origins": origins }));
        }
    }
}

/// What the answers to connects show about the auth mode of the gateway.
#[derive(Default)]
struct AuthSigns {
    /// The mode in a `hello-ok`. Only administrators receive it.
    named: Option<&'static str>,
    /// The mode that an error is about.
    of_error: Option<&'static str>,
    with_password: bool,
    with_token: bool,
    without: bool,
}

impl AuthSigns {
    fn add(&mut self, params: &Map<String, Value>, answer: &Value) {
        let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let sends = |kind: &str| {
            pointer_of(params, &format!("auth/{kind}"))
                .is_some_and(|value| value.as_str().is_some_and(|text| !text.is_empty()))
        };
        let named = text("/payload/snapshot/authMode");
        self.named =
            ["token", "password", "none", "trusted-proxy"].into_iter().find(|mode| *mode == named).or(self.named);
        let has_device = pointer_of(params, "device").is_some();
        let is_operator = pointer_of(params, "role").is_none_or(|role| role == "operator");
        let of_error = match text("/error/details/code") {
            detail if detail.starts_with("AUTH_PASSWORD_") => Some("password"),
            detail if detail.starts_with("AUTH_TOKEN_") => Some("token"),
            // Any secret lets in an operator without a device, except in a gateway that reads no secret. Nodes can need a
            // device in every mode.
            "DEVICE_IDENTITY_REQUIRED" if is_operator && !has_device && (sends("token") || sends("password")) => {
                Some("none")
            }
            "AUTH_UNAUTHORIZED" if sends("token") || sends("password") => Some("trusted-proxy"),
            _ => None,
        };
        self.of_error = of_error.or(self.of_error);
        // The gateway checks the credentials first.
        if of_error.is_none() && (answer["ok"] == true || text("/error/code") == "NOT_PAIRED") {
            self.with_password |= sends("password") && !sends("token");
            self.with_token |= sends("token");
        }
        let sends_any = ["token", "password", "deviceToken", "bootstrapToken"].into_iter().any(sends);
        self.without |= answer["ok"] == true && !sends_any;
    }

    fn mode(&self) -> Option<&'static str> {
        self.named.or(self.of_error).or(match (self.with_password, self.with_token, self.without) {
            (true, false, _) => Some("password"),
            (false, true, _) => Some("token"),
            (false, false, true) => Some("none"),
            _ => None,
        })
    }
}

/// Whether the gateway took a connection with a proxy header, although its release refuses those of unknown proxies. In
/// other releases, an answer does not show whether it trusts the proxy. An upgrade without a message from the gateway shows
/// nothing.
fn trusts_a_proxy(drafts: &Drafts) -> bool {
    let refuses_unknown = drafts.release().is_some_and(|release| Facts::nearest(release).locality.attribution_required);
    let is_admitted = |number: usize| {
        let mut connects = drafts.steps.iter().filter(|step| step.connection == number);
        connects.any(|step| {
            matches!(step.action, ClientAction::Connect(_))
                && step.answer.as_ref().is_some_and(|answer| answer["ok"] == true)
        })
    };
    let is_taken = |(number, known): (&usize, &Connection)| {
        let header = |name: &str| known.head.headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name));
        let is_answered = known.challenge.is_some() || is_admitted(*number);
        is_answered && ["x-forwarded-for", "x-real-ip", "forwarded"].into_iter().any(header)
    };
    refuses_unknown && drafts.connections.iter().any(is_taken)
}

/// The record that a device had before its first connect. `None` if it was not paired.
fn record(params: &Map<String, Value>, answer: &Value, now: i64, symbols: &Symbols) -> Option<Value> {
    let text = |pointer: &str| pointer_of(params, pointer).and_then(Value::as_str);
    let role = text("role").unwrap_or("operator");
    let auth = answer.pointer("/payload/auth");
    let details = answer.pointer("/error/details");
    let list = |value: Option<&Value>| value.filter(|value| is_list_of_texts(value) && **value != json!([])).cloned();
    let is_older = |auth: &Value| auth["issuedAtMs"].as_i64().is_some_and(|issued| issued < now);
    let unknown_token = text("auth/deviceToken").is_some_and(|token| symbols.token(token).is_none());
    let reason = details.and_then(|details| details["reason"].as_str()).unwrap_or_default();
    let (roles, scopes) = match (auth, details) {
        (Some(auth), _) if is_older(auth) || (unknown_token && answer["ok"] == true) => {
            (json!([role]), list(auth.get("scopes")))
        }
        (_, Some(details)) if OF_PAIRED.contains(&reason) => {
            let other = if role == "node" { "operator" } else { "node" };
            let usual = if reason == "role-upgrade" { json!([other]) } else { json!([role]) };
            (list(details.get("approvedRoles")).unwrap_or(usual), list(details.get("approvedScopes")))
        }
        _ => return None,
    };
    let mut record = Map::new();
    let first = roles.get(0).and_then(Value::as_str).unwrap_or(role).to_owned();
    let usual = if first == "operator" { json!(["operator.read"]) } else { json!([]) };
    record.insert("role".to_owned(), json!(first));
    if roles.as_array().is_some_and(|roles| roles.len() > 1) {
        record.insert("roles".to_owned(), roles);
    }
    record.insert("scopes".to_owned(), scopes.unwrap_or(usual));
    if let Some(platform) = text("client/platform").filter(|_| reason != "metadata-upgrade") {
        record.insert("platform".to_owned(), json!(platform));
    }
    if let Some(family) = text("client/deviceFamily").filter(|_| reason != "metadata-upgrade") {
        record.insert("device-family".to_owned(), json!(family));
    }
    let client = json!({ "id": text("client/id").unwrap_or("cli"), "mode": text("client/mode").unwrap_or("cli") });
    record.insert("client".to_owned(), client);
    Some(Value::Object(record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::frames::Message;
    use crate::record::recording::{Event, Head, Recording};
    use rstest::rstest;

    /// The release of the gateway is known from the connect of another client, which comes without a proxy.
    #[rstest]
    #[case::hanging(&[], "2026.9.6", false)]
    #[case::challenge(&[json!({ "type": "event", "event": "connect.challenge", "payload": { "nonce": "n", "ts": 1 } })], "2026.9.6", true)]
    #[case::hello(&[json!({ "type": "res", "id": "1", "ok": true, "payload": { "type": "hello-ok" } })], "2026.9.6", true)]
    #[case::error(&[json!({ "type": "res", "id": "1", "ok": false, "error": {} })], "2026.9.6", false)]
    #[case::older_release(&[json!({ "type": "event", "event": "connect.challenge", "payload": { "nonce": "n", "ts": 1 } })], "2026.4.2", false)]
    fn trusted_proxy_from_admitted_connection(
        #[case] answers: &[Value],
        #[case] release: &str,
        #[case] is_trusted: bool,
    ) {
        let head = |headers: &[(&str, &str)]| Head {
            path: "/".to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let client = json!({ "id": "cli", "mode": "cli", "platform": "linux", "version": "1" });
        let params = json!({ "client": client, "minProtocol": 4, "maxProtocol": 4 });
        let connect = json!({ "type": "req", "id": "1", "method": "connect", "params": params });
        let hello = json!({ "type": "res", "id": "1", "ok": true, "payload": { "server": { "version": release } } });
        let text = |frame: &Value| Message::Text(frame.to_string());
        let mut events = vec![
            (1, Event::Opened(head(&[]))),
            (1, Event::FromClient(text(&connect))),
            (1, Event::FromGateway(text(&hello))),
            (2, Event::Opened(head(&[("X-Forwarded-For", "203.0.113.7")]))),
            (2, Event::FromClient(text(&connect))),
        ];
        events.extend(answers.iter().map(|answer| (2, Event::FromGateway(text(answer)))));
        let recording = Recording::new();
        events.into_iter().for_each(|(connection, event)| recording.add(connection, event));
        let drafts = Drafts::of(&mut recording.take());
        assert_eq!(drafts.version.as_deref(), Some(release));
        assert_eq!(trusts_a_proxy(&drafts), is_trusted);
    }

    /// Some releases refuse a node without a device in every mode.
    #[rstest]
    #[case::node_then_operator_let_in(&[("node", false), ("operator", true)], "token")]
    #[case::operator_let_in_then_node(&[("operator", true), ("node", false)], "token")]
    #[case::both_refused(&[("node", false), ("operator", false)], "none")]
    fn mode_from_connects_without_device(#[case] connects: &[(&str, bool)], #[case] mode: &str) {
        let mut signs = AuthSigns::default();
        for (role, is_let_in) in connects {
            let params = json!({ "role": role, "auth": { "token": "secret" } });
            let code = json!({ "code": "NOT_PAIRED", "details": { "code": "DEVICE_IDENTITY_REQUIRED" } });
            let answer = if *is_let_in { json!({ "ok": true }) } else { json!({ "ok": false, "error": code }) };
            signs.add(params.as_object().unwrap(), &answer);
        }
        assert_eq!(signs.mode(), Some(mode));
    }
}
