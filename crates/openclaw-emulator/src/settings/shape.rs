//! Validates the `gateway` section (`src/config/zod-schema.ts`). Errors have the words and the order of the release.

use openclaw_model::facts::config::ConfigFacts;
use serde_json::{Map, Value};
use std::fmt;

/// A setting that a release does not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSetting {
    /// The path of the setting, with dots.
    pub path: String,
    /// The known names beside it, if the release does not know the setting. Otherwise, the release knows the setting, but
    /// not its value.
    pub known: Option<Vec<&'static str>>,
    /// The values that the setting can have, if there are few.
    pub values: &'static [&'static str],
}

/// One error in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShapeError {
    path: String,
    message: String,
    /// The keys below the path that are not known.
    unknown: Vec<String>,
    /// The known names beside the unknown keys.
    known: Vec<&'static str>,
    /// The accepted values, if there are few.
    values: &'static [&'static str],
}

impl ShapeError {
    fn new(path: &str, message: String) -> Self {
        Self { path: path.to_owned(), message, unknown: Vec::new(), known: Vec::new(), values: &[] }
    }

    /// The settings that the error is about.
    pub(super) fn settings(&self) -> Vec<RefusedSetting> {
        let (path, values) = (self.path.clone(), self.values);
        if self.unknown.is_empty() {
            return vec![RefusedSetting { path, known: None, values }];
        }
        let unknown =
            |key: &String| RefusedSetting { path: format!("{path}.{key}"), known: Some(self.known.clone()), values };
        self.unknown.iter().map(unknown).collect()
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// The form of a member.
enum MemberForm {
    Text,
    /// A string that is not empty, and the error for an empty one.
    NonEmpty(&'static str),
    Flag,
    Number,
    /// An integer with this minimum.
    Integer(i64),
    Words(&'static [&'static str]),
    Texts,
    /// A string or a reference to one.
    Secret,
    Section(&'static [(&'static str, MemberForm)]),
    /// An object whose members are not checked here.
    Opaque,
}

use MemberForm::{Flag, Integer, NonEmpty, Number, Opaque, Secret, Section, Text, Texts, Words};

const CONTROL_UI: &[(&str, MemberForm)] = &[
    ("enabled", Flag),
    ("basePath", Text),
    ("root", Text),
    ("embedSandbox", Words(&["strict", "scripts", "trusted"])),
    ("allowExternalEmbedUrls", Flag),
    ("allowedOrigins", Texts),
    ("dangerouslyAllowHostHeaderOriginFallback", Flag),
    ("allowInsecureAuth", Flag),
    ("dangerouslyDisableDeviceAuth", Flag),
    ("chatMessageMaxWidth", Opaque),
];

const AUTH: &[(&str, MemberForm)] = &[
    ("mode", Words(&["none", "token", "password", "trusted-proxy"])),
    ("token", Secret),
    ("password", Secret),
    ("allowTailscale", Flag),
    (
        "rateLimit",
        Section(&[("maxAttempts", Number), ("windowMs", Number), ("lockoutMs", Number), ("exemptLoopback", Flag)]),
    ),
    (
        "trustedProxy",
        Section(&[
            ("userHeader", NonEmpty("userHeader is required for trusted-proxy mode")),
            ("requiredHeaders", Texts),
            ("allowUsers", Texts),
            ("allowLoopback", Flag),
            ("deviceAutoApprove", Section(&[("enabled", Flag), ("scopes", Texts)])),
        ]),
    ),
];

/// The values of `gateway.bind`.
const BINDS: &[&str] = &["auto", "lan", "loopback", "custom", "tailnet"];

