//! Determines which connections count as local, and the client address of a connection.

use super::facts::locality::LocalityRules;
use super::input::Outcome;
use super::trace::{Check, fact};
use super::{GatewayConfig, Peer, address};
use std::net::{IpAddr, Ipv4Addr};

/// Headers that mark a proxy in the check by headers.
const PROXY_HEADERS: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-real-ip", "x-forwarded-host"];

/// The beginning of other headers that mark a proxy in some releases.
const FORWARDED: &str = "x-forwarded-";

/// Headers that Tailscale sets.
const TAILSCALE_HEADERS: [&str; 5] = [
    "tailscale-funnel-request",
    "tailscale-headers-info",
    "tailscale-user-login",
    "tailscale-user-name",
    "tailscale-user-profile-pic",
];

/// The reason for refusing an upgrade whose origin cannot be determined.
pub(super) fn unattributable(rules: &LocalityRules, config: &GatewayConfig, peer: &Peer) -> Option<String> {
    let tailscale = || TAILSCALE_HEADERS.into_iter().find(|name| peer.header(name).is_some());
    let header = proxy_header(rules, peer).or_else(tailscale);
    if !rules.attribution_required || header.is_none() && address::is_loopback(peer.address) {
        return None;
    }
    if address::is_listed(peer.address, &config.trusted_proxies) {
        let client = client_ip(rules, config, peer).filter(|ip| !address::is_loopback(*ip));
        return client.is_none().then(|| format!("the trusted proxy {} does not name the client", peer.address));
    }
    header.map(|name| format!("header {} is present and {} is not a trusted proxy", header_name(name), peer.address))
}

/// The origin of a connection, determined when it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locality {
    /// Whether the connection counts as local.
    pub direct: bool,
    /// The client address: the peer's address or, behind a trusted proxy, the address that the proxy reports. `None` if
    /// it reports none.
    pub client_ip: Option<IpAddr>,
    /// The address that is stored and shown. `None` for local clients, loopback and untrusted proxies.
    pub reported_ip: Option<String>,
    /// Whether a proxy header is present that later checks use.
    pub has_proxy_headers: bool,
    /// The reason why the connection is local or not, for people.
    pub reason: String,
}

impl Locality {
    /// Determines the origin of a connection.
    pub fn of(rules: &LocalityRules, config: &GatewayConfig, peer: &Peer) -> Self {
        // A direct loopback connection is its own client, even if loopback is among the trusted proxies.
        let ours = rules.attribution_required && direct_by_headers(rules, peer).is_ok();
        let client_ip = if ours { Some(peer.address.to_canonical()) } else { client_ip(rules, config, peer) };
        let has_proxy_headers = match rules.every_proxy_header_counts {
            true => proxy_header(rules, peer).is_some(),
            false => ["x-forwarded-for", "x-real-ip"].into_iter().any(|header| present(peer, header).is_some()),
        };
        let untrusted_proxy = has_proxy_headers && !address::is_listed(peer.address, &config.trusted_proxies);
        let verdict = if rules.host_and_trusted_proxies_count {
            direct_by_host(rules, config, peer, client_ip)
        } else {
            direct_by_headers(rules, peer)
        };
        let is_shown = |loopback: bool| verdict.is_err() && !untrusted_proxy && !loopback;
        let reported_ip = match first_hop(rules, config, peer) {
            Some(hop) => Some(hop).filter(|hop| is_shown(is_loopback_text(hop))),
            None => client_ip.filter(|ip| is_shown(address::is_loopback(*ip))).map(|ip| ip.to_string()),
        };
        Self {
            direct: verdict.is_ok(),
            client_ip,
            reported_ip,
            has_proxy_headers,
            reason: match verdict {
                Ok(why) => format!("local: {why}"),
                Err(why) => format!("not local: {why}"),
            },
        }
    }
}

impl Locality {
    /// Adds the verdict to a trace.
    pub(crate) fn trace(&self, outcome: &mut Outcome) {
        let fact = fact!(locality.host_and_trusted_proxies_count);
        outcome.trace_line_of(Check::Locality, fact, self.reason.clone());
    }
}

/// Whether some release takes a header with this lower-case name as the mark of a proxy.
pub(crate) fn marks_proxy(name: &str) -> bool {
    PROXY_HEADERS.contains(&name) || TAILSCALE_HEADERS.contains(&name) || name.starts_with(FORWARDED)
}

/// The first header that marks a proxy.
fn proxy_header<'a>(rules: &LocalityRules, peer: &'a Peer) -> Option<&'a str> {
    let any = || peer.headers.iter().map(|(key, _)| key.as_str()).find(|key| key.starts_with(FORWARDED));
    let there = |header: &&str| match rules.empty_headers_count {
        true => peer.header(header).is_some(),
        false => present(peer, header).is_some(),
    };
    let listed = PROXY_HEADERS.into_iter().find(there);
    listed.or_else(|| if rules.forwarded_prefix { any() } else { None })
}

