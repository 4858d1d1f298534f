//! Generates random stories. Each story is a scenario in the ordinary scenario language.
//!
//! A story is built as a YAML tree ([`story`]), and [`crate::scenario::writer`] writes it. It is then treated like
//! every scenario file: the ordinary parser, the ordinary plan, the ordinary run.

mod connects;
mod records;
mod requests;
mod rng;
mod settings;
#[cfg(test)]
mod tests;

use connects::{ConnectContext, connect};
use records::{Device, device, pending, scopes};
use rng::Rng;
use serde_json::{Map, Value, json};
use settings::{CONFIGURATIONS, settings};

/// The percentage of stories that need their own gateway. Requests that were pending before the start, restarts and
/// exec approvals prevent sharing.
const ALONE_PERCENT: u32 = 2;

/// Returns the story of a seed at an index, as the tree of the scenario's YAML. The same arguments always give the
/// same story.
pub(super) fn story(seed: u64, index: u64) -> Value {
    let rng = &mut Rng::new(seed, "story", index);
    // Configuration 0 is the default one. It is also the most common one in bug reports.
    let number = if rng.chance(25) { 0 } else { rng.between(0, CONFIGURATIONS - 1) };
    let gateway = settings(seed, number);
    let mut builder = StoryBuilder::new(rng, &gateway);
    if rng.chance(ALONE_PERCENT) {
        builder.add_unshareable(rng);
    } else {
        builder.add_steps(rng);
    }
    let mut scenario = Map::new();
    scenario.insert("scenario".to_owned(), json!(format!("Story {index} of seed {seed}")));
    scenario.insert("gateway".to_owned(), gateway);
    let store = builder.store();
    if !store.is_empty() {
        scenario.insert("store".to_owned(), Value::Object(store));
    }
    scenario.insert("steps".to_owned(), Value::Array(builder.steps));
    Value::Object(scenario)
}

/// A story under construction.
struct StoryBuilder {
    devices: Vec<Device>,
    paired: Map<String, Value>,
    pending: Map<String, Value>,
    bootstrap: Map<String, Value>,
    steps: Vec<Value>,
    /// The open connections, by name.
    held: Vec<String>,
    mode: String,
    has_password: bool,
}

impl StoryBuilder {
    fn new(rng: &mut Rng, gateway: &Value) -> Self {
        let mode = gateway.pointer("/auth/mode").and_then(Value::as_str).unwrap_or("token").to_owned();
        let mut builder = Self {
            devices: Vec::new(),
            paired: Map::new(),
            pending: Map::new(),
            bootstrap: Map::new(),
            steps: Vec::new(),
            held: Vec::new(),
            has_password: gateway.pointer("/auth/password").is_some(),
            mode,
        };
        let names = ["laptop", "phone", "kitchen"];
        for name in &names[..rng.pick(&[(60, 1), (34, 2), (6, 3)])] {
            let (device, record) = device(rng, name);
            if let Some(record) = record {
                builder.paired.insert((*name).to_owned(), record);
            }
            builder.devices.push(device);
        }
        if rng.chance(4) {
            builder.bootstrap.insert("code".to_owned(), bootstrap(rng));
        }
        builder
    }

    fn store(&mut self) -> Map<String, Value> {
        let parts = [("paired", &mut self.paired), ("pending", &mut self.pending), ("bootstrap", &mut self.bootstrap)];
        let fields = parts.into_iter().filter(|(_, part)| !part.is_empty());
        fields.map(|(name, part)| (name.to_owned(), Value::Object(std::mem::take(part)))).collect()
    }

    /// Adds some steps: connects, and requests on open connections.
    fn add_steps(&mut self, rng: &mut Rng) {
        for _ in 0..rng.between(2, 6) {
            match rng.between(0, 99) {
                0..62 => self.connect(rng),
                62..86 => {
                    let who = self.privileged_connection(rng);
                    self.request(rng, &who);
                }
                86..97 => match self.held.clone().as_slice() {
                    [] => self.connect(rng),
                    held => {
                        let on = rng.any(held);
                        self.request(rng, &on);
                    }
                },
                _ => self.raw(rng),
            }
        }
    }

    /// Adds steps that need a gateway of their own.
    fn add_unshareable(&mut self, rng: &mut Rng) {
        match rng.between(0, 2) {
            0 => {
                for device in &self.devices {
                    self.pending.insert(device.name.to_owned(), pending(rng, device));
                }
                self.add_steps(rng);
            }
            1 => {
                self.add_steps(rng);
                self.steps.push(json!({ "restart": {} }));
                self.held.clear();
                self.add_steps(rng);
            }
            _ => self.exec_approval(rng),
        }
    }

    fn connect(&mut self, rng: &mut Rng) {
        let device = rng.any(&self.devices);
        let bootstrap: &[&str] = if self.bootstrap.is_empty() { &[] } else { &["code"] };
        let known = self.devices.iter().map(|device| device.name).filter(|name| self.knows(name)).collect::<Vec<_>>();
        let context = ConnectContext { known: &known, mode: &self.mode, has_password: self.has_password, bootstrap };
        let mut step = json!({ "connect": connect(rng, &device, &context) });
        if rng.chance(35) {
            let name = self.name_for("line");
            step["as"] = json!(name);
            self.held.push(name);
        } else if rng.chance(6) {
            step["repeat"] = json!(rng.between(2, 3));
        }
        self.steps.push(step);
    }