const GATEWAY: &[(&str, MemberForm)] = &[
    ("port", Integer(1)),
    ("mode", Words(&["local", "remote"])),
    ("bind", Words(BINDS)),
    ("customBindHost", Text),
    ("controlUi", Section(CONTROL_UI)),
    ("auth", Section(AUTH)),
    ("trustedProxies", Texts),
    ("allowRealIpFallback", Flag),
    ("tools", Section(&[("deny", Texts), ("allow", Texts)])),
    ("webchat", Opaque),
    ("handshakeTimeoutMs", Integer(1)),
    ("channelHealthCheckMinutes", Integer(0)),
    ("channelStaleEventThresholdMinutes", Integer(1)),
    ("channelMaxRestartsPerHour", Integer(1)),
    (
        "tailscale",
        Section(&[
            ("mode", Words(&["off", "serve", "funnel"])),
            ("resetOnExit", Flag),
            ("serviceName", Opaque),
            ("preserveFunnel", Flag),
        ]),
    ),
    ("remote", Opaque),
    ("reload", Opaque),
    ("tls", Opaque),
    ("http", Opaque),
    ("push", Opaque),
    (
        "nodes",
        Section(&[
            ("browser", Opaque),
            ("pairing", Opaque),
            ("commands", Section(&[("allow", Texts), ("deny", Texts)])),
            ("allowCommands", Texts),
            ("denyCommands", Texts),
        ]),
    ),
];

/// The form of the value of one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingForm {
    /// A string.
    Text,
    /// `true` or `false`.
    Flag,
    /// Any JSON number.
    Number,
    /// One of these strings.
    Words(&'static [&'static str]),
    /// A list of strings.
    Texts,
}

