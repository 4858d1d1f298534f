//! The addresses that a gateway listens on, and the settings that a bind requires.

use super::credentials::Credentials;
use super::list::strings;
use super::start_refusal::StartRefusal;
use openclaw_model::config::AuthMode;
use openclaw_model::facts::config::{ConfigFacts, LoopbackProxy};
use serde_json::Value;
use std::net::Ipv4Addr;

/// The port if neither the configuration nor the environment sets one.
pub const DEFAULT_PORT: u16 = 18789;

/// `gateway.bind`, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The value in the configuration: `loopback`, `lan`, `tailnet`, `auto` or `custom`.
    pub mode: String,
    /// The address to listen on. `::1` is added to `127.0.0.1` if the machine has it.
    pub host: Ipv4Addr,
}

impl Bind {
    /// The meaning of `gateway.bind` and `gateway.customBindHost` on a machine with loopback and without a tailnet. An
    /// absent `gateway.bind` means loopback in every release. In a container, 2026.4.8 itself listens on all addresses,
    /// which this gateway does only if the configuration says so.
    pub(super) fn resolve(gateway: &Value) -> Self {
        let mode = gateway["bind"].as_str().unwrap_or("loopback").to_owned();
        let host = match mode.as_str() {
            "lan" => Ipv4Addr::UNSPECIFIED,
            "custom" => custom_host(gateway).and_then(|host| host.parse().ok()).unwrap_or(Ipv4Addr::UNSPECIFIED),
            _ => Ipv4Addr::LOCALHOST,
        };
        Self { mode, host }
    }
}

fn custom_host(gateway: &Value) -> Option<&str> {
    gateway["customBindHost"].as_str().map(str::trim).filter(|host| !host.is_empty())
}

fn has_shared_secret(secrets: &Credentials) -> bool {
    match secrets.mode {
        AuthMode::Token => secrets.token.is_some(),
        AuthMode::Password => secrets.password.is_some(),
        AuthMode::None | AuthMode::TrustedProxy => false,
    }
}

/// The check of the command (`run.ts`). It uses the value and not the address.
pub(super) fn require_secret(bind: &Bind, secrets: &Credentials) -> Result<(), StartRefusal> {
    if bind.mode == "loopback" || has_shared_secret(secrets) || secrets.mode == AuthMode::TrustedProxy {
        return Ok(());
    }
    Err(StartRefusal::new([
        format!("Refusing to bind gateway to {} without auth.", bind.mode),
        "Set gateway.auth.token/password (or OPENCLAW_GATEWAY_TOKEN/OPENCLAW_GATEWAY_PASSWORD) or pass --token/--password."
            .to_owned(),
    ]))
}

/// `gateway.controlUi.allowedOrigins`. A bind beyond loopback without any gets the origins of this host
/// (`gateway-control-ui-origins.ts`). The release also writes them to the file.
pub(super) fn allowed_origins(gateway: &Value, facts: &ConfigFacts, warnings: &mut Vec<String>) -> Vec<String> {
    let control_ui = &gateway["controlUi"];
    let configured: Vec<String> = strings(&control_ui["allowedOrigins"])
        .into_iter()
        .map(|origin| origin.trim().to_owned())
        .filter(|origin| !origin.is_empty())
        .collect();
    let beyond_loopback = match gateway["bind"].as_str() {
        Some("lan" | "tailnet" | "custom") => true,
        Some("auto") => facts.auto_seeds_origins,
        _ => false,
    };
    let fallback = control_ui["dangerouslyAllowHostHeaderOriginFallback"] == true;
    if !facts.origins_seeded || !beyond_loopback || fallback || !configured.is_empty() {
        return configured;
    }
    let port = gateway["port"].as_f64().map_or(DEFAULT_PORT, |port| port as u16);
    let mut seeded = vec![format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}")];
    if let Some(host) = custom_host(gateway).filter(|_| gateway["bind"] == "custom") {
        seeded.push(format!("http://{host}:{port}"));
        seeded.dedup();
    }
    warnings.push(format!(
        "gateway: seeded gateway.controlUi.allowedOrigins {} for bind={}",
        Value::from(seeded.clone()),
        gateway["bind"].as_str().unwrap_or_default()
    ));
    seeded
}

