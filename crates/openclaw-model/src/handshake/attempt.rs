//! One connect while it is checked.

use super::HandshakeRules;
use crate::address;
use crate::locality::{self, Locality};
use crate::model::Connection;
use crate::origin::Origin;
use crate::{ConnectionId, Peer};
use openclaw_protocol::client::{self, mode};
use openclaw_protocol::connect::{ClientInfo, ConnectParams};

/// The rate limit's address for all browser clients on loopback, in releases without a rate limit for each origin.
const BROWSER_ON_LOOPBACK: &str = "198.18.0.1";
/// The prefix of the key for the rate limit of an origin.
pub(super) const BROWSER_ORIGIN_PREFIX: &str = "browser-origin:";

/// A connect with a valid frame, protocol range and role.
pub(super) struct Attempt {
    pub connection: ConnectionId,
    /// The gateway's id of the connection.
    pub conn_id: String,
    /// The id of the request.
    pub frame_id: String,
    pub params: ConnectParams,
    /// `operator` or `node`.
    pub role: &'static str,
    /// The scopes that the connect can still get.
    pub scopes: Vec<String>,
    pub peer: Peer,
    /// The nonce of the challenge.
    pub nonce: String,
    pub locality: Locality,
    /// The `Origin` header, unless it is blank.
    pub origin: Option<String>,
    /// The address that failed credentials are counted for.
    pub limit_address: Option<String>,
}

impl Attempt {
    pub(super) fn new(
        rules: &HandshakeRules,
        connection: ConnectionId,
        open: &Connection,
        frame_id: String,
        params: ConnectParams,
        role: &'static str,
    ) -> Self {
        let scopes = params.scopes.clone().unwrap_or_default();
        let origin = locality::joined(&open.peer, "origin").filter(|origin| !origin.trim().is_empty());
        let limit_address = limit_address(rules, &open.locality, origin.as_deref());
        Self {
            connection,
            conn_id: open.conn_id.clone(),
            frame_id,
            params,
            role,
            scopes,
            peer: open.peer.clone(),
            nonce: open.nonce.clone(),
            locality: open.locality.clone(),
            origin,
            limit_address,
        }
    }

    pub(super) fn client(&self) -> &ClientInfo {
        &self.params.client
    }

    /// Whether the client is the Control UI or the terminal user interface.
    pub(super) fn is_operator_ui(&self) -> bool {
        matches!(self.client().id.as_str(), client::CONTROL_UI | client::TUI)
    }

    /// Whether the client is the Control UI.
    pub(super) fn is_control_ui(&self) -> bool {
        self.client().id == client::CONTROL_UI
    }

    /// Whether the client is the copilot in a browser's side panel.
    pub(super) fn is_copilot(&self) -> bool {
        self.client().id == client::BROWSER_COPILOT
    }

    pub(super) fn is_webchat(&self) -> bool {
        self.client().mode == mode::WEBCHAT || self.client().id == client::WEBCHAT_UI
    }

    pub(super) fn is_cli(&self) -> bool {
        self.client().mode == mode::CLI
    }

    /// Whether the client is the gateway's own client on this host.
    pub(super) fn is_local_backend(&self) -> bool {
        let client = self.client();
        (client.id.as_str(), client.mode.as_str()) == (client::GATEWAY_CLIENT, mode::BACKEND)
            && self.locality.direct
            && self.origin.is_none()
    }

    /// Whether the client is the command line client on this host.
    pub(super) fn is_local_cli(&self) -> bool {
        let client = self.client();
        (client.id.as_str(), client.mode.as_str()) == (client::CLI, mode::CLI)
            && self.locality.direct
            && self.origin.is_none()
    }

    /// The unchanged `Host` header.
    pub(super) fn host(&self) -> Option<&str> {
        self.peer.header("host")
    }
}

/// Browsers on loopback are not counted as loopback. Otherwise, every page would be exempt.
fn limit_address(rules: &HandshakeRules, locality: &Locality, origin: Option<&str>) -> Option<String> {
    match (origin.filter(|_| rules.browsers_limited), locality.client_ip) {
        (Some(origin), Some(ip)) if address::is_loopback(ip) => {
            let parsed = if rules.browser_limit_per_origin { Origin::parse(origin) } else { None };
            Some(parsed.map_or_else(
                || BROWSER_ON_LOOPBACK.to_owned(),
                |parsed| format!("{BROWSER_ORIGIN_PREFIX}{}", parsed.origin.to_lowercase()),
            ))
        }
        (_, ip) => ip.map(|ip| ip.to_string()),
    }
}
