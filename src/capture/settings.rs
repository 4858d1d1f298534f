//! Translates the configuration of a gateway to the `gateway` part of a scenario.

use super::aliases::{Aliases, ValueKind};
use openclaw_emulator::settings::{self, Settings};
use openclaw_model::Release;
use openclaw_model::config::GatewayConfig;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// How a setting is translated.
enum Translation {
    /// Texts of this kind, in lists and maps too.
    Texts(ValueKind),
    /// A section with these settings.
    Section(&'static [(&'static str, Translation)]),
    /// The setting does not affect a connect, or clawcheck sets it.
    LeftOut,
}

use Translation::{LeftOut, Section, Texts};

const AUTH: &[(&str, Translation)] = &[
    ("mode", Texts(ValueKind::Setting)),
    ("token", LeftOut),
    ("password", LeftOut),
    ("allowTailscale", Texts(ValueKind::Setting)),
    ("rateLimit", Texts(ValueKind::Setting)),
    (
        "trustedProxy",
        Section(&[
            ("userHeader", Texts(ValueKind::Header)),
            ("requiredHeaders", Texts(ValueKind::Header)),
            ("allowUsers", Texts(ValueKind::Text)),
            ("allowLoopback", Texts(ValueKind::Setting)),
            (
                "deviceAutoApprove",
                Section(&[("enabled", Texts(ValueKind::Setting)), ("scopes", Texts(ValueKind::Scope))]),
            ),
        ]),
    ),
];

const GATEWAY: &[(&str, Translation)] = &[
    ("port", LeftOut),
    ("mode", Texts(ValueKind::Setting)),
    ("bind", Texts(ValueKind::Setting)),
    ("customBindHost", Texts(ValueKind::Address)),
    (
        "controlUi",
        Section(&[
            ("enabled", Texts(ValueKind::Setting)),
            ("basePath", LeftOut),
            ("root", LeftOut),
            ("embedSandbox", LeftOut),
            ("allowExternalEmbedUrls", LeftOut),
            ("chatMessageMaxWidth", LeftOut),
            ("allowedOrigins", Texts(ValueKind::Origin)),
            ("dangerouslyAllowHostHeaderOriginFallback", Texts(ValueKind::Setting)),
            ("allowInsecureAuth", Texts(ValueKind::Setting)),
            ("dangerouslyDisableDeviceAuth", Texts(ValueKind::Setting)),
        ]),
    ),
    ("auth", Section(AUTH)),
    ("trustedProxies", Texts(ValueKind::Address)),
    ("allowRealIpFallback", Texts(ValueKind::Setting)),
    ("handshakeTimeoutMs", Texts(ValueKind::Setting)),
    (
        "nodes",
        Section(&[
            ("browser", LeftOut),
            (
                "pairing",
                Section(&[
                    ("autoApproveLocal", Texts(ValueKind::Setting)),
                    ("autoApproveCidrs", Texts(ValueKind::Address)),
                ]),
            ),
            ("commands", Section(&[("allow", Texts(ValueKind::Ability)), ("deny", Texts(ValueKind::Ability))])),
            ("allowCommands", Texts(ValueKind::Ability)),
            ("denyCommands", Texts(ValueKind::Ability)),
        ]),
    ),
    ("tools", LeftOut),
    ("webchat", LeftOut),
    ("channelHealthCheckMinutes", LeftOut),
    ("channelStaleEventThresholdMinutes", LeftOut),
    ("channelMaxRestartsPerHour", LeftOut),
    ("tailscale", LeftOut),
    ("remote", LeftOut),
    ("reload", LeftOut),
    ("tls", LeftOut),
    ("http", LeftOut),
    ("push", LeftOut),
];

/// The sections of a configuration that can be named in the output.
const SECTIONS: &[&str] = &[
    "agents",
    "approvals",
    "audio",
    "bindings",
    "broadcast",
    "browser",
    "canvasHost",
    "channels",
    "commands",
    "cron",
    "diagnostics",
    "discovery",
    "env",
    "hooks",
    "logging",
    "mcp",
    "media",
    "memory",
    "messages",
    "meta",
    "models",
    "nodeHost",
    "plugins",
    "secrets",
    "session",
    "skills",
    "talk",
    "tools",
    "ui",
    "update",
    "web",
    "wizard",
    "auth",
    "acp",
    "cli",
    "security",
    "tts",
];

