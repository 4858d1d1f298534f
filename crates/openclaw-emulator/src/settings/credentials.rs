//! The authentication of a gateway and its secrets (`resolveGatewayAuth`, `ensureGatewayStartupAuth`).

use super::environment::Env;
use super::start_refusal::StartRefusal;
use super::substitute::{has_reference, sole_reference};
use openclaw_model::config::AuthMode;
use openclaw_model::facts::config::ConfigFacts;
use serde_json::Value;
use std::fmt::Write as _;

/// The resolved authentication.
pub(super) struct Credentials {
    pub(super) mode: AuthMode,
    pub(super) token: Option<String>,
    pub(super) password: Option<String>,
    pub(super) allow_tailscale: bool,
    /// The token, if it was generated.
    pub(super) generated: Option<String>,
}

/// `gateway.auth.token` or `gateway.auth.password`.
enum Secret {
    Absent,
    Text(String),
    /// A reference to a value that does not exist.
    Unresolved(String),
}

impl Secret {
    /// A string, `{source, provider, id}`, or a `${NAME}` that the substitution did not find.
    fn read(value: &Value, env: Env<'_>) -> Self {
        match value {
            Value::String(text) if text.trim().is_empty() => Self::Absent,
            Value::String(text) => match sole_reference(text) {
                Some(name) => Self::Unresolved(format!("env:default:{name}")),
                // A placeholder within a longer string does not count as a secret either (`trimCredentialToUndefined`).
                None if has_reference(text) => Self::Absent,
                None => Self::Text(text.trim().to_owned()),
            },
            Value::Object(reference) => {
                let part = |name: &str| reference.get(name).and_then(Value::as_str);
                let (source, id) = (part("source").unwrap_or_default(), part("id").unwrap_or_default());
                match env.trimmed(id).filter(|_| source == "env") {
                    Some(value) => Self::Text(value.to_owned()),
                    None => Self::Unresolved(format!("{source}:{}:{id}", part("provider").unwrap_or("default"))),
                }
            }
            _ => Self::Absent,
        }
    }

    fn configured(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent | Self::Unresolved(_) => None,
        }
    }

    /// Refuses an unresolved reference.
    fn require(&self, path: &str) -> Result<(), StartRefusal> {
        match self {
            Self::Unresolved(reference) => Err(StartRefusal::at_start(&format!(
                "Startup failed: required secrets are unavailable. {path} SecretRef is unresolved ({reference})."
            ))),
            Self::Absent | Self::Text(_) => Ok(()),
        }
    }
}

/// Resolves `gateway.auth` and the environment.
///
/// # Errors
/// Returns the refusal of the release.
pub(super) fn resolve(config: &Value, env: Env<'_>, facts: &ConfigFacts) -> Result<Credentials, StartRefusal> {
    let auth = &config["gateway"]["auth"];
    let explicit = auth["mode"].as_str();
    let (token, password) = (Secret::read(&auth["token"], env), Secret::read(&auth["password"], env));
    let env_token = env.trimmed("OPENCLAW_GATEWAY_TOKEN");
    let env_password = env.trimmed("OPENCLAW_GATEWAY_PASSWORD");
    let password_known = password.configured() || env_password.is_some();
    if explicit == Some("password") && !password_known {
        return Err(StartRefusal::new([
            "Gateway auth is set to password, but no password is configured.",
            "Set gateway.auth.password (or OPENCLAW_GATEWAY_PASSWORD), or pass --password.",
        ]));
    }
    if facts.ambiguous_secrets_refused && explicit.is_none() && token.configured() && password.configured() {
        return Err(StartRefusal::at_start(
            "Invalid config: gateway.auth.token and gateway.auth.password are both configured, but gateway.auth.mode is \
             unset. Set gateway.auth.mode to token or password.",
        ));
    }
    let token_known = token.configured() || env_token.is_some();
    if env_token.is_none() && (explicit == Some("token") || explicit.is_none() && !password_known) {
        token.require("gateway.auth.token")?;
    }
    if env_password.is_none() && (explicit == Some("password") || explicit.is_none() && !token_known) {
        password.require("gateway.auth.password")?;
    }
    // The configuration takes precedence over the environment.
    let mut token = token.text().or_else(|| env_token.map(str::to_owned));
    let password = password.text().or_else(|| env_password.map(str::to_owned));
    let mode = mode(explicit, password.is_some());
    let generated = (mode == AuthMode::Token && token.is_none()).then(generate).transpose()?;
    token = token.or_else(|| generated.clone());
    let by_tailscale = config["gateway"]["tailscale"]["mode"] == "serve"
        && !matches!(mode, AuthMode::Password | AuthMode::TrustedProxy);
    let allow_tailscale = auth["allowTailscale"].as_bool().unwrap_or(by_tailscale);
    Ok(Credentials { mode, token, password, allow_tailscale, generated })
}

fn mode(explicit: Option<&str>, has_password: bool) -> AuthMode {
    match explicit {
        Some("none") => AuthMode::None,
        Some("password") => AuthMode::Password,
        Some("trusted-proxy") => AuthMode::TrustedProxy,
        None if has_password => AuthMode::Password,
        _ => AuthMode::Token,
    }
}

/// Twenty-four random bytes in hex.
fn generate() -> Result<String, StartRefusal> {
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).map_err(|error| StartRefusal::at_start(&error.to_string()))?;
    Ok(bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}
