//! A gateway, built from a state directory, a configuration and a release, and one client that connects to it. All of
//! it is in memory: the model of the release computes the answer, and no socket is opened.

use super::client::{Client, ClientDevice, Credential};
use super::client_tokens::StoredToken;
use super::store_before_start::StoreBeforeStart;
use crate::client::connect::{Auth, Challenge, ClientInfo, ConnectRequest, Device};
use openclaw_emulator::settings::{DEFAULT_PORT, Settings, StartRefusal};
use openclaw_emulator::stored_documents::StoredDocuments;
use openclaw_model::facts::client::ClientFacts;
use openclaw_model::{
    Access, AuthMode, ConnectionId, Effect, Entropy, Environment, Facts, GatewayConfig, Input, Model, Peer, Release,
    TraceLine,
};
use openclaw_protocol::frame::{ErrorShape, ServerFrame};
use openclaw_protocol::proof::ProofVersion;
use openclaw_protocol::store::{Document, Documents as _};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// The only connection of a gateway.
const CONNECTION: ConnectionId = ConnectionId(0);
/// The beginning of each id that [`Counter`] gives, and the number of digits after it.
const NEW_ID: &str = "00000000-0000-4000-8000-";
const NEW_ID_DIGITS: usize = 12;

/// Everything that an answer depends on.
#[derive(Clone)]
pub(crate) struct SimulatedGateway {
    /// The release.
    pub facts: Facts,
    /// The `openclaw.json`.
    pub config: Value,
    /// The environment of the gateway.
    pub env: Vec<(String, String)>,
    /// The store.
    pub stored: StoreBeforeStart,
    /// The client whose connect is computed.
    pub client: Client,
    /// The device that the client has. The client does not send it to every gateway. `None` if the user names the device, which
    /// the client then sends.
    pub usual_device: Option<ClientDevice>,
    /// The device of the `openclaw` command on the gateway's machine.
    pub own: ClientDevice,
    /// The device tokens that the `openclaw` command keeps for this device.
    pub own_tokens: Vec<StoredToken>,
    /// Whether the client is the `openclaw` command and takes its credentials from its own files and its environment.
    pub sends_own_credentials: bool,
    /// The facts of the client's release. `None` if the client has the gateway's release.
    pub other_client: Option<Facts>,
    /// The current time, in milliseconds since the epoch.
    pub now: i64,
}

/// A gateway that has started.
#[derive(Clone)]
pub(crate) struct Gateway {
    /// The release.
    pub facts: Facts,
    /// The resolved configuration.
    pub config: GatewayConfig,
    /// The store of the gateway.
    pub store: StoredDocuments,
    /// The log lines of the start.
    pub log: Vec<String>,
    entropy: Counter,
}

/// The answer to a connect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// The gateway does not start.
    NoStart(StartRefusal),
    /// The upgrade is refused.
    NoUpgrade {
        /// HTTP status.
        status: u16,
        /// Response body.
        body: String,
    },
    /// The connect is refused.
    Refused {
        /// The response, if there is one.
        error: Option<Box<ErrorShape>>,
        /// Close code and reason.
        close: Option<(u16, String)>,
    },
    /// The client is admitted.
    LetIn(Access),
}

/// An answer and its explanation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// The answer.
    pub verdict: Verdict,
    /// The checks, in order.
    pub trace: Vec<TraceLine>,
    /// The requested scopes that the client did not get.
    pub withheld: Vec<String>,
    /// The scopes in hello-ok. They are those of the device's token, which can differ from the granted ones.
    pub announced: Option<Vec<String>>,
}

impl Answer {
    /// Whether the client is admitted with all requested scopes.
    pub(crate) fn succeeds(&self) -> bool {
        matches!(self.verdict, Verdict::LetIn(_)) && self.withheld.is_empty()
    }

    fn of_refused_start(refusal: StartRefusal) -> Self {
        Self { verdict: Verdict::NoStart(refusal), trace: Vec::new(), withheld: Vec::new(), announced: None }
    }
}

impl SimulatedGateway {
    /// Starts the gateway.
    ///
    /// # Errors
    /// The release refuses to start with this configuration or store.
    pub(crate) fn start(&self) -> Result<Gateway, StartRefusal> {
        let settings = Settings::resolve(self.facts.release, &self.config, &self.env)?;
        let (store, log) = self.stored.started(self.facts.pairing.format, self.now, &self.client.who)?;
        Ok(Gateway { facts: self.facts.clone(), config: settings.gateway, store, log, entropy: Counter::default() })
    }

    /// What the client of the client's release offers.
    pub(crate) fn client_facts(&self) -> &ClientFacts {
        &self.other_client.as_ref().unwrap_or(&self.facts).client
    }

    /// The client's release.
    pub(super) fn client_release(&self) -> Release {
        self.other_client.as_ref().unwrap_or(&self.facts).release
    }