/// The settings in `gateway` of `openclaw.json`, by path (`gateway.auth.mode`), except objects that are not checked here.
pub fn known_settings() -> Vec<(String, SettingForm)> {
    fn collect(forms: &[(&'static str, MemberForm)], path: &str, settings: &mut Vec<(String, SettingForm)>) {
        for (name, form) in forms {
            let path = format!("{path}.{name}");
            let form = match form {
                Text | NonEmpty(_) | Secret => SettingForm::Text,
                Flag => SettingForm::Flag,
                Number | Integer(_) => SettingForm::Number,
                Words(words) => SettingForm::Words(words),
                Texts => SettingForm::Texts,
                Section(members) => {
                    collect(members, &path, settings);
                    continue;
                }
                Opaque => continue,
            };
            settings.push((path, form));
        }
    }
    let mut settings = Vec::new();
    collect(GATEWAY, "gateway", &mut settings);
    settings
}

/// The names of all members, and the allowed values of some of them.
pub(super) fn words() -> Vec<&'static str> {
    fn collect(forms: &[(&'static str, MemberForm)], words: &mut Vec<&'static str>) {
        for (name, form) in forms {
            words.push(*name);
            match form {
                Words(values) => words.extend(*values),
                Section(members) => collect(members, words),
                _ => {}
            }
        }
    }
    let mut words = Vec::new();
    collect(GATEWAY, &mut words);
    words
}

/// All errors in a configuration's `gateway` section. A configuration that is not an object counts as empty.
pub(super) fn shape_errors(config: &Value, facts: &ConfigFacts) -> Vec<ShapeError> {
    let mut faults = Vec::new();
    if let Some(gateway) = config.get("gateway") {
        if gateway["bind"].as_str().is_some_and(is_host_alias) {
            let message = "gateway.bind host aliases (for example 0.0.0.0/localhost) are legacy; use bind modes \
                           (lan/loopback/custom/tailnet/auto) instead (auto-migrated on load).";
            return vec![ShapeError { values: BINDS, ..ShapeError::new("gateway.bind", message.to_owned()) }];
        }
        section(gateway, "gateway", GATEWAY, facts, &mut faults);
    }
    faults
}

/// Names of addresses that older versions accepted as `gateway.bind`.
fn is_host_alias(bind: &str) -> bool {
    let bind = bind.trim().to_ascii_lowercase();
    matches!(bind.as_str(), "0.0.0.0" | "::" | "[::]" | "*" | "127.0.0.1" | "localhost" | "::1" | "[::1]")
}

fn section(
    value: &Value,
    path: &str,
    forms: &[(&'static str, MemberForm)],
    facts: &ConfigFacts,
    faults: &mut Vec<ShapeError>,
) {
    let Some(members) = value.as_object() else {
        return expected("object", value, path, faults);
    };
    let there = |key: &str| !facts.unknown_keys.contains(format!("{path}.{key}").as_str());
    let known = |key: &str| forms.iter().any(|(name, _)| *name == key) && there(key);
    for (name, form) in forms.iter().filter(|(name, _)| known(name)) {
        match (members.get(*name), form) {
            (Some(member), form) => check(member, &format!("{path}.{name}"), form, facts, faults),
            (None, NonEmpty(_)) => {
                let message = "Invalid input: expected string, received undefined".to_owned();
                faults.push(ShapeError::new(&format!("{path}.{name}"), message));
            }
            (None, _) => {}
        }
    }
    let names = forms.iter().map(|(name, _)| *name).filter(|name| there(name)).collect();
    unrecognized(members, path, names, faults);
}

fn unrecognized(members: &Map<String, Value>, path: &str, known: Vec<&'static str>, faults: &mut Vec<ShapeError>) {
    let unknown = members.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect::<Vec<_>>();
    if !unknown.is_empty() {
        let plural = if unknown.len() > 1 { "s" } else { "" };
        let quoted = unknown.iter().map(|key| format!("\"{key}\"")).collect::<Vec<_>>();
        let message = format!("Unrecognized key{plural}: {}", quoted.join(", "));
        faults.push(ShapeError { unknown, known, ..ShapeError::new(path, message) });
    }
}

fn check(value: &Value, path: &str, form: &MemberForm, facts: &ConfigFacts, faults: &mut Vec<ShapeError>) {
    let mut fault = |message: String| faults.push(ShapeError::new(path, message));
    match form {
        Text | NonEmpty(_) if !value.is_string() => expected("string", value, path, faults),
        NonEmpty(message) if value == "" => fault((*message).to_owned()),
        Text | NonEmpty(_) => {}
        Flag if !value.is_boolean() => {
            fault(format!("Invalid input: expected boolean, received {} (allowed: true, false)", kind(value)));
        }
        Number | Integer(_) if !value.is_number() => expected("number", value, path, faults),
        Integer(_) if value.as_f64().is_some_and(|number| number.fract() != 0.0) => {
            fault("Invalid input: expected int, received number".to_owned());
        }
        Integer(least) if value.as_f64().is_some_and(|number| number < *least as f64) => {
            let bound = if *least == 1 { ">0".to_owned() } else { format!(">={least}") };
            fault(format!("Too small: expected number to be {bound}"));
        }
        Words(words) if !value.as_str().is_some_and(|word| words.contains(&word)) => {
            let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            let message = format!("Invalid input (allowed: {})", quoted.join(", "));
            faults.push(ShapeError { values: words, ..ShapeError::new(path, message) });
        }
        Texts => match value.as_array() {
            None => expected("array", value, path, faults),
            Some(items) => items.iter().enumerate().filter(|(_, item)| !item.is_string()).for_each(|(index, item)| {
                expected("string", item, &format!("{path}.{index}"), faults);
            }),
        },
        Secret if !facts.secret_references && !value.is_string() => expected("string", value, path, faults),
        Secret if !is_secret(value) => fault("Invalid input".to_owned()),
        Section(forms) => section(value, path, forms, facts, faults),
        Opaque if !value.is_object() => expected("object", value, path, faults),
        Flag | Number | Integer(_) | Words(_) | Secret | Opaque => {}
    }
}

/// A string, or `{source: env | file | exec, provider, id}`.
fn is_secret(value: &Value) -> bool {
    let part = |name: &str| value[name].as_str().is_some_and(|part| !part.trim().is_empty());
    value.is_string()
        || matches!(value["source"].as_str(), Some("env" | "file" | "exec")) && part("provider") && part("id")
}

fn expected(wanted: &str, value: &Value, path: &str, faults: &mut Vec<ShapeError>) {
    let message = format!("Invalid input: expected {wanted}, received {}", kind(value));
    faults.push(ShapeError::new(path, message));
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
