//! Tests that connect to the model: what each check must accept and refuse.

mod credentials;
mod devices;
mod frames;
mod immediate_pairing;
mod mutants;
mod newest;
mod origins;
mod pairing;
mod presence;
mod welcome;

use crate::counting_entropy::CountingEntropy;
use crate::handshake::ProofForm;
use crate::{ConnectionId, Effect, Environment, Facts, GatewayConfig, Input, Model, Outcome, Peer};
use openclaw_protocol::frame::ServerFrame;
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::proof::{Proof, ProofVersion};
use openclaw_protocol::store::{Document, Documents, MemoryDocuments};
use serde_json::{Value, json};

const NOW: i64 = 1_700_000_000_000;
const TOKEN: &str = "right";

/// A gateway in memory.
struct TestGateway {
    model: Model,
    store: MemoryDocuments,
    entropy: CountingEntropy,
    now: i64,
    connections: u64,
}

/// A gateway of a release with the token [`TOKEN`].
fn gateway(release: &str) -> TestGateway {
    gateway_with(release, |_| {})
}

/// The same with other settings.
fn gateway_with(release: &str, settings: impl FnOnce(&mut GatewayConfig)) -> TestGateway {
    let mut config = GatewayConfig { token: Some(TOKEN.to_owned()), ..GatewayConfig::default() };
    settings(&mut config);
    let model = Model::new(Facts::of(release.parse().unwrap()).unwrap(), config);
    TestGateway { model, store: MemoryDocuments::new(), entropy: CountingEntropy(0), now: NOW, connections: 0 }
}

impl TestGateway {
    fn with(mut self, document: Document, value: Value) -> Self {
        self.store = self.store.with(document, value);
        self
    }

    fn handle(&mut self, input: Input) -> Outcome {
        let mut environment = Environment { now: self.now, store: &mut self.store, entropy: &mut self.entropy };
        self.model.handle(input, &mut environment)
    }

    /// Opens a connection. Returns its id and its nonce.
    fn open(&mut self, peer: Peer) -> (ConnectionId, String) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let outcome = self.handle(Input::Open { connection, peer });
        let nonce = match outcome.effects.first() {
            Some(Effect::Send { frame: ServerFrame::Event { payload: Some(payload), .. }, .. }) => {
                payload["nonce"].as_str().unwrap().to_owned()
            }
            _ => String::new(),
        };
        (connection, nonce)
    }

    fn connect(&mut self, connect: &Connect) -> Answer {
        let (connection, nonce) = self.open(connect.peer());
        let mut connect = connect.clone();
        if self.model.rules.handshake.proof_form == ProofForm::V2 {
            connect.version = ProofVersion::V2;
        }
        let frame = connect.frame(&nonce, self.now);
        let outcome = self.handle(Input::Message { connection, data: frame.to_string().into_bytes() });
        Answer::of(connection, outcome)
    }

    fn document(&self, document: Document) -> Value {
        self.store.read(document).map(|value| Value::clone(&value)).unwrap_or_default()
    }
}

/// A connect. Default: the CLI of device `d` on loopback with the correct token, as an operator with `operator.read`.
#[derive(Clone)]
struct Connect {
    device: Option<&'static str>,
    client: (&'static str, &'static str),
    /// Platform and device family.
    machine: (&'static str, Option<&'static str>),
    role: &'static str,
    scopes: Vec<&'static str>,
    auth: Value,
    address: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    version: ProofVersion,
    /// Changes the parameters after they were signed.
    tamper: fn(&mut Value),
}

fn cli() -> Connect {
    Connect {
        device: Some("d"),
        client: ("cli", "cli"),
        machine: ("linux", None),
        role: "operator",
        scopes: vec!["operator.read"],
        auth: json!({ "token": TOKEN }),
        address: "127.0.0.1",
        headers: vec![("host", "127.0.0.1:18789")],
        version: ProofVersion::V3,
        tamper: |_| {},
    }
}

impl Connect {
    fn client(mut self, id: &'static str, mode: &'static str) -> Self {
        self.client = (id, mode);
        self
    }

    fn machine(mut self, platform: &'static str, family: &'static str) -> Self {
        self.machine = (platform, Some(family));
        self
    }

    fn without_device(mut self) -> Self {
        self.device = None;
        self
    }

    fn role(mut self, role: &'static str) -> Self {
        self.role = role;
        self
    }

