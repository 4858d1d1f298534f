//! Derives a gateway's settings from `openclaw.json` and the environment as a release does, or refuses them as the
//! release does.
//!
//! Only the `gateway` section and `secrets.defaults` are read. Other sections do not affect the handshake, and keys
//! outside `gateway` are not checked. Not supported: `$include`, a `.env` file in the state directory, secret providers
//! other than the environment, TLS, and reloading.

mod bind;
mod credentials;
mod environment;
mod file;
mod list;
#[cfg(test)]
mod mutants;
mod secrets;
mod shape;
mod start_refusal;
mod substitute;
#[cfg(test)]
mod tests;

use credentials::Credentials;
use environment::Env;
use list::strings;
use shape::ShapeError;

pub use bind::{Bind, DEFAULT_PORT};
pub use file::{ConfigFileError, read_config, read_config_with_text};
pub use secrets::{masked, redactions, secret_values};
pub use shape::{RefusedSetting, SettingForm, known_settings};
pub use start_refusal::StartRefusal;

use openclaw_model::GatewayConfig;
use openclaw_model::config::{AutoApprove, RateLimit, TrustedProxy};
use openclaw_model::facts::config::ConfigFacts;
use openclaw_model::releases::described;
use openclaw_model::{Facts, Release};
use serde_json::Value;

/// The variable of the handshake timeout, in milliseconds. It takes precedence over `gateway.handshakeTimeoutMs`.
pub const HANDSHAKE_TIMEOUT_VARIABLE: &str = "OPENCLAW_HANDSHAKE_TIMEOUT_MS";

/// The settings that a release derives from its configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The input of the model. Paths and host are not set here.
    pub gateway: GatewayConfig,
    /// The addresses to listen on.
    pub bind: Bind,
    /// A token that was generated because token authentication had none. The release writes it to the configuration
    /// file. Here, the caller does.
    pub generated_token: Option<String>,
    /// Lines for the log.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Resolves a configuration (`src/config/io.ts`, `src/cli/gateway-cli/run.ts`, `src/gateway/startup-auth.ts` and
    /// `server-runtime-config.ts` of the releases).
    ///
    /// # Errors
    /// Returns the refusal of the release in its own words.
    pub fn resolve(release: Release, openclaw_json: &Value, env: &[(String, String)]) -> Result<Self, StartRefusal> {
        // A release between two known ones has the settings of the earlier one.
        let facts = Facts::nearest(described(release).unwrap_or(release)).config;
        let env = Env(env);
        let (config, mut warnings) = substitute::variables(openclaw_json, env);
        let faults = shape::shape_errors(&config, &facts);
        if !faults.is_empty() {
            let problems = faults.iter().map(|fault| format!("  - {fault}"));
            let lines = ["Config invalid".to_owned(), "Problem:".to_owned()].into_iter().chain(problems);
            let settings = faults.iter().flat_map(ShapeError::settings).collect();
            return Err(StartRefusal { settings, ..StartRefusal::new(lines) });
        }
        let gateway = &config["gateway"];
        require_local_mode(gateway["mode"].as_str(), &facts)?;
        let secrets = credentials::resolve(&config, env, &facts)?;
        let bind = Bind::resolve(gateway);
        bind::require_secret(&bind, &secrets)?;
        let port = port(gateway, env);
        let allowed_origins = bind::allowed_origins(gateway, &facts, &mut warnings);
        bind::judge(gateway, &bind, port, &secrets, &facts)?;
        if secrets.generated.is_some() {
            warnings.push("Gateway auth token was missing. Generated a new token.".to_owned());
        }
        let generated_token = secrets.generated.clone();
        let document = openclaw_json.clone();
        let gateway =
            GatewayConfig { port, allowed_origins, document, ..gateway_config(&config, &facts, env, secrets) };
        Ok(Self { gateway, bind, generated_token, warnings })
    }
}