/// The check by headers.
fn direct_by_headers(rules: &LocalityRules, peer: &Peer) -> Result<String, String> {
    if let Some(header) = proxy_header(rules, peer) {
        return Err(format!("header {} is present, and trustedProxies does not change that", header_name(header)));
    }
    if !address::is_loopback(peer.address) {
        return Err(format!("the peer {} is not loopback", peer.address));
    }
    Ok(format!("the peer {} is loopback and no proxy header is present", peer.address))
}

/// The check by host.
fn direct_by_host(
    rules: &LocalityRules,
    config: &GatewayConfig,
    peer: &Peer,
    client_ip: Option<IpAddr>,
) -> Result<String, String> {
    let trusted = address::is_listed(peer.address, &config.trusted_proxies);
    match client_ip {
        Some(ip) if address::is_loopback(ip) => {}
        Some(ip) => return Err(format!("the client's address {ip} is not loopback")),
        None => {
            return Err(format!("the peer {} is in trustedProxies and reports no client address", peer.address));
        }
    }
    let host = address::host_name(peer.header("host").unwrap_or_default());
    let ours = match rules.addresses_judged {
        true => address::is_loopback_host(&host, rules.trailing_dots),
        false => ["localhost", "127.0.0.1", "::1"].contains(&host.as_str()),
    };
    if !(ours || host.ends_with(".ts.net")) {
        return Err(format!("Host `{host}` does not name this machine"));
    }
    let forwarded =
        ["x-forwarded-for", "x-real-ip", "x-forwarded-host"].into_iter().find(|h| present(peer, h).is_some());
    match forwarded {
        Some(header) if !trusted => {
            Err(format!("header {} is present and the peer is not in trustedProxies", header_name(header)))
        }
        _ => Ok("the client's address is loopback and Host names this machine".to_owned()),
    }
}

/// The client address. If the peer is a trusted proxy, it is the last address in `X-Forwarded-For` that is neither a
/// trusted proxy nor (in most releases) loopback, or `X-Real-IP` with `allowRealIpFallback`. Otherwise, it is the
/// peer's address.
fn client_ip(rules: &LocalityRules, config: &GatewayConfig, peer: &Peer) -> Option<IpAddr> {
    if !address::is_listed(peer.address, &config.trusted_proxies) {
        return Some(peer.address.to_canonical());
    }
    if !rules.addresses_judged {
        let hop = first_hop(rules, config, peer)?;
        let ours = is_loopback_text(&hop);
        let parsed = address::parse_with_port(&hop).filter(|ip| address::is_loopback(*ip) == ours);
        return parsed.or_else(|| ours.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }
    let forwarded = joined(peer, "x-forwarded-for").unwrap_or_default();
    let passed_over = |hop: &IpAddr| rules.skips_loopback_hops && address::is_loopback(*hop);
    let hop = forwarded
        .split(',')
        .filter_map(address::parse_with_port)
        // Each proxy appends the address of its peer, so the last untrusted address is the client.
        .rfind(|hop| !passed_over(hop) && !address::is_listed(*hop, &config.trusted_proxies));
    hop.or_else(|| {
        let real_ip = joined(peer, "x-real-ip").filter(|_| config.allow_real_ip_fallback)?;
        address::parse_with_port(&real_ip)
    })
}

/// The client address behind a trusted proxy in releases that accept any text as an address.
fn first_hop(rules: &LocalityRules, config: &GatewayConfig, peer: &Peer) -> Option<String> {
    if rules.addresses_judged || !address::is_listed(peer.address, &config.trusted_proxies) {
        return None;
    }
    let forwarded = joined(peer, "x-forwarded-for").unwrap_or_default();
    let first = forwarded.split(',').next().map(str::trim).filter(|first| !first.is_empty()).map(str::to_owned);
    let hop = first.or_else(|| joined(peer, "x-real-ip").filter(|ip| !ip.trim().is_empty()))?;
    Some(address::without_port(&hop)).filter(|hop| !hop.is_empty())
}

fn is_loopback_text(ip: &str) -> bool {
    ip.starts_with("127.") || ip == "::1"
}

/// A header as Node.js provides it: headers with the same name are joined.
pub fn joined(peer: &Peer, name: &str) -> Option<String> {
    let values: Vec<&str> =
        peer.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// A header that is present and not empty.
fn present<'a>(peer: &'a Peer, name: &str) -> Option<&'a str> {
    peer.headers.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

/// A header in the usual form: `X-Real-IP`.
pub(crate) fn header_name(lower: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    lower.split('-').map(|part| if part == "ip" { "IP".to_owned() } else { word(part) }).collect::<Vec<_>>().join("-")
}
/// Whether a `Host` header, or the host and the port of a URL, names this machine by a loopback address.
pub fn is_loopback_authority(authority: &str) -> bool {
    address::is_loopback_host(&address::host_name(authority), false)
}