    /// Returns a name that no connection of the story has had.
    fn name_for(&self, kind: &str) -> String {
        format!("{kind}-{}", self.steps.len())
    }

    /// Opens a connection of a device that may decide about other devices, or of one with fewer rights.
    fn privileged_connection(&mut self, rng: &mut Rng) -> String {
        let (name, device, has): (_, _, &[&str]) = rng.pick(&[
            (7, ("boss", "admin", &["operator.admin"][..])),
            (2, ("clerk", "pairer", &["operator.pairing"][..])),
            (1, ("guest", "reader", &["operator.read"][..])),
        ]);
        if let Some(held) = self.held.iter().find(|held| held.starts_with(name)) {
            return held.clone();
        }
        self.paired.insert(device.to_owned(), json!({ "scopes": has }));
        let held = self.name_for(name);
        let connect = json!({ "device": device, "role": "operator", "scopes": has });
        self.steps.push(json!({ "connect": connect, "as": held }));
        self.held.push(held.clone());
        held
    }

    fn request(&mut self, rng: &mut Rng, on: &str) {
        let mut about = self.devices.clone();
        // Sometimes the target is one of the deciding devices itself.
        if rng.chance(10) && self.paired.contains_key("admin") {
            let scopes = vec!["operator.admin"];
            about.push(Device { name: "admin", role: "operator", scopes, client: ("cli", "cli"), platform: None });
        }
        let mut step = requests::request(rng, on, &about);
        let misses = |device: &str| !self.knows(device);
        let unknown = ["approve", "reject", "remove", "rotate", "revoke"]
            .iter()
            .find_map(|request| step.get(*request)?.get("device")?.as_str())
            .is_some_and(misses)
            || (step.get("call").is_some() && about.iter().any(|device| misses(device.name)));
        if unknown {
            step = json!({ "list": { "by": on } });
        }
        self.steps.push(step);
    }

    /// Whether a device is in the store or has connected.
    fn knows(&self, device: &str) -> bool {
        let connects = |step: &Value| step.pointer("/connect/device").and_then(Value::as_str) == Some(device);
        self.paired.contains_key(device) || self.pending.contains_key(device) || self.steps.iter().any(connects)
    }

    /// Adds frames that are not a connect.
    fn raw(&mut self, rng: &mut Rng) {
        let name = self.name_for("raw");
        self.steps.push(json!({ "open": {}, "as": name }));
        let frame = rng.any(&[
            json!({ "text": "{" }),
            json!({ "text": "" }),
            json!({ "json": [] }),
            json!({ "json": { "type": "req", "id": "1", "method": "health" } }),
            json!({ "json": { "type": "req", "id": "", "method": "connect", "params": {} } }),
            json!({ "json": { "type": "req", "id": "1", "method": "connect" } }),
            json!({ "json": { "type": "req", "id": "1", "method": "connect", "params": { "minProtocol": 3 } } }),
            json!({ "json": { "type": "event", "event": "connect.challenge" } }),
            json!({ "base64": "AAEC" }),
        ]);
        self.steps.push(json!({ "send": { "on": name, "frame": frame } }));
    }

    /// A tool requests an approval. Sometimes an operator decides about it.
    fn exec_approval(&mut self, rng: &mut Rng) {
        let client = json!({ "id": "gateway-client", "mode": "backend" });
        let anything = scopes(rng);
        let tool = rng.any(&[vec!["operator.approvals"], vec!["operator.admin"], anything]);
        self.paired.insert("tool".to_owned(), json!({ "scopes": tool, "client": client }));
        let person = rng.any(&[vec!["operator.approvals"], vec!["operator.admin"], vec!["operator.read"]]);
        self.paired.insert("person".to_owned(), json!({ "scopes": person }));
        if rng.chance(80) {
            let connect = json!({ "device": "person", "role": "operator", "scopes": person });
            self.steps.push(json!({ "connect": connect, "as": "person" }));
        }
        let connect = json!({ "device": "tool", "role": "operator", "scopes": tool, "client": client });
        self.steps.push(json!({ "connect": connect, "as": "tool" }));
        let ask = rng.any(&["always", "on-miss", "off"]);
        let params = json!({ "id": "exec-1", "command": "uname -a", "host": "gateway", "ask": ask, "timeoutMs": 60000, "twoPhase": true });
        self.steps.push(json!({ "call": { "on": "tool", "method": "exec.approval.request", "params": params } }));
        for _ in 0..rng.between(1, 2) {
            let on = if self.steps.len() > 2 && self.steps[0].get("as") == Some(&json!("person")) && rng.chance(80) {
                "person"
            } else {
                "tool"
            };
            let decision = rng.any(&["allow-once", "allow-always", "deny", "perhaps"]);
            let id = rng.any(&["exec-1", "exec-1", "exec-", "exec-2"]);
            let params = json!({ "id": id, "decision": decision });
            self.steps.push(json!({ "call": { "on": on, "method": "exec.approval.resolve", "params": params } }));
        }
    }
}

/// Adds a bootstrap token to the store.
fn bootstrap(rng: &mut Rng) -> Value {
    rng.any(&[
        json!({}),
        json!({ "roles": ["node"], "scopes": [] }),
        json!({ "roles": ["node", "operator"], "scopes": ["operator.read"] }),
        json!({ "age": "20m" }),
    ])
}
