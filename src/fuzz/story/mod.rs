//! Random life stories: a scenario each, in the project's own language.
//!
//! A story is told as the tree that its YAML will have ([`story`]) and written down by [`text`]. It then goes the way of
//! every scenario file: the ordinary parser, the ordinary planner, the ordinary player.

mod acts;
mod connects;
mod dice;
mod records;
mod settings;
#[cfg(test)]
mod tests;
pub(super) mod text;

use connects::{Scene, connect};
use dice::Dice;
use records::{Subject, pending, scopes, subject};
use serde_json::{Map, Value, json};
use settings::{CONFIGURATIONS, settings};

/// Stories in a hundred that must have a gateway for themselves: what was pending before the start, restarts and exec
/// approvals cannot be shared.
const ALONE_PERCENT: u32 = 2;

/// The story of a seed at an index: always the same one. It is the tree that a scenario's YAML has.
pub(super) fn story(seed: u64, index: u64) -> Value {
    let dice = &mut Dice::new(seed, "story", index);
    // Everybody's configuration is the most common one in the reports, too.
    let number = if dice.chance(25) { 0 } else { dice.between(0, CONFIGURATIONS - 1) };
    let gateway = settings(seed, number);
    let mut telling = Telling::new(dice, &gateway);
    if dice.chance(ALONE_PERCENT) {
        telling.alone(dice);
    } else {
        telling.tell(dice);
    }
    let mut scenario = Map::new();
    scenario.insert("scenario".to_owned(), json!(format!("Story {index} of seed {seed}")));
    scenario.insert("gateway".to_owned(), gateway);
    let store = telling.store();
    if !store.is_empty() {
        scenario.insert("store".to_owned(), Value::Object(store));
    }
    scenario.insert("steps".to_owned(), Value::Array(telling.steps));
    Value::Object(scenario)
}

/// A story while it is told.
struct Telling {
    subjects: Vec<Subject>,
    paired: Map<String, Value>,
    pending: Map<String, Value>,
    bootstrap: Map<String, Value>,
    steps: Vec<Value>,
    /// Connections that are held, by name.
    held: Vec<String>,
    mode: String,
    has_password: bool,
}

impl Telling {
    fn new(dice: &mut Dice, gateway: &Value) -> Self {
        let mode = gateway.pointer("/auth/mode").and_then(Value::as_str).unwrap_or("token").to_owned();
        let mut telling = Self {
            subjects: Vec::new(),
            paired: Map::new(),
            pending: Map::new(),
            bootstrap: Map::new(),
            steps: Vec::new(),
            held: Vec::new(),
            has_password: gateway.pointer("/auth/password").is_some(),
            mode,
        };
        let names = ["laptop", "phone", "kitchen"];
        for name in &names[..dice.pick(&[(60, 1), (34, 2), (6, 3)])] {
            let (subject, record) = subject(dice, name);
            if let Some(record) = record {
                telling.paired.insert((*name).to_owned(), record);
            }
            telling.subjects.push(subject);
        }
        if dice.chance(4) {
            telling.bootstrap.insert("code".to_owned(), bootstrap(dice));
        }
        telling
    }

    fn store(&mut self) -> Map<String, Value> {
        let parts = [("paired", &mut self.paired), ("pending", &mut self.pending), ("bootstrap", &mut self.bootstrap)];
        let said = parts.into_iter().filter(|(_, part)| !part.is_empty());
        said.map(|(name, part)| (name.to_owned(), Value::Object(std::mem::take(part)))).collect()
    }

    /// Some beats: connects, and what those who are connected do.
    fn tell(&mut self, dice: &mut Dice) {
        for _ in 0..dice.between(2, 6) {
            match dice.between(0, 99) {
                0..62 => self.connect(dice),
                62..86 => {
                    let who = self.in_charge(dice);
                    self.act(dice, &who);
                }
                86..97 => match self.held.clone().as_slice() {
                    [] => self.connect(dice),
                    held => {
                        let on = dice.any(held);
                        self.act(dice, &on);
                    }
                },
                _ => self.raw(dice),
            }
        }
    }

    /// A story that no other may be beside.
    fn alone(&mut self, dice: &mut Dice) {
        match dice.between(0, 2) {
            0 => {
                for subject in &self.subjects {
                    self.pending.insert(subject.name.to_owned(), pending(dice, subject));
                }
                self.tell(dice);
            }
            1 => {
                self.tell(dice);
                self.steps.push(json!({ "restart": {} }));
                self.held.clear();
                self.tell(dice);
            }
            _ => self.exec_approval(dice),
        }
    }

