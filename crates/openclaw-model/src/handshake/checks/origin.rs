//! Checks browser origins (`origin-check.ts`).

use crate::handshake::AllowedOrigins;
use crate::handshake::attempt::Attempt;
use crate::handshake::refusal::Refusal;
use crate::origin::Origin;
use crate::trace::is_bare_origin;
use crate::{Facts, GatewayConfig, address};
use openclaw_protocol::client::mode;
use serde_json::json;

const MESSAGE: &str =
    "origin not allowed (open the Control UI from the gateway host or allow it in gateway.controlUi.allowedOrigins)";

/// Checks the origin of every client that sends one or must send one: the Control UI and the chat.
///
/// # Errors
/// Returns the refusal of an origin that is not allowed.
pub(in crate::handshake) fn check(rules: &Facts, config: &GatewayConfig, attempt: &Attempt) -> Result<String, Refusal> {
    let is_checked = attempt.origin.is_some()
        && match rules.handshake.origins {
            AllowedOrigins::SameHost => false,
            AllowedOrigins::LoopbackHost => !attempt.locality.has_proxy_headers,
            AllowedOrigins::LocalClients => true,
        };
    if attempt.is_copilot() && copilot_origin(attempt).is_some() {
        return Ok("the origin of a browser extension, which its pairing is bound to".to_owned());
    }
    if !is_checked && !attempt.is_control_ui() && !attempt.is_webchat() {
        return Ok("no Origin header, and the client is not a browser UI".to_owned());
    }
    let origin = attempt.origin.as_deref().unwrap_or_default();
    match verdict(rules, config, attempt, origin) {
        Ok(why) if is_bare_origin(origin) => Ok(format!("`{origin}` is allowed: {why}")),
        Ok(why) => Ok(format!("the origin is allowed: {why}")),
        Err(reason) => {
            let details = json!({ "code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": reason });
            let has_details = rules.handshake.refusals_specific;
            Err(Refusal::invalid(MESSAGE, has_details.then_some(details)))
        }
    }
}

/// Checks the copilot: it runs as a user interface, can receive tools and a session's events, and has the
/// origin of an extension.
///
/// # Errors
///
/// Returns the refusal of a client that does not meet these conditions.
pub(in crate::handshake) fn check_copilot(attempt: &Attempt) -> Result<(), Refusal> {
    if !attempt.is_copilot() {
        return Ok(());
    }
    let can = |cap: &str| attempt.params.caps.iter().flatten().any(|have| have == cap);
    if attempt.client().mode != mode::UI || !can("run-tool-bindings") || !can("session-scoped-events") {
        let message = "browser copilot requires ui mode with run-tool-bindings and session-scoped-events capabilities";
        return Err(Refusal::invalid(message, None));
    }
    if copilot_origin(attempt).is_none() {
        let details = json!({ "code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": "invalid browser copilot origin" });
        return Err(Refusal::invalid("browser copilot requires a canonical Chrome extension origin", Some(details)));
    }
    Ok(())
}

/// Whether the origin is that of a Chrome extension, whose id has 32 letters from a to p.
fn copilot_origin(attempt: &Attempt) -> Option<String> {
    let parsed = attempt.origin.as_deref().and_then(Origin::parse_bare)?;
    let is_id = parsed.hostname.len() == 32 && parsed.hostname.bytes().all(|byte| (b'a'..=b'p').contains(&byte));
    Some(parsed.origin).filter(|origin| is_id && origin.starts_with("chrome-extension:"))
}

fn verdict(
    rules: &Facts,
    config: &GatewayConfig,
    attempt: &Attempt,
    origin: &str,
) -> Result<&'static str, &'static str> {
    let parse = if rules.handshake.origins_bare { Origin::parse_bare } else { Origin::parse };
    let parsed = Some(origin.trim()).filter(|origin| *origin != "null").and_then(parse);
    let Some(parsed) = parsed else { return Err("origin missing or invalid") };
    let listed = |entry: &String| {
        let entry = entry.trim().to_lowercase();
        (entry == "*" && rules.handshake.origins == AllowedOrigins::LocalClients) || entry == parsed.origin
    };
    if config.allowed_origins.iter().any(listed) {
        return Ok("gateway.controlUi.allowedOrigins contains it");
    }
    let host = attempt.host().unwrap_or_default().trim().to_lowercase();
    let equal_will_do = config.allow_host_header_origin_fallback || rules.handshake.origins == AllowedOrigins::SameHost;
    if equal_will_do && !host.is_empty() && parsed.host == host {
        return Ok("it equals the Host header");
    }
    if rules.handshake.private_same_origin && parsed.host == host && is_private_host(rules, attempt, &host) {
        return Ok("it equals the Host header, which names a private host");
    }
    let dots = rules.locality.trailing_dots;
    let ours = match rules.handshake.origins {
        AllowedOrigins::SameHost | AllowedOrigins::LoopbackHost => {
            let named = address::host_name(&host);
            // The oldest rule compares the text, so `127.1` is enough.
            let by_text = rules.handshake.origins == AllowedOrigins::SameHost && named.starts_with("127.");
            by_text || address::is_loopback_host(&named, dots)
        }
        AllowedOrigins::LocalClients => attempt.locality.direct,
    };
    if ours && address::is_loopback_host(&parsed.hostname, dots) {
        return Ok("it is a loopback origin, and the client or its Host header is loopback too");
    }
    Err("origin not allowed")
}

/// Whether a page of this gateway is open in a browser on the gateway's machine.
pub(in crate::handshake) fn is_on_this_machine(rules: &Facts, attempt: &Attempt) -> bool {
    let host = attempt.host().unwrap_or_default().trim().to_lowercase();
    let page = attempt.origin.as_deref().and_then(|origin| Origin::parse(origin.trim()));
    let dots = rules.locality.trailing_dots;
    page.is_some_and(|page| page.host == host && address::is_loopback_host(&page.hostname, dots))
        && attempt.locality.direct
}

/// Whether only this host or its network can have this `Host`.
fn is_private_host(rules: &Facts, attempt: &Attempt, host: &str) -> bool {
    let name = address::host_name(host);
    if address::is_loopback_host(&name, rules.locality.trailing_dots) {
        return attempt.locality.direct;
    }
    match address::parse(&name) {
        Some(ip) => address::is_private_or_loopback(ip),
        None => name.ends_with(".local") || name.ends_with(".ts.net"),
    }
}