/// The checks of the server (`server-runtime-config.ts`), in their order.
pub(super) fn judge(
    gateway: &Value,
    bind: &Bind,
    port: u16,
    secrets: &Credentials,
    facts: &ConfigFacts,
) -> Result<(), StartRefusal> {
    let refuse = |error: &str| Err(StartRefusal::at_start(error));
    if bind.mode == "custom" {
        match custom_host(gateway) {
            None => return refuse("gateway.bind=custom requires gateway.customBindHost"),
            Some(host) if host.parse::<Ipv4Addr>().is_err() => {
                return refuse(&format!("gateway.bind=custom requires a valid IPv4 customBindHost (got {host})"));
            }
            Some(_) => {}
        }
    }
    let by_proxy = secrets.mode == AuthMode::TrustedProxy;
    if by_proxy {
        judge_trusted_proxy(gateway, secrets, facts)?;
    }
    let tailscale = gateway["tailscale"]["mode"].as_str().unwrap_or("off");
    if tailscale == "funnel" && secrets.mode != AuthMode::Password {
        return refuse(
            "tailscale funnel requires gateway auth mode=password (set gateway.auth.password or OPENCLAW_GATEWAY_PASSWORD)",
        );
    }
    if tailscale != "off" && !bind.host.is_loopback() {
        return refuse("tailscale serve/funnel requires gateway bind=loopback (127.0.0.1)");
    }
    if !bind.host.is_loopback() && !has_shared_secret(secrets) && !by_proxy {
        return refuse(&format!(
            "refusing to bind gateway to {}:{port} without auth (set gateway.auth.token/password, or set \
             OPENCLAW_GATEWAY_TOKEN/OPENCLAW_GATEWAY_PASSWORD)",
            bind.host
        ));
    }
    let control_ui = &gateway["controlUi"];
    let open_to_origins = control_ui["enabled"] != false
        && !strings(&control_ui["allowedOrigins"]).iter().any(|origin| !origin.trim().is_empty())
        && control_ui["dangerouslyAllowHostHeaderOriginFallback"] != true;
    if facts.origins_required && !bind.host.is_loopback() && open_to_origins {
        return refuse(
            "non-loopback Control UI requires gateway.controlUi.allowedOrigins (set explicit origins), or set \
             gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback=true to use Host-header origin fallback mode",
        );
    }
    if by_proxy {
        judge_proxy_addresses(gateway, bind, facts)?;
    }
    Ok(())
}

/// The check of the addresses from which a trusted proxy connects.
fn judge_proxy_addresses(gateway: &Value, bind: &Bind, facts: &ConfigFacts) -> Result<(), StartRefusal> {
    let refuse = |error: &str| Err(StartRefusal::at_start(error));
    let proxies = strings(&gateway["trustedProxies"]);
    if bind.host.is_loopback() && facts.loopback_proxy == LoopbackProxy::Refused {
        return refuse(
            "gateway auth mode=trusted-proxy makes no sense with bind=loopback; use bind=lan or bind=custom with \
             gateway.trustedProxies configured",
        );
    }
    if proxies.is_empty() {
        return refuse(
            "gateway auth mode=trusted-proxy requires gateway.trustedProxies to be configured with at least one proxy IP",
        );
    }
    let lists_loopback = proxies.iter().any(|proxy| proxy.starts_with("127.") || proxy.starts_with("::1"));
    if bind.host.is_loopback() && facts.loopback_proxy == LoopbackProxy::Listed && !lists_loopback {
        return refuse(
            "gateway auth mode=trusted-proxy with bind=loopback requires gateway.trustedProxies to include 127.0.0.1, ::1, \
             or a loopback CIDR",
        );
    }
    Ok(())
}

fn judge_trusted_proxy(gateway: &Value, secrets: &Credentials, facts: &ConfigFacts) -> Result<(), StartRefusal> {
    let refuse = |error: &str| Err(StartRefusal::at_start(error));
    let section = &gateway["auth"]["trustedProxy"];
    if !section.is_object() {
        return refuse(
            "gateway auth mode is trusted-proxy, but no trustedProxy config was provided (set gateway.auth.trustedProxy)",
        );
    }
    if section["userHeader"].as_str().is_none_or(|header| header.trim().is_empty()) {
        return refuse(
            "gateway auth mode is trusted-proxy, but trustedProxy.userHeader is empty (set gateway.auth.trustedProxy.userHeader)",
        );
    }
    if secrets.token.is_some() && facts.proxy_excludes_token {
        return refuse(
            "gateway auth mode is trusted-proxy, but a shared token is also configured; remove gateway.auth.token / \
             OPENCLAW_GATEWAY_TOKEN because trusted-proxy and token auth are mutually exclusive",
        );
    }
    Ok(())
}
