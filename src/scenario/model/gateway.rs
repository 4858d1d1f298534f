//! The `gateway` part of a scenario: settings that every kind of gateway can translate.

use super::text::TimeSpan;
use crate::scenario::syntax::spans::{Name, NameOrNone, Spanned};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The settings of the gateway. If a setting is not given, the release's default applies, except that the gateway binds
/// to loopback and has a shared token.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GatewaySettings {
    /// An openclaw.json next to the scenario file. All other settings override it. Its token and its password are
    /// replaced by secrets of the case.
    pub from: Option<Spanned<String>>,
    /// How clients authenticate.
    pub auth: Auth,
    /// The addresses that the gateway listens on.
    pub bind: Option<Bind>,
    /// Addresses and CIDR ranges of proxies whose forwarding headers the gateway trusts.
    pub trusted_proxies: Option<Vec<String>>,
    /// Whether the gateway uses X-Real-IP if X-Forwarded-For is absent.
    pub real_ip_fallback: Option<bool>,
    /// Settings of the Control UI.
    pub control_ui: ControlUi,
    /// Maximum wait for the `connect` of a client. The gateway closes the connection after it.
    pub handshake_timeout: Option<TimeSpan>,
    /// The rate limit for failed credentials.
    pub rate_limit: Option<RateLimit>,
    /// Environment variables of the gateway.
    pub env: IndexMap<Spanned<String>, String>,
    /// Other settings of openclaw.json, merged over the rest (JSON Merge Patch: null removes a setting).
    pub config: Map<String, Value>,
    /// The contents of `from`, without secrets.
    #[serde(skip)]
    #[schemars(skip)]
    pub base: Map<String, Value>,
}

/// How clients authenticate.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Auth {
    /// The auth mode.
    pub mode: AuthModeSetting,
    /// The name of the secret that is the shared token, or `none`. Default in mode `token`: `shared`.
    pub token: Option<NameOrNone>,
    /// The name of the secret that is the password, or `none`. Default in mode `password`: `shared`.
    pub password: Option<NameOrNone>,
    /// Whether the gateway accepts Tailscale's identity headers.
    pub allow_tailscale: Option<bool>,
}

/// The name of the gateway's secret if the scenario does not name one.
pub(crate) const SHARED_SECRET: &str = "shared";

impl Auth {
    /// The name of the secret that is the gateway's token. `None` without a token.
    pub fn token_secret(&self) -> Option<&str> {
        secret(self.token.as_ref(), self.mode == AuthModeSetting::Token)
    }

    /// The name of the secret that is the gateway's password. `None` without a password.
    pub fn password_secret(&self) -> Option<&str> {
        secret(self.password.as_ref(), self.mode == AuthModeSetting::Password)
    }
}

fn secret(secret: Option<&NameOrNone>, wanted: bool) -> Option<&str> {
    match secret {
        Some(secret) => secret.name().map(Name::as_str),
        None => wanted.then_some(SHARED_SECRET),
    }
}

/// The auth mode (`gateway.auth.mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthModeSetting {
    /// No authentication.
    None,
    /// A shared token.
    #[default]
    Token,
    /// Clients send `gateway.auth.password`.
    Password,
    /// A reverse proxy authenticates the user.
    TrustedProxy,
    /// No mode in the configuration. The release derives the mode.
    Unset,
}

/// The addresses that the gateway listens on (`gateway.bind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Bind {
    /// 127.0.0.1 only.
    Loopback,
    /// All addresses.
    Lan,
    /// The address in the tailnet.
    Tailnet,
    /// Loopback if possible, otherwise all addresses.
    Auto,
}

/// Settings of the Control UI.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ControlUi {
    /// `gateway.controlUi.allowInsecureAuth`.
    pub allow_insecure_auth: Option<bool>,
    /// `gateway.controlUi.dangerouslyDisableDeviceAuth`.
    pub disable_device_auth: Option<bool>,
    /// `gateway.controlUi.allowedOrigins`.
    pub allowed_origins: Option<Vec<String>>,
    /// `gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback`.
    pub host_header_origin_fallback: Option<bool>,
}

/// The rate limit for failed credentials (`gateway.auth.rateLimit`). If a value is not given, the release's default
/// applies.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RateLimit {
    /// Number of failures before the lockout.
    pub max_attempts: Option<u32>,
    /// The period in which failures are counted.
    pub window: Option<TimeSpan>,
    /// The duration of the lockout.
    pub lockout: Option<TimeSpan>,
    /// Whether plain loopback connections are exempt.
    pub exempt_loopback: Option<bool>,
}