/// The configuration of the gateway, with the settings that the release copies unchanged.
fn gateway_config(config: &Value, facts: &ConfigFacts, env: Env<'_>, secrets: Credentials) -> GatewayConfig {
    let gateway = &config["gateway"];
    let control_ui = &gateway["controlUi"];
    let flag = |value: &Value| value.as_bool() == Some(true);
    let defaults = GatewayConfig::default();
    GatewayConfig {
        auth_mode: secrets.mode,
        token: secrets.token,
        password: secrets.password,
        allow_tailscale: secrets.allow_tailscale,
        trusted_proxies: strings(&gateway["trustedProxies"]),
        allow_real_ip_fallback: flag(&gateway["allowRealIpFallback"]),
        allow_host_header_origin_fallback: flag(&control_ui["dangerouslyAllowHostHeaderOriginFallback"]),
        auto_approve_local: gateway["nodes"]["pairing"]["autoApproveLocal"] != false,
        auto_approve_cidrs: strings(&gateway["nodes"]["pairing"]["autoApproveCidrs"]),
        control_ui_allow_insecure_auth: flag(&control_ui["allowInsecureAuth"]),
        control_ui_disable_device_auth: flag(&control_ui["dangerouslyDisableDeviceAuth"]),
        // The environment takes precedence over `gateway.handshakeTimeoutMs`, which is refused if the release does not
        // know it.
        handshake_timeout_ms: positive(env, HANDSHAKE_TIMEOUT_VARIABLE)
            .filter(|_| facts.timeout_from_environment)
            .or_else(|| gateway["handshakeTimeoutMs"].as_f64().filter(|ms| *ms > 0.0))
            .map(|ms| ms as u64),
        rate_limit: rate_limit(&gateway["auth"]["rateLimit"]),
        trusted_proxy: trusted_proxy(&gateway["auth"]["trustedProxy"]),
        max_preauth_connections_per_ip: positive(env, "OPENCLAW_MAX_PREAUTH_CONNECTIONS_PER_IP")
            .filter(|limit| *limit >= 1.0)
            .map_or(defaults.max_preauth_connections_per_ip, |limit| limit as u32),
        canvas_host: config["canvasHost"]["enabled"] != false && env.get("OPENCLAW_SKIP_CANVAS_HOST") != Some("1"),
        node_allow_commands: either(&gateway["nodes"]["commands"]["allow"], &gateway["nodes"]["allowCommands"]),
        node_deny_commands: either(&gateway["nodes"]["commands"]["deny"], &gateway["nodes"]["denyCommands"]),
        ..defaults
    }
}

/// A configuration with each `${NAME}` replaced from the environment. References to variables that are not set remain.
pub fn substituted(openclaw_json: &Value, env: &[(String, String)]) -> Value {
    substitute::variables(openclaw_json, Env(env)).0
}

/// The names of all settings of the `gateway` section, and the allowed values of those that have few.
pub fn words() -> Vec<&'static str> {
    shape::words()
}

/// A list by its newer or its older name.
fn either(newer: &Value, older: &Value) -> Vec<String> {
    strings(if newer.is_null() { older } else { newer })
}

fn require_local_mode(mode: Option<&str>, facts: &ConfigFacts) -> Result<(), StartRefusal> {
    if mode == Some("local") {
        return Ok(());
    }
    let line = if mode.is_none() && facts.missing_mode_hint {
        "Gateway start blocked: existing config is missing gateway.mode. Treat this as suspicious or clobbered config. \
         Re-run `openclaw onboard --mode local` or `openclaw setup`, set gateway.mode=local manually, or pass \
         --allow-unconfigured."
            .to_owned()
    } else {
        let current = mode.unwrap_or("unset");
        format!("Gateway start blocked: set gateway.mode=local (current: {current}) or pass --allow-unconfigured.")
    };
    Err(StartRefusal::new([line]))
}

/// `OPENCLAW_GATEWAY_PORT`, as a number or as `host:port`, takes precedence over `gateway.port`.
fn port(gateway: &Value, env: Env<'_>) -> u16 {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let from_env = env.trimmed("OPENCLAW_GATEWAY_PORT").and_then(|text| match text.rsplit_once(':') {
        None => digits(text),
        Some((host, port)) if host.starts_with('[') && host.ends_with(']') && host.len() > 2 => digits(port),
        Some((host, port)) if !host.is_empty() && !host.contains(':') => digits(port),
        Some(_) => None,
    });
    let configured = gateway["port"].as_f64().map(|port| port as u16);
    from_env.filter(|port| *port > 0).or(configured).unwrap_or(DEFAULT_PORT)
}

/// A variable that JavaScript's `Number` reads as positive and finite.
fn positive(env: Env<'_>, name: &str) -> Option<f64> {
    env.trimmed(name)?.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

/// `createAuthRateLimiter` sets the defaults.
fn rate_limit(section: &Value) -> Option<RateLimit> {
    section.is_object().then(|| RateLimit {
        max_attempts: section["maxAttempts"].as_f64().map_or(10, |attempts| attempts as u32),
        window_ms: section["windowMs"].as_f64().map_or(60_000, |ms| ms as u64),
        lockout_ms: section["lockoutMs"].as_f64().map_or(300_000, |ms| ms as u64),
        exempt_loopback: section["exemptLoopback"].as_bool().unwrap_or(true),
    })
}

fn trusted_proxy(section: &Value) -> Option<TrustedProxy> {
    Some(TrustedProxy {
        user_header: section["userHeader"].as_str()?.to_owned(),
        required_headers: strings(&section["requiredHeaders"]),
        allow_users: strings(&section["allowUsers"]),
        allow_loopback: section["allowLoopback"] == true,
        auto_approve: (section["deviceAutoApprove"]["enabled"] == true).then(|| AutoApprove {
            scopes: section["deviceAutoApprove"]["scopes"]
                .is_array()
                .then(|| strings(&section["deviceAutoApprove"]["scopes"])),
        }),
    })
}