    fn scopes(mut self, scopes: &[&'static str]) -> Self {
        self.scopes = scopes.to_vec();
        self
    }

    fn auth(mut self, auth: Value) -> Self {
        self.auth = auth;
        self
    }

    fn from(mut self, address: &'static str) -> Self {
        self.address = address;
        self
    }

    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value));
        self
    }

    fn tampered(mut self, tamper: fn(&mut Value)) -> Self {
        self.tamper = tamper;
        self
    }

    fn peer(&self) -> Peer {
        let headers = self.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Peer { address: self.address.parse().unwrap(), headers }
    }

    fn frame(&self, nonce: &str, now: i64) -> Value {
        let mut params = json!({
            "minProtocol": 3, "maxProtocol": 3, "role": self.role, "scopes": self.scopes, "auth": self.auth,
            "client": { "id": self.client.0, "version": "1", "platform": self.machine.0, "mode": self.client.1 },
        });
        if let Some(family) = self.machine.1 {
            params["client"]["deviceFamily"] = json!(family);
        }
        if let Some(name) = self.device {
            let key = DeviceKey::from_name(name);
            let token = ["token", "deviceToken", "bootstrapToken"].into_iter().find_map(|key| self.auth[key].as_str());
            let scopes: Vec<String> = self.scopes.iter().map(|scope| (*scope).to_owned()).collect();
            let proof = Proof {
                device_id: &key.device_id(),
                client_id: self.client.0,
                client_mode: self.client.1,
                role: self.role,
                scopes: &scopes,
                signed_at_ms: now,
                token: token.unwrap_or_default(),
                nonce,
                platform: Some(self.machine.0),
                device_family: self.machine.1,
            };
            params["device"] = json!({
                "id": key.device_id(), "publicKey": key.public_key(), "signedAt": now, "nonce": nonce,
                "signature": key.sign(&proof.payload(self.version)),
            });
        }
        (self.tamper)(&mut params);
        json!({ "type": "req", "id": "1", "method": "connect", "params": params })
    }
}

/// What a connection received.
#[derive(Debug)]
struct Answer {
    connection: ConnectionId,
    /// The payload of `hello-ok`, or the error, or null.
    payload: Value,
    close: Option<(u16, String)>,
    reasons: String,
    /// Events on any connection: name and payload.
    events: Vec<(String, Value)>,
}

impl Answer {
    fn of(connection: ConnectionId, outcome: Outcome) -> Self {
        let mut answer =
            Self { connection, payload: Value::Null, close: None, reasons: String::new(), events: Vec::new() };
        for effect in outcome.effects {
            match effect {
                Effect::Send { connection: to, frame: ServerFrame::Res { payload, error, .. } } if to == connection => {
                    answer.payload = payload.unwrap_or_else(|| serde_json::to_value(error).unwrap());
                }
                Effect::Send { frame: ServerFrame::Event { event, payload, .. }, .. } => {
                    answer.events.push((event, payload.unwrap_or_default()));
                }
                Effect::Close { connection: to, code, reason } if to == connection => {
                    answer.close = Some((code, reason));
                }
                _ => {}
            }
        }
        answer.reasons = outcome.trace.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        answer
    }

    /// `hello`, or the code and the reason of the details, or the message, or the bare close.
    fn verdict(&self) -> String {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let payload = &self.payload;
        if payload["type"] == "hello-ok" {
            return "hello".to_owned();
        }
        match (text(&payload["details"]["code"]), text(&payload["details"]["reason"]), text(&payload["message"])) {
            (Some(code), Some(reason), _) => format!("{code} {reason}"),
            (Some(code), None, _) => code,
            (None, _, Some(message)) => message,
            _ => self.close.as_ref().map(|(code, reason)| format!("close {code} {reason}")).unwrap_or_default(),
        }
    }

    fn close_reason(&self) -> &str {
        self.close.as_ref().map_or("", |(_, reason)| reason)
    }

    fn close_code(&self) -> Option<u16> {
        self.close.as_ref().map(|(code, _)| *code)
    }
}

/// A paired record of a device, as operator with these scopes, with an operator token `tok`.
fn paired(name: &str, scopes: &[&str]) -> Value {
    let key = DeviceKey::from_name(name);
    json!({ key.device_id(): {
        "deviceId": key.device_id(), "publicKey": key.public_key(), "platform": "linux", "clientId": "cli",
        "clientMode": "cli", "role": "operator", "roles": ["operator"], "scopes": scopes, "approvedScopes": scopes,
        "tokens": { "operator": { "token": "tok", "role": "operator", "scopes": scopes, "createdAtMs": 1 } },
        "createdAtMs": 1, "approvedAtMs": 1,
    } })
}

/// [`paired`] with its record changed.
fn paired_with(name: &str, scopes: &[&str], change: impl FnOnce(&mut Value)) -> Value {
    let mut all = paired(name, scopes);
    change(&mut all[DeviceKey::from_name(name).device_id()]);
    all
}
