//! The locked-out client.

use super::gateway::StartableGateway;
use clawcheck::Running;
use clawcheck::internal::{
    Auth, Challenge, ConnectRequest, Connection, Device, Incoming, Link, Reply, Transcript, Upgrade,
};
use openclaw_model::Facts;
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::proof::ProofVersion;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;
use tokio::time::Instant;

/// The shared token of the gateway.
pub(super) const TOKEN: &str = "t0ken-of-the-gateway-5b1f";
/// The shared password of the gateway.
pub(super) const PASSWORD: &str = "passw0rd-of-the-gateway-77a1";

/// The `auth` of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secret {
    Token,
    Password,
    Wrong,
    /// The device's own token from its record.
    Device,
    /// A setup code that was used before.
    Spent,
    /// The setup code of a remedy.
    SetupCode,
    None,
}

impl Secret {
    /// The value of `explain --auth`.
    pub(super) fn option(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Password => "password",
            Self::Wrong => "token=wr0ng",
            Self::Device => "device-token",
            Self::Spent | Self::SetupCode => "bootstrap-token=spent",
            Self::None => "none",
        }
    }
}

/// A client as the user describes it to `explain`.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub preset: &'static str,
    pub device: Option<&'static str>,
    pub role: &'static str,
    pub scopes: Vec<String>,
    pub platform: &'static str,
    pub secret: Secret,
    pub headers: Vec<(&'static str, &'static str)>,
    pub host: Option<&'static str>,
    pub origin: Option<&'static str>,
    /// It connects from an address of this machine other than loopback.
    pub elsewhere: bool,
}

/// An address of this machine other than loopback. Nothing is sent.
pub(super) fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.200:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_loopback())
}

/// The key of a device. The key of `server` is in the state directory.
pub(super) fn key(name: &str) -> DeviceKey {
    match name {
        "server" => DeviceKey::from_pem(crate::lockout::state_dir::PEM).unwrap(),
        _ => DeviceKey::from_name(name),
    }
}

/// A device with the proof that the clients of a release send.
pub(crate) fn device(facts: &Facts, name: &str) -> Device {
    let mut device = Device::new(key(name));
    device.version = if facts.client.device_tokens { ProofVersion::V3 } else { ProofVersion::V2 };
    device
}

/// The secrets as the clients of a release send them.
pub(crate) fn as_sent(facts: &Facts, mut auth: Auth) -> Auth {
    if !facts.client.device_tokens {
        auth.token = auth.device_token.take().or(auth.token);
    }
    auth
}