    /// The resolved configuration. `None` if the release refuses it.
    pub(crate) fn settings(&self) -> Option<GatewayConfig> {
        Settings::resolve(self.facts.release, &self.config, &self.env).ok().map(|settings| settings.gateway)
    }

    /// The handshake timeout of the gateway, in milliseconds.
    pub(crate) fn handshake_timeout_ms(&self) -> u64 {
        let set = self.settings().and_then(|settings| settings.handshake_timeout_ms);
        set.unwrap_or(self.facts.handshake.timeout_ms)
    }

    /// The record of the client's device after a start on the store, even if the configuration prevents the start.
    pub(crate) fn record(&self) -> Option<Value> {
        self.record_of(&self.client.who)
    }

    /// The record of the client's device, even if the client does not send the device.
    pub(super) fn record_of_device(&self) -> Option<Value> {
        self.record_of(self.usual_device.as_ref().unwrap_or(&self.client.who))
    }

    fn record_of(&self, who: &ClientDevice) -> Option<Value> {
        record(&self.stored.started(self.facts.pairing.format, self.now, who).ok()?.0, who)
    }

    /// Whether a gateway starts on the store.
    pub(crate) fn has_store(&self) -> bool {
        self.stored.started(self.facts.pairing.format, self.now, &self.client.who).is_ok()
    }

    /// The `Host` header of a client that connects directly.
    pub(crate) fn host(&self) -> String {
        address(self.client.peer, self.settings().map_or(DEFAULT_PORT, |settings| settings.port))
    }

    /// Starts the gateway and connects.
    pub(crate) fn answer(&self) -> Answer {
        self.answer_after(&mut self.start())
    }

    /// Connects to a gateway that other clients may have connected to. It answers with its start if it was refused.
    pub(crate) fn answer_after(&self, gateway: &mut Result<Gateway, StartRefusal>) -> Answer {
        match gateway {
            Ok(gateway) => gateway.connect(self),
            Err(refusal) => Answer::of_refused_start(refusal.clone()),
        }
    }
}

impl Gateway {
    /// Connects to the gateway as after a restart: only the store keeps its contents between two calls.
    pub(crate) fn connect(&mut self, simulated: &SimulatedGateway) -> Answer {
        let client = &simulated.client;
        let mut model = Model::new(self.facts.clone(), self.config.clone());
        let peer = Peer { address: client.peer, headers: headers(client, self.config.port) };
        let mut trace = Vec::new();
        let mut effects =
            self.handle(&mut model, Input::Open { connection: CONNECTION, peer }, simulated.now, &mut trace);
        let nonce = effects.iter().find_map(nonce);
        if let Some(nonce) = nonce {
            let params = self.params(simulated, nonce);
            let request = json!({"type": "req", "id": "connect-1", "method": "connect", "params": params});
            let data = request.to_string().into_bytes();
            effects =
                self.handle(&mut model, Input::Message { connection: CONNECTION, data }, simulated.now, &mut trace);
        }
        let announced = effects.iter().find_map(announced);
        let verdict = match model.access(CONNECTION) {
            Some(held) => Verdict::LetIn(held),
            None => refusal(effects),
        };
        let withheld = match &verdict {
            Verdict::LetIn(held) => {
                client.scopes.iter().filter(|scope| !held.scopes.contains(scope)).cloned().collect()
            }
            _ => Vec::new(),
        };
        Answer { verdict, trace, withheld, announced }
    }

    fn handle(&mut self, model: &mut Model, input: Input, now: i64, trace: &mut Vec<TraceLine>) -> Vec<Effect> {
        let mut environment = Environment { now, store: &mut self.store, entropy: &mut self.entropy };
        let outcome = model.handle(input, &mut environment);
        let without_new_ids = |line: TraceLine| TraceLine { sentence: without_new_ids(&line.sentence), ..line };
        trace.extend(outcome.trace.into_iter().map(without_new_ids));
        outcome.effects
    }

    fn params(&self, simulated: &SimulatedGateway, nonce: String) -> Value {
        let client = &simulated.client;
        let offers = simulated.client_facts();
        let mut auth = self.auth(client);
        let device = client.who.key().map(|key| {
            let mut device = Device::new(key.clone());
            device.version = if offers.device_tokens { ProofVersion::V3 } else { ProofVersion::V2 };
            device
        });
        if !offers.device_tokens && auth.token.is_none() {
            auth.token = auth.device_token.take();
        }
        let mut patch = Map::new();
        if client.is_page
            && let Some(build) = self.facts.handshake.control_ui_build
        {
            patch.insert("client".to_owned(), json!({ "buildId": build }));
        }
        let request = ConnectRequest {
            protocol: (offers.protocols.0.into(), offers.protocols.1.into()),
            client: ClientInfo {
                id: client.id.clone(),
                mode: client.mode.clone(),
                platform: client.platform.clone(),
                device_family: client.family.clone(),
                ..ClientInfo::default()
            },
            role: Some(client.role.clone()),
            scopes: Some(client.scopes.clone()),
            auth,
            device,
            patch: (!patch.is_empty()).then_some(Value::Object(patch)),
        };
        request.params(&Challenge { nonce: Some(nonce), ts: Some(simulated.now) }, simulated.now)
    }

