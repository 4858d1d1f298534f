//! The `gateway` part of a scenario: settings in portable words, which each kind of gateway translates.

use super::text::TimeSpan;
use crate::scenario::syntax::spans::{Name, NameOrNone, Spanned};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The gateway's settings. What is not said is the release's own default, but that the gateway is bound to loopback and has a
/// shared token.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GatewaySettings {
    /// How a client proves that it may talk to the gateway at all.
    pub auth: Auth,
    /// The addresses on which the gateway listens.
    pub bind: Option<Bind>,
    /// Addresses and CIDR ranges of proxies whose forwarding headers count.
    pub trusted_proxies: Option<Vec<String>>,
    /// Whether X-Real-IP counts where X-Forwarded-For is absent.
    pub real_ip_fallback: Option<bool>,
    /// Settings of the Control UI.
    pub control_ui: ControlUi,
    /// How long a client may take to connect.
    pub handshake_timeout: Option<TimeSpan>,
    /// How failed credentials are limited.
    pub rate_limit: Option<RateLimit>,
    /// Environment variables of the gateway's process.
    pub env: IndexMap<Spanned<String>, String>,
    /// Settings of openclaw.json that have no portable word, merged over the others (JSON Merge Patch: null removes).
    pub config: Map<String, Value>,
}

/// Who may talk to the gateway.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Auth {
    /// How a client proves itself.
    pub mode: AuthMode,
    /// Name of the secret that is the shared token; `none` leaves it out. In mode `token` it is `shared` unless said otherwise.
    pub token: Option<NameOrNone>,
    /// Name of the secret that is the password; `none` leaves it out. In mode `password` it is `shared` unless said otherwise.
    pub password: Option<NameOrNone>,
    /// Whether Tailscale's identity headers count.
    pub allow_tailscale: Option<bool>,
}

/// The name of the secret that a gateway has when the scenario names none.
pub const SHARED_SECRET: &str = "shared";

impl Auth {
    /// Name of the secret that is the gateway's token, if it has one.
    pub fn token_secret(&self) -> Option<&str> {
        secret(self.token.as_ref(), self.mode == AuthMode::Token)
    }

    /// Name of the secret that is the gateway's password, if it has one.
    pub fn password_secret(&self) -> Option<&str> {
        secret(self.password.as_ref(), self.mode == AuthMode::Password)
    }
}

fn secret(said: Option<&NameOrNone>, wanted: bool) -> Option<&str> {
    match said {
        Some(said) => said.name().map(Name::as_str),
        None => wanted.then_some(SHARED_SECRET),
    }
}

/// `gateway.auth.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMode {
    /// Nobody proves anything.
    None,
    /// A shared token.
    #[default]
    Token,
    /// A password.
    Password,
    /// A reverse proxy vouches for the user.
    TrustedProxy,
    /// No mode is written down: the release derives one.
    Unset,
}

/// `gateway.bind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Bind {
    /// 127.0.0.1 alone.
    Loopback,
    /// Every address.
    Lan,
    /// The address in the tailnet.
    Tailnet,
    /// Loopback where possible, else every address.
    Auto,
}

/// Settings of the Control UI.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ControlUi {
    /// `allowInsecureAuth`.
    pub allow_insecure_auth: Option<bool>,
    /// `dangerouslyDisableDeviceAuth`.
    pub disable_device_auth: Option<bool>,
    /// `allowedOrigins`.
    pub allowed_origins: Option<Vec<String>>,
    /// `dangerouslyAllowHostHeaderOriginFallback`.
    pub host_header_origin_fallback: Option<bool>,
}

/// `gateway.auth.rateLimit`. What is not said is the release's default.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RateLimit {
    /// Failures before the lock-out.
    pub max_attempts: Option<u32>,
    /// The time in which failures add up.
    pub window: Option<TimeSpan>,
    /// Length of the lock-out.
    pub lockout: Option<TimeSpan>,
    /// Whether plain loopback is exempt.
    pub exempt_loopback: Option<bool>,
}