pub(crate) fn within(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

impl Client {
    pub(super) fn new(preset: &'static str, device: Option<&'static str>, scopes: &[&str]) -> Self {
        Self {
            preset,
            device,
            role: if ["node", "ios"].contains(&preset) { "node" } else { "operator" },
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            platform: "linux",
            secret: Secret::Token,
            headers: Vec::new(),
            host: None,
            origin: None,
            elsewhere: false,
        }
    }

    pub(super) fn with(mut self, change: impl Fn(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The options of `explain` that describe the client.
    pub(super) fn options(&self) -> Vec<String> {
        let device = self.device.map_or_else(|| "none".to_owned(), |name| key(name).device_id());
        let scopes = self.scopes.join(",");
        let mut options = [
            ("--as", self.preset),
            ("--device", &device),
            ("--role", self.role),
            ("--scopes", &scopes),
            ("--platform", self.platform),
            ("--auth", self.secret.option()),
        ]
        .iter()
        .flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()])
        .collect::<Vec<_>>();
        let mut add = |name: &str, value: String| options.extend([name.to_owned(), value]);
        self.headers.iter().for_each(|(name, value)| add("--header", format!("{name}: {value}")));
        self.host.iter().for_each(|host| add("--host", (*host).to_owned()));
        self.origin.iter().for_each(|origin| add("--origin", (*origin).to_owned()));
        own_address().filter(|_| self.elsewhere).iter().for_each(|peer| add("--peer", peer.to_string()));
        options
    }

    /// The link to the gateway.
    fn link(&self, running: &Running) -> Link {
        let peer = own_address().filter(|_| self.elsewhere);
        match (running.port(), peer) {
            (Some(port), Some(peer)) => Link::tcp(SocketAddr::new(peer, port)),
            _ => running.link(peer).unwrap(),
        }
    }

    fn upgrade(&self, running: &Running) -> Upgrade {
        let port = running.port().unwrap_or(40_189);
        let own = || (self.preset == "control-ui").then(|| format!("http://127.0.0.1:{port}"));
        Upgrade {
            host: self.host.map(str::to_owned),
            origin: self.origin.map(str::to_owned).or_else(own),
            headers: self.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..running.upgrade()
        }
    }

    fn auth(&self, token: Option<String>) -> Auth {
        match self.secret {
            Secret::Token => Auth { token: Some(TOKEN.to_owned()), ..Auth::default() },
            Secret::Password => Auth { password: Some(PASSWORD.to_owned()), ..Auth::default() },
            Secret::Wrong => Auth { token: Some("wr0ng".to_owned()), ..Auth::default() },
            Secret::Device => Auth { device_token: token, ..Auth::default() },
            Secret::Spent => Auth { bootstrap_token: Some("spent".to_owned()), ..Auth::default() },
            Secret::SetupCode => Auth { bootstrap_token: token, ..Auth::default() },
            Secret::None => Auth::default(),
        }
    }

    fn request(&self, release: &str, auth: Auth) -> ConnectRequest {
        let facts = Facts::of(release.parse().unwrap()).unwrap();
        let protocol = i64::from(facts.handshake.protocol);
        let auth = as_sent(&facts, auth);
        let mut request = ConnectRequest {
            protocol: (protocol, protocol),
            role: Some(self.role.to_owned()),
            scopes: Some(self.scopes.clone()),
            auth,
            device: self.device.map(|name| device(&facts, name)),
            ..ConnectRequest::default()
        };
        let (id, mode) = match self.preset {
            "cli" => ("cli", "cli"),
            "exec" => ("gateway-client", "backend"),
            "control-ui" => ("openclaw-control-ui", "webchat"),
            "node" => ("node-host", "node"),
            "ios" => ("openclaw-ios", "node"),
            "macos" => ("openclaw-macos", "ui"),
            other => panic!("no client {other}"),
        };
        request.client.id = id.to_owned();
        request.client.mode = mode.to_owned();
        request.client.platform = self.platform.to_owned();
        request.client.device_family = match self.preset {
            "ios" => Some("iPhone".to_owned()),
            "macos" => Some("Mac".to_owned()),
            _ => None,
        };
        request.patch = facts
            .handshake
            .control_ui_build
            .filter(|_| self.preset == "control-ui")
            .map(|build| json!({ "client": { "buildId": build } }));
        request
    }

    /// Connects, and uses the requested scopes.
    ///
    /// # Errors
    ///
    /// The refusal of the gateway.
    pub(super) async fn connect(
        &self,
        startable: &StartableGateway,
        running: &Running,
        token: Option<String>,
    ) -> Result<(), String> {
        let request = self.request(&startable.release, self.auth(token));
        let mut connection = open(|| self.link(running), &self.upgrade(running), &request, running.now()).await?;
        for (scope, method) in [("operator.pairing", "device.pair.list"), ("operator.read", "node.list")] {
            if self.scopes.iter().any(|requested| requested == scope) {
                call(&mut connection, method, json!({}))
                    .await
                    .map_err(|error| format!("let in without {scope}: {error}"))?;
            }
        }
        connection.abort();
        Ok(())
    }
}

/// The end of a connection whose connect the gateway did not handle in time, as on a busy machine. A refusal has another
/// code.
const HANDSHAKE_TIMEOUT: &str = "Closed(Closed { code: Some(1000), reason: \"\"";
/// The number of attempts of a client, which connects again after such an end.
const ATTEMPTS: usize = 5;

/// Opens a connection and sends the connect.
///
/// # Errors
///
/// The refusal of the gateway.
pub(crate) async fn open(
    link: impl Fn() -> Link,
    upgrade: &Upgrade,
    request: &ConnectRequest,
    now: i64,
) -> Result<Connection, String> {
    let mut answer = Err(String::new());
    for _ in 0..ATTEMPTS {
        answer = open_once(link(), upgrade, request, now).await;
        if !answer.as_ref().is_err_and(|error| error.starts_with(HANDSHAKE_TIMEOUT)) {
            break;
        }
    }
    answer
}

async fn open_once(link: Link, upgrade: &Upgrade, request: &ConnectRequest, now: i64) -> Result<Connection, String> {
    let recorder = Transcript::new().recorder("remedy");
    let mut connection =
        Connection::open(link, upgrade, recorder, within(20)).await.map_err(|error| error.to_string())?;
    let Incoming::Text(frame) = connection.next(within(20)).await else { return Err("no challenge".to_owned()) };
    let challenge = Challenge::from_payload(&frame.json.as_ref().unwrap()["payload"]);
    call(&mut connection, "connect", request.params(&challenge, now)).await?;
    Ok(connection)
}

/// Calls a method.
///
/// # Errors
///
/// The error of the gateway, or the end of the connection.
pub(crate) async fn call(connection: &mut Connection, method: &str, params: Value) -> Result<Value, String> {
    let pending = connection.request(method, params, within(20)).await.map_err(|error| error.to_string())?;
    match connection.response(&pending, within(20)).await {
        Reply::Response(frame) if frame["ok"] == true => Ok(frame["payload"].clone()),
        Reply::Response(frame) => Err(frame["error"].to_string()),
        other => Err(format!("{other:?}")),
    }
}
