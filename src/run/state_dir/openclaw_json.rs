//! Translates a scenario's `gateway:` part to `openclaw.json` and environment variables. Every gateway that reads
//! OpenClaw's configuration gets the same files.

use crate::client::connect::merge_patch;
use crate::run::bindings::identities::Identities;
use crate::scenario::gateway::{AuthModeSetting, Bind, GatewaySettings};
use crate::scenario::text::TimeSpan;
use openclaw_emulator::settings::HANDSHAKE_TIMEOUT_VARIABLE;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The configuration of a gateway.
pub(crate) struct Configuration {
    /// The contents of `openclaw.json`, without the port.
    pub(crate) openclaw_json: Value,
    /// Environment variables.
    pub(crate) environment: BTreeMap<String, String>,
}

/// Translates a scenario's settings.
pub(crate) fn configuration(settings: &GatewaySettings, identities: &Identities) -> Configuration {
    let mut gateway = Map::new();
    if settings.from.is_none() {
        gateway.insert("mode".to_owned(), json!("local"));
    }
    if settings.from.is_none() || settings.bind.is_some() {
        gateway.insert("bind".to_owned(), json!(bind(settings.bind)));
    }
    gateway.insert("auth".to_owned(), auth(settings, identities));
    put(&mut gateway, "trustedProxies", settings.trusted_proxies.as_ref().map(|proxies| json!(proxies)));
    put(&mut gateway, "allowRealIpFallback", settings.real_ip_fallback.map(Value::from));
    let control_ui = control_ui(settings);
    if !control_ui.is_empty() {
        gateway.insert("controlUi".to_owned(), Value::Object(control_ui));
    }
    let mut openclaw_json = Value::Object(settings.base.clone());
    merge_patch(&mut openclaw_json, &json!({ "gateway": gateway }));
    merge_patch(&mut openclaw_json, &Value::Object(settings.config.clone()));
    let mut environment =
        settings.env.iter().map(|(name, value)| (name.value.clone(), value.clone())).collect::<BTreeMap<_, _>>();
    if let Some(TimeSpan { milliseconds }) = settings.handshake_timeout {
        environment.insert(HANDSHAKE_TIMEOUT_VARIABLE.to_owned(), milliseconds.to_string());
    }
    Configuration { openclaw_json, environment }
}

/// Whether the settings differ from those of a gateway with a shared token on loopback.
pub(crate) fn is_plain(settings: &GatewaySettings) -> bool {
    *settings == GatewaySettings::default()
}

fn bind(bind: Option<Bind>) -> &'static str {
    match bind {
        None | Some(Bind::Loopback) => "loopback",
        Some(Bind::Lan) => "lan",
        Some(Bind::Tailnet) => "tailnet",
        Some(Bind::Auto) => "auto",
    }
}

fn auth(settings: &GatewaySettings, identities: &Identities) -> Value {
    let mut auth = Map::new();
    let mode = match settings.auth.mode {
        AuthModeSetting::None => Some("none"),
        AuthModeSetting::Token => Some("token"),
        AuthModeSetting::Password => Some("password"),
        AuthModeSetting::TrustedProxy => Some("trusted-proxy"),
        AuthModeSetting::Unset => None,
    };
    put(&mut auth, "mode", mode.map(Value::from));
    put(&mut auth, "token", settings.auth.token_secret().map(|name| identities.secret(name).into()));
    put(&mut auth, "password", settings.auth.password_secret().map(|name| identities.secret(name).into()));
    put(&mut auth, "allowTailscale", settings.auth.allow_tailscale.map(Value::from));
    if let Some(limit) = &settings.rate_limit {
        let mut object = Map::new();
        let length = |length: Option<TimeSpan>| length.map(|length| length.milliseconds.into());
        put(&mut object, "maxAttempts", limit.max_attempts.map(Value::from));
        put(&mut object, "windowMs", length(limit.window));
        put(&mut object, "lockoutMs", length(limit.lockout));
        put(&mut object, "exemptLoopback", limit.exempt_loopback.map(Value::from));
        auth.insert("rateLimit".to_owned(), Value::Object(object));
    }
    Value::Object(auth)
}

fn control_ui(settings: &GatewaySettings) -> Map<String, Value> {
    let control_ui = &settings.control_ui;
    let mut object = Map::new();
    put(&mut object, "allowInsecureAuth", control_ui.allow_insecure_auth.map(Value::from));
    put(&mut object, "dangerouslyDisableDeviceAuth", control_ui.disable_device_auth.map(Value::from));
    put(&mut object, "allowedOrigins", control_ui.allowed_origins.as_ref().map(|origins| json!(origins)));
    put(
        &mut object,
        "dangerouslyAllowHostHeaderOriginFallback",
        control_ui.host_header_origin_fallback.map(Value::from),
    );
    object
}

fn put(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(settings: Value) -> Configuration {
        configuration(&serde_json::from_value(settings).unwrap(), &Identities::new("a/b"))
    }

    #[test]
    fn default_configuration() {
        let token = Identities::new("a/b").secret("shared");
        let Configuration { openclaw_json, environment } = translated(json!({}));
        let expected =
            json!({"gateway": {"mode": "local", "bind": "loopback", "auth": {"mode": "token", "token": token}}});
        assert_eq!(openclaw_json, expected);
        assert!(environment.is_empty());
    }

    #[test]
    fn translates_every_setting() {
        let Configuration { openclaw_json, environment } = translated(json!({
            "auth": {"mode": "password", "allow-tailscale": true},
            "bind": "lan",
            "trusted-proxies": ["127.0.0.1"],
            "real-ip-fallback": true,
            "control-ui": {"allow-insecure-auth": true, "disable-device-auth": false, "allowed-origins": ["http://a"],
                "host-header-origin-fallback": true},
            "handshake-timeout": "2s",
            "rate-limit": {"max-attempts": 3, "window": "1m", "lockout": "5m", "exempt-loopback": false},
            "env": {"A": "b"},
            "config": {"gateway": {"mode": null, "extra": 1}, "other": true},
        }));
        let password = Identities::new("a/b").secret("shared");
        assert_eq!(
            openclaw_json,
            json!({
                "gateway": {
                    "bind": "lan",
                    "auth": {"mode": "password", "password": password, "allowTailscale": true,
                        "rateLimit": {"maxAttempts": 3, "windowMs": 60_000, "lockoutMs": 300_000, "exemptLoopback": false}},
                    "trustedProxies": ["127.0.0.1"],
                    "allowRealIpFallback": true,
                    "controlUi": {"allowInsecureAuth": true, "dangerouslyDisableDeviceAuth": false,
                        "allowedOrigins": ["http://a"], "dangerouslyAllowHostHeaderOriginFallback": true},
                    "extra": 1,
                },
                "other": true,
            })
        );
        let set = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>();
        assert_eq!(set, [("A", "b"), ("OPENCLAW_HANDSHAKE_TIMEOUT_MS", "2000")]);
    }

    #[test]
    fn no_mode_without_setting() {
        let auth = |said: Value| translated(json!({ "auth": said })).openclaw_json["gateway"]["auth"].clone();
        assert_eq!(auth(json!({"mode": "none"})), json!({"mode": "none"}));
        assert_eq!(auth(json!({"mode": "unset"})), json!({}));
        assert_eq!(auth(json!({"mode": "token", "token": "none"})), json!({"mode": "token"}));
    }
}
