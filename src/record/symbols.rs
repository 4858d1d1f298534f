//! The symbols that replace ids, keys and secrets of a recording in a scenario.

use super::drafts::{ClientAction, Draft, Drafts};
use super::redaction::{self, is_term};
use super::secrets::{self, Document};
use openclaw_protocol::public_key::PublicKey;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use untrusted_data::Redactions;
use untrusted_data::redact::{is_count_name, is_secret_name as is_secret};

/// The minimum length of a secret that `record` searches for in texts.
const MIN_SECRET_LENGTH: usize = 6;
/// The minimum length of a secret inside a list or a map with a secret name, which can also be a common word.
const MIN_NESTED_SECRET_LENGTH: usize = 12;
/// The maximum length of the name of a secret.
const MAX_NAME_LENGTH: usize = 40;
/// The replacement of a secret, and that in the scenario of a gateway without a secret of this name.
const HIDDEN: &str = "<secret shared>";
const HIDDEN_WITHOUT_SECRET: &str = "hidden";
/// The members of a reference to a secret, which say only what kind of reference it is.
const OF_REFERENCE: [&str; 4] = ["source", "provider", "id", "value"];

/// The symbols for the values of a recording.
#[derive(Default)]
pub(super) struct Symbols {
    /// The names of the devices, by id.
    devices: BTreeMap<String, String>,
    names: BTreeSet<String>,
    last_numbers: BTreeMap<String, usize>,
    keys: BTreeMap<String, String>,
    /// The devices of pending requests, by the id of the request.
    requests: BTreeMap<String, String>,
    /// The device, the role and the step of each device token that the gateway issued, by the token.
    issued: BTreeMap<String, (String, String, Option<usize>)>,
    /// The step and the path of each id in an answer, by the id.
    answers: BTreeMap<String, (usize, String)>,
    /// Steps whose answers are used later.
    pub(super) used: BTreeSet<usize>,
    /// The secrets, which must not be in the scenario.
    pub(super) secrets: Redactions,
    /// Whether the gateway has the secret that replaces other secrets.
    pub(super) has_shared_secret: bool,
    /// The number of values that were replaced because of where they are.
    hidden: usize,
}

impl Symbols {
    /// The symbols of a recording. `devices` are names that are known before.
    pub(super) fn of(drafts: &Drafts, devices: &BTreeMap<String, String>) -> Self {
        let names = devices.values().cloned().collect();
        let mut symbols = Self { devices: devices.clone(), names, ..Self::default() };
        // A name of a device must not contain a secret of another connection.
        drafts.steps.iter().for_each(|step| symbols.learn_secrets(step));
        for (index, step) in drafts.steps.iter().enumerate() {
            symbols.learn(index, step);
        }
        symbols
    }

    fn learn_secrets(&mut self, step: &Draft) {
        let ClientAction::Connect(params) = &step.action else { return };
        let text = |pointer: &str| pointer_of(params, pointer).and_then(Value::as_str);
        for kind in ["token", "password", "deviceToken", "bootstrapToken"] {
            self.secret(text(&format!("auth/{kind}")), kind);
        }
        self.secret(text("device/signature"), "signature");
        self.secret(text("device/nonce"), "nonce");
    }

    fn learn(&mut self, index: usize, step: &Draft) {
        let mut device = None;
        if let ClientAction::Connect(params) = &step.action {
            let text = |pointer: &str| pointer_of(params, pointer).and_then(Value::as_str);
            if let Some(id) = text("device/id") {
                let name = self.name_device(id, text("client/id").unwrap_or("device"));
                if let Some(key) = text("device/publicKey") {
                    self.secret(Some(key), "public key");
                    self.keys.insert(key.to_owned(), name.clone());
                    if let Some(parsed) = PublicKey::parse(key) {
                        self.keys.insert(parsed.to_base64url(), name.clone());
                    }
                }
                device = Some(name);
            }
        }
        let Some(answer) = &step.answer else { return };
        if let (Some(name), Some(request)) =
            (&device, answer.pointer("/error/details/requestId").and_then(Value::as_str))
        {
            self.requests.insert(request.to_owned(), name.clone());
        }
        let auth = answer.pointer("/payload/auth");
        let more = answer.pointer("/payload/auth/deviceTokens").and_then(Value::as_array);
        for given in auth.into_iter().chain(more.into_iter().flatten()) {
            let role = given["role"].as_str().unwrap_or("operator");
            if let (Some(token), Some(name)) = (given["deviceToken"].as_str(), &device) {
                self.secret(Some(token), "device token");
                self.issued.entry(token.to_owned()).or_insert((name.clone(), role.to_owned(), Some(index)));
            }
        }
        self.answer(index, answer, &mut String::new());
    }