/// The `gateway` part of a scenario, and the names of its secrets.
pub(super) struct TranslatedSettings {
    /// The `gateway` part.
    pub(super) gateway: Map<String, Value>,
    /// The settings that were left out.
    pub(super) left_out: Vec<String>,
}

/// Translates a configuration, with the environment of its gateway.
pub(super) fn translated(
    release: Release,
    config: &Value,
    env: &[(String, String)],
    aliases: &mut Aliases,
) -> TranslatedSettings {
    let effective = Settings::resolve(release, config, env).ok().map(|settings| settings.gateway);
    let config = settings::substituted(config, env);
    let mut left_out = Vec::new();
    let found = config.get("gateway").unwrap_or(&Value::Null);
    let mut patch = match found {
        Value::Object(found) => section(found, "gateway", GATEWAY, aliases, &mut left_out),
        Value::Null => Map::new(),
        // A section that is not a map is refused, whatever it contains.
        _ => Map::from_iter([("field-0".to_owned(), json!(1))]),
    };
    let mut patch_auth = match patch.shift_remove("auth") {
        Some(Value::Object(auth)) => auth,
        Some(other) => Map::from_iter([("field-0".to_owned(), other)]),
        None => Map::new(),
    };
    let mut auth = Map::from_iter([("mode".to_owned(), mode(&mut patch_auth))]);
    secrets(&found["auth"], effective.as_ref(), &mut auth, &mut patch_auth, aliases);
    let mut gateway = Map::new();
    gateway.insert("auth".to_owned(), Value::Object(shortened(auth)));
    bind(&mut patch, &mut gateway);
    match patch.get("mode") {
        Some(mode) if mode == "local" => drop(patch.shift_remove("mode")),
        Some(_) => {}
        None => drop(patch.insert("mode".to_owned(), Value::Null)),
    }
    if let Some(Value::Array(proxies)) = patch.get("trustedProxies")
        && proxies.iter().all(Value::is_string)
    {
        gateway.insert("trusted-proxies".to_owned(), json!(proxies));
        patch.shift_remove("trustedProxies");
    }
    if !patch_auth.is_empty() {
        patch.insert("auth".to_owned(), Value::Object(patch_auth));
    }
    if !patch.is_empty() {
        gateway.insert("config".to_owned(), json!({ "gateway": patch }));
    }
    left_out.extend(other_sections(&config));
    TranslatedSettings { gateway, left_out }
}

/// Adds the token and the password. A scenario names a secret. A value that is not a secret becomes a setting.
fn secrets(
    found: &Value,
    effective: Option<&GatewayConfig>,
    auth: &mut Map<String, Value>,
    patch_auth: &mut Map<String, Value>,
    aliases: &mut Aliases,
) {
    let mut secrets = Secrets::default();
    for field in ["token", "password"] {
        let effective = effective
            .and_then(|gateway| if field == "token" { gateway.token.clone() } else { gateway.password.clone() });
        let value = effective.map(Value::String).unwrap_or_else(|| found[field].clone());
        match value {
            Value::String(text) if !text.trim().is_empty() && !text.contains("${") => {
                let name = secrets.name(text.trim());
                aliases.name_secret(field, text.trim(), &name);
                auth.insert(field.to_owned(), name.into());
            }
            Value::Null => drop(auth.insert(field.to_owned(), "none".into())),
            other => {
                auth.insert(field.to_owned(), "none".into());
                patch_auth.insert(field.to_owned(), unresolved(&other, aliases));
            }
        }
    }
}

/// The auth mode, as a scenario names it.
fn mode(auth: &mut Map<String, Value>) -> Value {
    match auth.get("mode").and_then(Value::as_str) {
        Some("none" | "token" | "password" | "trusted-proxy") => auth.shift_remove("mode").unwrap_or_default(),
        _ => json!("unset"),
    }
}

/// Removes the values that are defaults in a scenario.
fn shortened(mut auth: Map<String, Value>) -> Map<String, Value> {
    let mode = auth.get("mode").and_then(Value::as_str).unwrap_or_default().to_owned();
    for field in ["token", "password"] {
        let default = if mode == field { "shared" } else { "none" };
        if auth.get(field).is_some_and(|name| name == default) {
            auth.shift_remove(field);
        }
    }
    auth
}