    /// The credentials that the client sends to this gateway.
    pub(crate) fn auth(&self, client: &Client) -> Auth {
        let mut auth = Auth::default();
        let (token, password) = (self.config.token.clone(), self.config.password.clone());
        match &client.credential {
            Credential::Shared => match self.config.auth_mode {
                AuthMode::Token => auth.token = token,
                AuthMode::Password => auth.password = password,
                AuthMode::None | AuthMode::TrustedProxy => {}
            },
            Credential::Token(given) => auth.token = given.clone().or(token),
            Credential::Password(given) => auth.password = given.clone().or(password),
            Credential::DeviceToken(given) => auth.device_token = given.clone().or_else(|| self.device_token(client)),
            Credential::Bootstrap(given) => auth.bootstrap_token = Some(given.clone()),
            Credential::None => {}
        }
        auth
    }

    /// The token in the device's record for the role that the client requests.
    pub(crate) fn device_token(&self, client: &Client) -> Option<String> {
        let id = client.who.key()?.device_id();
        let paired = self.store.read(Document::DevicesPaired)?;
        let token = paired.get(&id)?.get("tokens")?.get(&client.role)?.get("token")?;
        token.as_str().map(str::to_owned)
    }

    /// The record of a client's device.
    pub(crate) fn record(&self, client: &Client) -> Option<Value> {
        record(&self.store, &client.who)
    }

    /// Takes over the store of an earlier run of this gateway, and its source of ids: an id is never given twice.
    pub(crate) fn continue_from(&mut self, earlier: Self) {
        self.store = earlier.store;
        self.entropy = earlier.entropy;
    }

    /// The store, and the source of ids and tokens, for manual changes to the store.
    pub(crate) fn parts(&mut self) -> (&mut StoredDocuments, &mut dyn Entropy) {
        (&mut self.store, &mut self.entropy)
    }
}

fn record(store: &StoredDocuments, who: &ClientDevice) -> Option<Value> {
    store.read(Document::DevicesPaired)?.get(who.key()?.device_id().as_str()).cloned()
}

/// The gateway's address, from the point of view of the client.
pub(super) fn address(peer: IpAddr, port: u16) -> String {
    if peer.to_canonical().is_loopback() { format!("127.0.0.1:{port}") } else { format!("gateway:{port}") }
}

fn headers(client: &Client, port: u16) -> Vec<(String, String)> {
    let host = client.host.clone().unwrap_or_else(|| address(client.peer, port));
    let origin = client.origin.clone().or_else(|| client.is_page.then(|| format!("http://{host}")));
    let mut headers = vec![("host".to_owned(), host)];
    headers.extend(origin.map(|origin| ("origin".to_owned(), origin)));
    headers.extend(client.headers.iter().cloned());
    headers
}

fn nonce(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Send { frame: ServerFrame::Event { payload: Some(payload), .. }, .. } => {
            payload.get("nonce")?.as_str().map(str::to_owned)
        }
        _ => None,
    }
}

fn announced(effect: &Effect) -> Option<Vec<String>> {
    let Effect::Send { frame: ServerFrame::Res { payload: Some(payload), .. }, .. } = effect else { return None };
    let scopes = payload.get("auth")?.get("scopes")?.as_array()?;
    Some(scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn refusal(effects: Vec<Effect>) -> Verdict {
    let (mut error, mut close) = (None, None);
    for effect in effects {
        match effect {
            Effect::RefuseUpgrade { status, body, .. } => return Verdict::NoUpgrade { status, body },
            Effect::Send { connection: CONNECTION, frame: ServerFrame::Res { error: Some(mut shape), .. } } => {
                shape.message = without_new_ids(&shape.message);
                error = Some(Box::new(shape));
            }
            Effect::Close { connection: CONNECTION, code, reason } => close = Some((code, without_new_ids(&reason))),
            Effect::Send { .. } | Effect::Close { .. } | Effect::Log(_) => {}
        }
    }
    Verdict::Refused { error, close }
}

/// Puts a placeholder in place of the id of a new request, which no real gateway has.
fn without_new_ids(text: &str) -> String {
    let mut parts = text.split(NEW_ID);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + "<request-id>" + part.get(NEW_ID_DIGITS..).unwrap_or_default())
}

/// Generates ids and tokens from a counter. They are never sent to a gateway.
#[derive(Debug, Clone, Default)]
struct Counter(u64);

impl Entropy for Counter {
    fn uuid(&mut self) -> [u8; 16] {
        self.0 += 1;
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&self.0.to_be_bytes());
        bytes
    }

    fn token(&mut self) -> [u8; 32] {
        self.0 += 1;
        let mut bytes = [0; 32];
        bytes[24..].copy_from_slice(&self.0.to_be_bytes());
        bytes
    }
}