    /// Collects the ids and the secrets in an answer.
    fn answer(&mut self, index: usize, value: &Value, path: &mut String) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let length = path.len();
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name);
                    if is_secret(name) {
                        self.secret(member.as_str(), name);
                    }
                    self.answer(index, member, path);
                    path.truncate(length);
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    let length = path.len();
                    path.push_str(&format!(".{at}"));
                    self.answer(index, item, path);
                    path.truncate(length);
                }
            }
            Value::String(text) if is_uuid(text) && path != "id" => {
                self.answers.entry(text.clone()).or_insert((index, path.clone()));
            }
            _ => {}
        }
    }

    /// Collects a device token that the store contained before the recording.
    pub(super) fn stored_token(&mut self, token: &str, device: &str, role: &str) {
        self.secret(Some(token), "device token");
        self.issued.insert(token.to_owned(), (device.to_owned(), role.to_owned(), None));
    }

    fn secret(&mut self, text: Option<&str>, name: &str) {
        if let Some(text) = text.filter(|text| text.len() >= MIN_SECRET_LENGTH) {
            self.secrets.add(text, &short(name));
        }
    }

    /// The name of a device, which follows from its client.
    fn name_device(&mut self, id: &str, client: &str) -> String {
        if let Some(name) = self.devices.get(id) {
            return name.clone();
        }
        let client = if redaction::is_secret(client, &self.secrets) { "device" } else { client };
        let base = client.to_ascii_lowercase().trim_start_matches("openclaw-").to_owned();
        let base = base.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').take(32);
        let base = base.collect::<String>().trim_matches('-').to_owned();
        let base = if base.is_empty() || base == "none" { "device".to_owned() } else { base };
        // The last number is kept, so that thousands of devices of one kind do not take quadratic time.
        let mut name = base.clone();
        while !self.names.insert(name.clone()) {
            let number = self.last_numbers.entry(base.clone()).or_insert(1);
            *number += 1;
            name = format!("{base}-{number}");
        }
        self.devices.insert(id.to_owned(), name.clone());
        name
    }

    /// The name of a device that connected.
    pub(super) fn device(&self, id: &str) -> Option<&str> {
        self.devices.get(id).map(String::as_str)
    }

    /// Forgets the answer to a step that the scenario does not contain.
    pub(super) fn forget(&mut self, index: usize) {
        self.answers.retain(|_, (step, _)| *step != index);
    }

    /// The device, the role and the step of a device token that the gateway issued or stored.
    pub(super) fn token(&self, token: &str) -> Option<&(String, String, Option<usize>)> {
        self.issued.get(token)
    }

    /// The value of a member in the parameters of the step with this index, with symbols. Reports what has no symbol.
    pub(super) fn fill_member(
        &mut self,
        index: usize,
        name: &str,
        value: &Value,
        lost: &mut BTreeSet<String>,
    ) -> Value {
        if !is_secret(name) || (value.is_number() && is_count_name(name)) {
            return self.fill(index, value, lost);
        }
        let initial_state = self.hidden;
        let shortest =
            if value.is_string() || value.is_number() { MIN_SECRET_LENGTH } else { MIN_NESTED_SECRET_LENGTH };
        let value = self.hide(index, name, value, shortest);
        if self.hidden > initial_state {
            lost.insert(format!("the value of `{}`, a secret", short(name)));
        }
        value
    }

    /// The parameters of the step with this index, with symbols. Reports what has no symbol.
    pub(super) fn fill(&mut self, index: usize, value: &Value, lost: &mut BTreeSet<String>) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(index, text, lost)),
            Value::Array(items) => items.iter().map(|item| self.fill(index, item, lost)).collect(),
            Value::Object(members) => {
                let mut filled = Map::new();
                for (name, member) in members {
                    let value = self.fill_member(index, name, member, lost);
                    filled.insert(self.text(index, name, lost), value);
                }
                Value::Object(filled)
            }
            other => other.clone(),
        }
    }

    fn replacement(&self) -> &'static str {
        if self.has_shared_secret { HIDDEN } else { HIDDEN_WITHOUT_SECRET }
    }

    /// A value without content. Its type stays, because the gateway checks it.
    fn hide(&mut self, index: usize, name: &str, value: &Value, shortest: usize) -> Value {
        match value {
            Value::String(text) if text.is_empty() => value.clone(),
            Value::String(text) => {
                if let Some(symbol) = self.symbol(index, text) {
                    return Value::String(symbol);
                }
                self.secret(Some(text).filter(|text| text.len() >= shortest).map(String::as_str), name);
                self.hidden += 1;
                Value::String(self.replacement().to_owned())
            }
            Value::Number(number) => {
                self.secret(Some(&number.to_string()).filter(|text| text.len() >= shortest).map(String::as_str), name);
                self.hidden += 1;
                Value::from(1)
            }
            Value::Array(items) => items.iter().map(|item| self.hide(index, name, item, shortest)).collect(),
            Value::Object(members) => {
                let mut hidden = Map::new();
                for (number, (member, value)) in members.iter().enumerate() {
                    let value = self.hide(index, name, value, shortest);
                    let is_plain = OF_REFERENCE.contains(&member.as_str());
                    self.hidden += usize::from(!is_plain);
                    let member = if is_plain { member.clone() } else { format!("member-{}", number + 1) };
                    hidden.insert(member, value);
                }
                Value::Object(hidden)
            }
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    /// A text with symbols. Reports what has no symbol.
    pub(super) fn text(&mut self, index: usize, text: &str, lost: &mut BTreeSet<String>) -> String {
        if let Some(symbol) = self.symbol(index, text) {
            return symbol;
        }
        match secrets::document(text) {
            Document::Read(value) => {
                let initial_state = self.hidden;
                let filled = self.fill(index, &value, lost);
                if self.hidden > initial_state {
                    return filled.to_string();
                }
            }
            Document::Unclear => {
                self.hidden += 1;
                lost.insert("a text that can contain secrets, because it looks like JSON but is not".to_owned());
                return self.replacement().to_owned();
            }
            Document::Absent => {}
        }
        let mut out = String::new();
        let mut done = 0;
        for value in secrets::values(text) {
            self.hidden += 1;
            lost.insert("the secrets in a text".to_owned());
            self.secret(Some(text[value.clone()].trim_matches(['"', '\'', '`'])), "secret");
            out.push_str(&self.literal(&text[done..value.start]));
            out.push_str(self.replacement());
            done = value.end;
        }
        out + &self.literal(&text[done..])
    }

    /// Whether a text contains secrets.
    pub(super) fn has_secrets(&mut self, index: usize, text: &str) -> bool {
        let initial_state = self.hidden;
        self.text(index, text, &mut BTreeSet::new());
        self.hidden > initial_state || self.secrets.apply_known(text) != text
    }

    /// A text without secrets. `<<` is a literal `<`.
    fn literal(&self, text: &str) -> String {
        let text = if is_term(text) { text.to_owned() } else { self.secrets.apply_known(text) };
        text.replace('<', "<<")
    }

    /// The symbol for a value that is an id, a key or a token.
    fn symbol(&mut self, index: usize, text: &str) -> Option<String> {
        if let Some(name) = self.devices.get(text) {
            return Some(format!("<device {name}>"));
        }
        if let Some(name) = self.keys.get(text) {
            return Some(format!("<public-key {name}>"));
        }
        if let Some(name) = self.requests.get(text) {
            return Some(format!("<request {name}>"));
        }
        if let Some((device, role, _)) = self.issued.get(text) {
            return Some(format!("<token {device} {role}>"));
        }
        let (step, path) = self.answers.get(text).filter(|(step, _)| *step < index)?;
        self.used.insert(*step);
        Some(format!("<answer {} {path}>", step_name(*step)))
    }
}

/// The name of a step whose answer is used later.
pub(super) fn step_name(index: usize) -> String {
    format!("step-{}", index + 1)
}

/// Whether a value is a list of strings.
pub(super) fn is_list_of_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
}

/// A member of nested objects: `auth/token`.
pub(super) fn pointer_of<'v>(params: &'v Map<String, Value>, pointer: &str) -> Option<&'v Value> {
    let mut names = pointer.split('/');
    let first = params.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

/// The name of a secret. A client can write anything in place of a name.
fn short(name: &str) -> String {
    let is_name = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_. ".contains(letter));
    if is_name && name.len() <= MAX_NAME_LENGTH { name.to_owned() } else { "secret".to_owned() }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A text as a pattern. Ids, which are new in each run, and messages of schema validators match any text.
pub(super) fn pattern(text: &str) -> String {
    if let Some((what, _)) = text.split_once(": ").filter(|(what, _)| what.starts_with("invalid ")) {
        return format!("{what}: *");
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        match rest.get(..36).filter(|word| is_uuid(word)) {
            Some(word) => {
                out.push('*');
                rest = &rest[word.len()..];
            }
            None => {
                out.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    // A close reason has at most 123 bytes, so that an id at its end can be incomplete.
    match out.rsplit_once("(requestId: ") {
        Some((initial_state, id)) if !id.contains(')') => format!("{initial_state}(requestId: *"),
        _ => out,
    }
}