fn bind(patch: &mut Map<String, Value>, gateway: &mut Map<String, Value>) {
    match patch.get("bind").and_then(Value::as_str) {
        Some(word @ ("loopback" | "lan" | "tailnet" | "auto")) => {
            gateway.insert("bind".to_owned(), json!(word));
            patch.shift_remove("bind");
        }
        _ => drop(patch.entry("bind").or_insert(Value::Null)),
    }
}

/// A secret that the gateway cannot resolve. It becomes a reference of the same form.
fn unresolved(value: &Value, aliases: &mut Aliases) -> Value {
    match value {
        Value::String(text) if text.contains("${") => {
            Value::String(format!("$${{{}}}", aliases.text(ValueKind::Variable, text.trim_matches(['$', '{', '}']))))
        }
        Value::Object(members) => {
            let member = |(name, member): (&String, &Value)| {
                let text = member.as_str().unwrap_or_default();
                let member = match (name.as_str(), text) {
                    ("source", "env" | "file" | "exec") | ("provider", "default") => json!(text),
                    ("source", _) => json!("setting-0"),
                    ("provider", "") | ("id", "") => member.clone(),
                    ("provider", _) => json!("provider-1"),
                    ("id", _) => json!(aliases.text(ValueKind::Variable, text)),
                    _ => json!(1),
                };
                let known = ["source", "provider", "id"].contains(&name.as_str());
                (if known { name.clone() } else { aliases.text(ValueKind::Field, name) }, member)
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::String(text) => json!(text),
        Value::Bool(_) | Value::Number(_) => json!(1),
        Value::Array(_) => json!([]),
        Value::Null => Value::Null,
    }
}

fn section(
    found: &Map<String, Value>,
    path: &str,
    settings: &[(&str, Translation)],
    aliases: &mut Aliases,
    left_out: &mut Vec<String>,
) -> Map<String, Value> {
    let mut translated = Map::new();
    for (name, value) in found {
        let known = settings.iter().find(|(known, _)| known == name);
        match (known, value) {
            (Some((_, LeftOut)), _) => {
                if !["token", "password"].contains(&name.as_str()) {
                    left_out.push(format!("{path}.{name}"));
                }
            }
            (Some((_, Section(settings))), Value::Object(members)) => {
                let members = section(members, &format!("{path}.{name}"), settings, aliases, left_out);
                translated.insert(name.clone(), Value::Object(members));
            }
            (Some((_, Section(_))), other) => {
                drop(translated.insert(name.clone(), texts(other, ValueKind::Setting, aliases)))
            }
            (Some((_, Texts(kind))), value) => drop(translated.insert(name.clone(), texts(value, *kind, aliases))),
            // A release refuses a setting that it does not know.
            (None, _) => drop(translated.insert(aliases.text(ValueKind::Field, name), json!(1))),
        }
    }
    translated
}

fn texts(value: &Value, kind: ValueKind, aliases: &mut Aliases) -> Value {
    match value {
        Value::String(text) => Value::String(aliases.text(kind, text)),
        Value::Array(items) => items.iter().map(|item| texts(item, kind, aliases)).collect(),
        Value::Object(members) => {
            let words = settings::words();
            let member = |(name, member): (&String, &Value)| {
                let known = words.contains(&name.as_str());
                let name = if known { name.clone() } else { aliases.text(ValueKind::Field, name) };
                (name, texts(member, kind, aliases))
            };
            Value::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    }
}

/// The sections other than `gateway`. They do not affect a connect.
fn other_sections(config: &Value) -> Vec<String> {
    let names = config.as_object().into_iter().flat_map(Map::keys).filter(|name| *name != "gateway");
    let (known, other): (Vec<_>, Vec<_>) = names.partition(|name| SECTIONS.contains(&name.as_str()));
    let mut named = known.into_iter().cloned().collect::<Vec<_>>();
    match other.len() {
        0 => {}
        1 => named.push("another section".to_owned()),
        count => named.push(format!("{count} other sections")),
    }
    named
}

/// The names of the gateway's secrets in the scenario, by value.
#[derive(Default)]
struct Secrets(BTreeMap<String, String>);

impl Secrets {
    fn name(&mut self, secret: &str) -> String {
        let name = if self.0.is_empty() { "shared" } else { "second" };
        self.0.entry(secret.to_owned()).or_insert_with(|| name.to_owned()).clone()
    }
}
