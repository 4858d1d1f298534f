//! The connection of a client: its address, its proxy, its headers and the address of its page. What neither the user nor a
//! record names is assumed from the configuration.

use super::client::{Assumption, Client, ClientDescription, ClientDevice, Credential, ELSEWHERE, PUBLIC_HOST};
use crate::client::{Proxy, Upgrade};
use openclaw_model::locality::is_loopback_authority;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};

/// The client address that a proxy sees. The address is reserved for documentation.
pub(super) const BEHIND_PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

/// Sets the address of the client, its proxy, its headers and its page.
pub(super) fn set(client: &mut Client, description: &ClientDescription, config: &Value, record: Option<&Value>) {
    client.peer = peer(client, description, record);
    // A log can say that the client sent no origin. Only for a page, that differs from an origin that is not specified.
    client.origin = description.origin.clone().filter(|origin| client.is_page || !origin.is_empty());
    let host = description.host.clone();
    let mut upgrade = Upgrade { host, headers: description.headers.clone(), ..Upgrade::default() };
    let allowed = description.origin.is_none().then(|| allowed_host(config, scheme(description, config))).flatten();
    if let Some(via) = description.via {
        let host = description.host.clone().or(allowed).unwrap_or_else(|| PUBLIC_HOST.to_owned());
        via.apply(&mut upgrade, BEHIND_PROXY, &host);
        if via.adds_headers() && client.is_page {
            client.origin.get_or_insert_with(|| format!("https://{host}"));
        }
        let explicit = |name: &str| description.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        for (name, value) in &mut upgrade.headers {
            if let Some((_, ours)) = explicit(name) {
                value.clone_from(ours);
            }
        }
    } else if is_host_assumed(client, description) {
        if scheme(description, config) == "https" {
            client.origin = allowed.as_ref().map(|host| format!("https://{host}"));
        }
        upgrade.host = allowed;
    }
    client.host = upgrade.host;
    client.headers = upgrade.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
}

/// The address that the gateway sees. A phone cannot run on the gateway's machine.
fn peer(client: &Client, description: &ClientDescription, record: Option<&Value>) -> IpAddr {
    let is_elsewhere = client.is_phone() && description.via.is_none() && description.headers.is_empty();
    let seen = record.and_then(|record| record.get("remoteIp")?.as_str()?.parse::<IpAddr>().ok());
    let elsewhere = seen.filter(|seen| !is_loopback(*seen)).unwrap_or(ELSEWHERE);
    description.peer.unwrap_or(if is_elsewhere { elsewhere } else { client.peer })
}

/// The scheme of the pages that other machines open.
fn scheme(description: &ClientDescription, config: &Value) -> &'static str {
    if description.via.is_some_and(Proxy::adds_headers) || has_tls(config) { "https" } else { "http" }
}

fn has_tls(config: &Value) -> bool {
    config.pointer("/gateway/tls/enabled") == Some(&Value::Bool(true))
}

/// The host of the first allowed origin with this scheme that another machine can open.
fn allowed_host(config: &Value, scheme: &str) -> Option<String> {
    let allowed = config.pointer("/gateway/controlUi/allowedOrigins")?.as_array()?;
    let host = |origin: &Value| {
        let origin = origin.as_str()?.trim().to_ascii_lowercase();
        let host = origin.strip_prefix(scheme)?.strip_prefix("://")?.trim_end_matches('/');
        let is_name = !host.is_empty() && !host.contains(['/', '*', '@', '?', '#']) && !is_local_name(host);
        is_name.then(|| host.to_owned())
    };
    allowed.iter().find_map(host)
}

/// Whether the host that the client requests is assumed: a proxy or a page needs one, and the user names none.
pub(super) fn is_host_assumed(client: &Client, description: &ClientDescription) -> bool {
    let is_remote_page = client.is_page && !is_loopback(client.peer) && description.origin.is_none();
    let needs_one = match description.via {
        Some(via) => via.adds_headers(),
        None => is_remote_page && description.headers.is_empty(),
    };
    description.host.is_none() && needs_one
}

/// Whether the client is a page that is opened over plain http from another machine. Browsers give such a page no device
/// identity.
pub(super) fn is_insecure_page(client: &Client, config: &Value) -> bool {
    let is_plain = match (&client.origin, &client.host) {
        (Some(origin), _) => origin.strip_prefix("http://").is_some_and(|host| !is_local_name(host)),
        (None, Some(host)) => !is_local_name(host) && !has_tls(config),
        (None, None) => !has_tls(config),
    };
    client.is_page && !is_loopback(client.peer) && is_plain
}

/// Takes the device from a page. It then sends the secret of the gateway.
pub(super) fn drop_device(client: &mut Client) {
    client.who = ClientDevice::Nobody;
    if client.credential == Credential::DeviceToken(None) {
        client.credential = Credential::Shared;
    }
    client.assume(Assumption::InsecurePage, true);
}

/// Whether a host, with or without a port, is a name or an address of the machine itself. Browsers also resolve each name below
/// `localhost` to it.
fn is_local_name(host: &str) -> bool {
    is_loopback_authority(host) || host.split(':').next().is_some_and(|name| name.ends_with(".localhost"))
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