    fn connect(&mut self, dice: &mut Dice) {
        let subject = dice.any(&self.subjects);
        let bootstrap: &[&str] = if self.bootstrap.is_empty() { &[] } else { &["code"] };
        let known =
            self.subjects.iter().map(|subject| subject.name).filter(|name| self.knows(name)).collect::<Vec<_>>();
        let scene = Scene { known: &known, mode: &self.mode, has_password: self.has_password, bootstrap };
        let mut step = json!({ "connect": connect(dice, &subject, &scene) });
        if dice.chance(35) {
            let name = self.name_for("line");
            step["as"] = json!(name);
            self.held.push(name);
        } else if dice.chance(6) {
            step["repeat"] = json!(dice.between(2, 3));
        }
        self.steps.push(step);
    }

    /// A name that no connection of the story has had.
    fn name_for(&self, kind: &str) -> String {
        format!("{kind}-{}", self.steps.len())
    }

    /// A held connection of somebody who may decide about devices, or of somebody who may do less.
    fn in_charge(&mut self, dice: &mut Dice) -> String {
        let (name, device, has): (_, _, &[&str]) = dice.pick(&[
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

    fn act(&mut self, dice: &mut Dice, on: &str) {
        let mut about = self.subjects.clone();
        // Now and then about those in charge themselves.
        if dice.chance(10) && self.paired.contains_key("admin") {
            let scopes = vec!["operator.admin"];
            about.push(Subject { name: "admin", role: "operator", scopes, client: ("cli", "cli"), platform: None });
        }
        let mut step = acts::act(dice, on, &about);
        let misses = |device: &str| !self.knows(device);
        let unknown = ["approve", "reject", "remove", "rotate", "revoke"]
            .iter()
            .find_map(|act| step.get(*act)?.get("device")?.as_str())
            .is_some_and(misses)
            || (step.get("call").is_some() && about.iter().any(|subject| misses(subject.name)));
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

    /// Frames that are no connect.
    fn raw(&mut self, dice: &mut Dice) {
        let name = self.name_for("raw");
        self.steps.push(json!({ "open": {}, "as": name }));
        let frame = dice.any(&[
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

    /// A tool asks, and perhaps somebody is there to decide.
    fn exec_approval(&mut self, dice: &mut Dice) {
        let client = json!({ "id": "gateway-client", "mode": "backend" });
        let anything = scopes(dice);
        let tool = dice.any(&[vec!["operator.approvals"], vec!["operator.admin"], anything]);
        self.paired.insert("tool".to_owned(), json!({ "scopes": tool, "client": client }));
        let person = dice.any(&[vec!["operator.approvals"], vec!["operator.admin"], vec!["operator.read"]]);
        self.paired.insert("person".to_owned(), json!({ "scopes": person }));
        if dice.chance(80) {
            let connect = json!({ "device": "person", "role": "operator", "scopes": person });
            self.steps.push(json!({ "connect": connect, "as": "person" }));
        }
        let connect = json!({ "device": "tool", "role": "operator", "scopes": tool, "client": client });
        self.steps.push(json!({ "connect": connect, "as": "tool" }));
        let ask = dice.any(&["always", "on-miss", "off"]);
        let params = json!({ "id": "exec-1", "command": "uname -a", "host": "gateway", "ask": ask, "timeoutMs": 60000, "twoPhase": true });
        self.steps.push(json!({ "call": { "on": "tool", "method": "exec.approval.request", "params": params } }));
        for _ in 0..dice.between(1, 2) {
            let on = if self.steps.len() > 2 && self.steps[0].get("as") == Some(&json!("person")) && dice.chance(80) {
                "person"
            } else {
                "tool"
            };
            let decision = dice.any(&["allow-once", "allow-always", "deny", "perhaps"]);
            let id = dice.any(&["exec-1", "exec-1", "exec-", "exec-2"]);
            let params = json!({ "id": id, "decision": decision });
            self.steps.push(json!({ "call": { "on": on, "method": "exec.approval.resolve", "params": params } }));
        }
    }
}

/// A bootstrap token in the store.
fn bootstrap(dice: &mut Dice) -> Value {
    dice.any(&[
        json!({}),
        json!({ "roles": ["node"], "scopes": [] }),
        json!({ "roles": ["node", "operator"], "scopes": ["operator.read"] }),
        json!({ "age": "20m" }),
    ])
}
