//! The client, as the user describes it.

use super::{Credential, Preset};
use crate::client::Proxy;
use openclaw_model::Release;
use std::net::IpAddr;

/// The client, as the user describes it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientDescription {
    /// The kind of client.
    pub preset: Option<Preset>,
    /// `none`, `new`, an id or a prefix of it, or a name or a part of it.
    pub device: Option<String>,
    /// Whether the client is known to send a device, even if `device` does not name it.
    pub sends_device: bool,
    /// `--role`. `None`: the role of the client.
    pub role: Option<String>,
    /// `--scopes`. `None`: the scopes of the client.
    pub scopes: Option<Vec<String>>,
    /// `--platform`. `None`: the platform of the record.
    pub platform: Option<String>,
    /// The proxy between the client and the gateway.
    pub via: Option<Proxy>,
    /// Headers, with names in lower case. They override those of the proxy.
    pub headers: Vec<(String, String)>,
    /// The `Origin` header.
    pub origin: Option<String>,
    /// The `Host` header.
    pub host: Option<String>,
    /// The peer's address.
    pub peer: Option<IpAddr>,
    /// `--auth`. `None`: the default for the client.
    pub credential: Option<Credential>,
    /// Whether the `openclaw` command, without `--auth`, sends the credentials in its own files and its environment.
    pub with_own_credentials: bool,
    /// The gateway's release.
    pub release: Option<Release>,
    /// The client's release.
    pub client_release: Option<Release>,
}
