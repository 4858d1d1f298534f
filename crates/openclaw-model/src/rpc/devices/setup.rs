//! `device.pair.setupCode` and `device.pair.setupStatus` (`server-methods/device-pair-setup.ts`,
//! `pairing/setup-code.ts`), limited to the answers of a gateway that creates no setup codes.

use crate::address;
use crate::config::{AuthMode, GatewayConfig};
use crate::origin::Origin;
use crate::rpc::{Call, HandlerResult, Refusal, Reply, invalid, not_implemented, refuse};
use crate::schema::{NON_EMPTY, Schema, object, optional, required, text};
use openclaw_protocol::codes::error;
use openclaw_protocol::js;
use serde_json::{Value, json};
use std::net::IpAddr;

static CODE: Schema = object(&[
    optional("publicUrl", NON_EMPTY),
    optional("preferRemoteUrl", Schema::Boolean),
    optional("includeQr", Schema::Boolean),
    optional("bootstrapProfile", Schema::Enum(&["limited", "node", "voice-node"])),
    optional("joinUrl", Schema::True),
]);
static STATUS: Schema = object(&[required("setupId", text(1, 128))]);

const NO_TOKEN: &str = "Gateway auth is set to token, but no token is configured.";
const NO_PASSWORD: &str = "Gateway auth is set to password, but no password is configured.";
const NO_SECRET: &str = r#"Pairing setup requires gateway.auth.mode "token" or "password"; current mode is "none"."#;
const LOOPBACK_ONLY: &str = "Gateway is only bound to loopback. Set gateway.bind=lan, enable tailscale serve, or configure \
                             plugins.entries.device-pair.config.publicUrl.";
const INVALID_URL: &str = "Configured publicUrl is invalid.";
const INSECURE: &str = "Tailscale and public mobile pairing require a secure gateway URL (wss://) or Tailscale Serve/Funnel. \
                        Resolved source: plugins.entries.device-pair.config.publicUrl. Fix: use a private LAN address, prefer \
                        gateway.tailscale.mode=serve, or set gateway.remote.url / plugins.entries.device-pair.config.publicUrl \
                        to a wss:// URL. ws:// is only valid for localhost, private LAN addresses, .local hosts, or the \
                        Android emulator.";

/// `device.pair.setupCode`: no phone can reach a gateway on loopback. The answer of 2026.7.35 is not known.
pub(in crate::rpc) fn code(call: &mut Call<'_, '_>) -> HandlerResult {
    if !call.model.rules.rpc.setup_codes {
        return Err(not_implemented("device.pair.setupCode"));
    }
    let params = call.params(&CODE)?;
    let given = |key: &str| params.get(key).and_then(Value::as_str);
    if params.get("joinUrl").is_some() && given("bootstrapProfile").is_some_and(|profile| profile != "node") {
        return Err(invalid("Join URLs require bootstrapProfile=node."));
    }
    let config = &call.model.config;
    has_secret(config)?;
    let prefers_remote = params.get("preferRemoteUrl") == Some(&Value::Bool(true));
    let configured = text_at(config, "/plugins/entries/device-pair/config/publicUrl").filter(|_| !prefers_remote);
    match given("publicUrl").or(configured).map(js::trim).filter(|url| !url.is_empty()) {
        Some(url) => Err(public(url).map_or_else(invalid, |()| not_made())),
        None if reachable(config) => Err(not_made()),
        None => Err(invalid(LOOPBACK_ONLY)),
    }
}

/// Whether the gateway has a secret that a phone can get (`resolvePairingSetupAuthLabel`).
///
/// # Errors
/// Returns the refusal if there is no secret and the auth mode needs one.
fn has_secret(config: &GatewayConfig) -> Result<(), Refusal> {
    match (&config.auth_mode, &config.token, &config.password) {
        (AuthMode::Token, None, _) => Err(invalid(NO_TOKEN)),
        (AuthMode::Password, _, None) => Err(invalid(NO_PASSWORD)),
        (AuthMode::None, None, None) => Err(invalid(NO_SECRET)),
        _ => Ok(()),
    }
}

/// `device.pair.setupStatus`: this gateway has never finished a setup.
pub(in crate::rpc) fn status(call: &mut Call<'_, '_>) -> HandlerResult {
    call.params(&STATUS)?;
    Ok(Reply::Answer(json!({})))
}

fn not_made() -> Refusal {
    refuse(error::UNAVAILABLE, "setup codes are not made by this reference gateway")
}

/// Whether the configuration, apart from the public URL, gives an address for a phone.
fn reachable(config: &GatewayConfig) -> bool {
    let bind = text_at(config, "/gateway/bind").unwrap_or("loopback");
    let tailscale = text_at(config, "/gateway/tailscale/mode").unwrap_or("off");
    ["lan", "tailnet", "custom"].contains(&bind)
        || ["serve", "funnel"].contains(&tailscale)
        || text_at(config, "/gateway/remote/url").is_some_and(|url| !js::trim(url).is_empty())
}

fn text_at<'a>(config: &'a GatewayConfig, path: &str) -> Option<&'a str> {
    config.document.pointer(path).and_then(Value::as_str)
}

/// Checks whether a phone can use this address. Returns the refusal if it cannot.
fn public(url: &str) -> Result<(), &'static str> {
    let scheme = url.split_once(':').map(|(scheme, rest)| (scheme.to_lowercase(), rest));
    let (secure, rest) = match scheme {
        Some((scheme, rest)) if ["http", "https", "ws", "wss"].contains(&scheme.as_str()) => (
            ["https", "wss"].contains(&scheme.as_str()),
            rest.strip_prefix("//").ok_or(INVALID_URL)?.trim_start_matches('/'),
        ),
        Some((_, rest)) if rest.starts_with('/') => return Err(INVALID_URL),
        _ => (false, url),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = Origin::parse(&format!("http://{authority}")).filter(|_| !authority.contains('@')).ok_or(INVALID_URL)?;
    if secure || cleartext_allowed(&host.hostname) { Ok(()) } else { Err(INSECURE) }
}

/// Hosts that a phone can use without encryption.
fn cleartext_allowed(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_lowercase();
    let local = |address: IpAddr| match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || (v6.segments()[0] & 0xffc0) == 0xfe80,
    };
    host == "localhost" || host.ends_with(".local") || address::parse(&host).is_some_and(local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("nonsense", Err(INSECURE))]
    #[case("ftp://a.example", Err(INVALID_URL))]
    #[case("wss:a.example", Err(INVALID_URL))]
    #[case("http://a.example", Err(INSECURE))]
    #[case("ws://a.example:1", Err(INSECURE))]
    #[case("wss://User@a.example:443/x/", Err(INVALID_URL))]
    #[case("ws://192.168.1.5:18789", Ok(()))]
    #[case("localhost:5", Ok(()))]
    #[case("https:///a.example", Ok(()))]
    #[case("https://a.example/path?q#h", Ok(()))]
    fn phone_urls_must_be_private_or_encrypted(#[case] url: &str, #[case] answer: Result<(), &str>) {
        assert_eq!(public(url), answer);
    }
}
