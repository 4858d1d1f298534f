use super::{answer_finished_upgrades, ask_mac, handle, wake, wake_at};
use crate::counting_entropy::CountingEntropy;
use crate::input::{ConnectionId, Effect, Environment, Outcome};
use crate::model::{ConnectedClient, Model, RequestFrame};
use crate::surface::presence::Person;
use crate::{Facts, GatewayConfig, Input, Peer};
use openclaw_protocol::connect::ConnectParams;
use openclaw_protocol::frame::ServerFrame;
use openclaw_protocol::store::{Document, MemoryDocuments};
use rstest::rstest;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};

mod newer;

const NOW: i64 = 1_700_000_000_000;

/// A gateway with connected clients.
pub(super) struct TestGateway {
    model: Model,
    pub(super) store: MemoryDocuments,
    entropy: CountingEntropy,
    pub(super) now: i64,
}

impl TestGateway {
    pub(super) fn new(release: &str) -> Self {
        let model = Model::new(Facts::of(release.parse().unwrap()).unwrap(), GatewayConfig::default());
        Self { model, store: MemoryDocuments::new(), entropy: CountingEntropy(0), now: NOW }
    }

    pub(super) fn join(&mut self, number: u64, role: &str, scopes: &[&str], device: Option<&str>) -> ConnectionId {
        let mut params = json!({
            "minProtocol": 3, "maxProtocol": 3, "role": role, "scopes": scopes,
            "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli", "displayName": "Tester"}
        });
        if let Some(id) = device {
            params["device"] = json!({"id": id, "publicKey": "k", "signature": "s", "signedAt": 1, "nonce": "n"});
        }
        let connect: ConnectParams = serde_json::from_value(params).unwrap();
        let client = ConnectedClient {
            person: None,
            online_since: None,
            retired: false,
            order: number,
            stands_for_node: role == "node",
            role: role.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            presence_key: None,
            client_ip: None,
            by_device_token: false,
            declared: None,
            events: 0,
            connected_at: self.now,
            connect,
        };
        let id = ConnectionId(number);
        let peer = Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), headers: Vec::new() };
        let mut environment = Environment { now: self.now, store: &mut self.store, entropy: &mut self.entropy };
        self.model.handle(Input::Open { connection: id, peer }, &mut environment);
        let open = self.model.connections.get_mut(&id).unwrap();
        open.client = Some(client);
        open.handshake_deadline = None;
        id
    }

    /// Calls a method and returns the outgoing messages in short form: `1 ok {...}`, `2 error ...`, `1 event ...`, `1
    /// close ...`.
    pub(super) fn call(&mut self, connection: ConnectionId, method: &str, params: Value) -> Vec<String> {
        let mut outcome = Outcome::default();
        let request = RequestFrame { id: "r".to_owned(), method: method.to_owned(), params: Some(params) };
        let mut environment = Environment { now: self.now, store: &mut self.store, entropy: &mut self.entropy };
        handle(&mut self.model, connection, request, &mut environment, &mut outcome);
        shown(&outcome)
    }

    pub(super) fn wake(&mut self, now: i64) -> Vec<String> {
        self.now = now;
        let mut outcome = Outcome::default();
        wake(&mut self.model, now, &mut outcome);
        shown(&outcome)
    }

    /// Answers the clients that wait for a scope upgrade.
    pub(super) fn answer_finished_upgrades(&mut self) -> Vec<String> {
        let mut outcome = Outcome::default();
        let mut environment = Environment { now: self.now, store: &mut self.store, entropy: &mut self.entropy };
        answer_finished_upgrades(&mut self.model, &mut environment, &mut outcome);
        shown(&outcome)
    }

    fn client(&mut self, connection: ConnectionId) -> &mut ConnectedClient {
        self.model.connections.get_mut(&connection).unwrap().client.as_mut().unwrap()
    }

    pub(super) fn config(&mut self) -> &mut GatewayConfig {
        &mut self.model.config
    }

    /// A client waits for a command of a node.
    pub(super) fn awaits(&mut self, asker: ConnectionId, node: ConnectionId, node_id: &str) {
        let invoke = crate::node_work::PendingInvoke {
            node_id: node_id.to_owned(),
            node,
            command: "system.which".to_owned(),
            requester: Some((asker, "w".to_owned())),
            expires_at: i64::MAX,
        };
        self.model.node_work.send("i".to_owned(), invoke);
    }

    /// Removes a connection.
    pub(super) fn close(&mut self, connection: ConnectionId) -> Vec<String> {
        let mut environment = Environment { now: self.now, store: &mut self.store, entropy: &mut self.entropy };
        shown(&self.model.handle(Input::Closed { connection }, &mut environment))
    }

    /// The device's own token admitted the client.
    pub(super) fn by_device_token(&mut self, connection: ConnectionId) {
        self.client(connection).by_device_token = true;
    }

    /// Makes a node offer these commands.
    pub(super) fn offers(&mut self, connection: ConnectionId, commands: &[&str]) {
        let commands = commands.iter().map(|command| (*command).to_owned()).collect();
        self.client(connection).connect.commands = Some(commands);
    }

    /// Asks a node for its programs, as a node with macOS.
    pub(super) fn asks_mac(&mut self, connection: ConnectionId, node_id: &str) -> Vec<String> {
        self.client(connection).connect.client.platform = "macOS 26.1".to_owned();
        let mut outcome = Outcome::default();
        let mut environment = Environment { now: self.now, store: &mut self.store, entropy: &mut self.entropy };
        ask_mac(&mut self.model, connection, node_id, &mut environment, &mut outcome);
        shown(&outcome)
    }

    /// The client represents a person.
    pub(super) fn is_of(&mut self, connection: ConnectionId, person: &str) {
        let person = Person { id: person.to_owned(), email: None, name: None, written_at: 1 };
        self.client(connection).person = Some(person);
    }

    /// The node runs macOS.
    pub(super) fn is_mac(&mut self, connection: ConnectionId) {
        self.client(connection).connect.client.platform = "macOS 15.1.0".to_owned();
    }

    /// The id of the last command that was sent to a node.
    pub(super) fn last_invoke(&self) -> String {
        openclaw_protocol::ids::uuid([self.entropy.0; 16])
    }
}

fn shown(outcome: &Outcome) -> Vec<String> {
    let line = |effect: &Effect| match effect {
        Effect::Send { connection, frame: ServerFrame::Res { payload, error, .. } } => match error {
            Some(error) => Some(format!("{} {} {}", connection.0, error.code, error.message)),
            None => Some(format!("{} ok {}", connection.0, payload.clone().unwrap_or_default())),
        },
        Effect::Send { connection, frame: ServerFrame::Event { event, seq, recipient, .. } } => {
            let recipient = recipient.as_ref().map(|recipient| format!(" for {recipient}")).unwrap_or_default();
            Some(format!("{} event {event} {}{recipient}", connection.0, seq.unwrap_or_default()))
        }
        Effect::Close { connection, code, reason } => Some(format!("{} close {code} {reason}", connection.0)),
        Effect::Log(_) => None,
        other => Some(format!("{other:?}")),
    };
    outcome.effects.iter().filter_map(line).collect()
}

pub(super) const ADMIN: &[&str] = &["operator.admin"];

#[rstest]
#[case("operator", &[], "health", "ok")]
#[case("node", &[], "health", "ok")]
#[case("operator", &["operator.write"], "system-presence", "ok")]
#[case("operator", &["operator.pairing"], "status", "missing scope: operator.read")]
#[case("operator", &["operator.pairing"], "no.such", "missing scope: operator.admin")]
#[case("operator", ADMIN, "no.such", "unknown method: no.such")]
#[case("operator", ADMIN, "node.event", "unauthorized role: operator")]
#[case("node", ADMIN, "status", "unauthorized role: node")]
#[case("operator", &["operator.read"], "config.set", "missing scope: operator.admin")]
#[case("operator", ADMIN, "connect", "connect is only valid as the first request")]
#[case("operator", ADMIN, "wizard.start", "wizard.start is not implemented by this reference gateway")]
fn methods_need_role_and_scope(
    #[case] role: &str,
    #[case] scopes: &[&str],
    #[case] method: &str,
    #[case] expected: &str,
) {
    let mut gateway = TestGateway::new("2026.4.2");
    let client = gateway.join(1, role, scopes, None);
    let answers = gateway.call(client, method, json!({}));
    assert!(answers[0].contains(expected), "{answers:?}");
}

#[rstest]
#[case("2026.4.2", &["operator.write"], "unknown requestId")]
#[case("2026.4.2", &["operator.pairing"], "missing scope: operator.write")]
#[case("2026.4.5", &["operator.pairing"], "unknown requestId")]
#[case("2026.4.5", &["operator.write"], "missing scope: operator.pairing")]
fn node_approval_scope_since_2026_4_5(#[case] release: &str, #[case] scopes: &[&str], #[case] expected: &str) {
    let mut gateway = TestGateway::new(release);
    let client = gateway.join(1, "operator", scopes, None);
    let answers = gateway.call(client, "node.pair.approve", json!({"requestId": "x"}));
    assert_eq!(answers, [format!("1 INVALID_REQUEST {expected}")]);
}

#[rstest]
#[case("2026.4.2", "exec.approval.get", "unknown method")]
#[case("2026.4.5", "exec.approval.get", "unknown or expired approval id")]
#[case("2026.4.5", "exec.approval.list", "unknown method")]
#[case("2026.4.8", "exec.approval.list", "ok []")]
#[case("2026.4.8", "commands.list", "unknown method")]
#[case("2026.4.15", "commands.list", "not implemented")]
fn methods_by_release(#[case] release: &str, #[case] method: &str, #[case] expected: &str) {
    let mut gateway = TestGateway::new(release);
    let client = gateway.join(1, "operator", ADMIN, None);
    let answers = gateway.call(client, method, json!({"id": "x"}));
    assert!(answers[0].contains(expected), "{answers:?}");
}

#[test]
fn listed_methods_match_hello() {
    let count = |release: &str| Facts::of(release.parse().unwrap()).unwrap().rpc.methods.listed().count();
    let oldest = ["2026.2.19", "2026.2.26", "2026.3.13"].map(count);
    assert_eq!(oldest, [89, 92, 100]);
    let counts = [
        "2026.3.28",
        "2026.3.31",
        "2026.4.1",
        "2026.4.2",
        "2026.4.5",
        "2026.4.8",
        "2026.4.15",
        "2026.5.7",
        "2026.6.11",
        "2026.7.35",
        "2026.9.6",
    ]
    .map(count);
    // The last method is listed only for browsers on the gateway's machine.
    assert_eq!(counts, [111, 111, 111, 112, 116, 122, 130, 155, 191, 218, 467]);
}

#[test]
fn eleventh_unauthorized_call_closes() {
    let mut gateway = TestGateway::new("2026.4.2");
    let node = gateway.join(1, "node", &[], None);
    for _ in 0..10 {
        assert_eq!(gateway.call(node, "status", json!({})).len(), 1);
    }
    gateway.call(node, "health", json!({}));
    for _ in 0..10 {
        assert_eq!(gateway.call(node, "status", json!({})).len(), 1);
    }
    let last = gateway.call(node, "status", json!({}));
    assert_eq!(last, ["1 INVALID_REQUEST unauthorized role: node", "1 close 1008 repeated unauthorized calls"]);
    assert!(gateway.call(node, "status", json!({})).is_empty());
}

fn paired_laptop() -> MemoryDocuments {
    MemoryDocuments::new().with(
        Document::DevicesPaired,
        json!({"laptop": {"deviceId": "laptop", "publicKey": "k", "role": "operator", "roles": ["operator"],
            "scopes": ["operator.read"], "approvedScopes": ["operator.read"], "approvedAtMs": 1,
            "tokens": {"operator": {"token": "t", "role": "operator", "scopes": ["operator.read"]}}}}),
    )
}

#[rstest]
#[case("2026.3.13", "device.token.revoke", false)]
#[case("2026.3.13", "device.pair.remove", false)]
#[case("2026.3.28", "device.token.rotate", false)]
#[case("2026.3.31", "device.token.rotate", true)]
#[case("2026.3.28", "device.token.revoke", true)]
#[case("2026.4.8", "device.pair.remove", true)]
fn revocation_closes_live_connections(#[case] release: &str, #[case] method: &str, #[case] closes: bool) {
    let mut gateway = TestGateway::new(release);
    gateway.store = paired_laptop();
    let admin = gateway.join(1, "operator", ADMIN, Some("desk"));
    gateway.join(2, "operator", &[], Some("laptop"));
    gateway.join(3, "node", &[], Some("laptop"));
    let params = match method {
        "device.pair.remove" => json!({"deviceId": "laptop"}),
        _ => json!({"deviceId": "laptop", "role": "operator"}),
    };
    let answers = gateway.call(admin, method, params);
    assert!(answers[0].starts_with("1 ok"), "{answers:?}");
    let mut expected = Vec::new();
    if closes {
        expected.push("2 close 4001 device removed");
        if method == "device.pair.remove" {
            expected.push("3 close 4001 device removed");
        }
    }
    assert_eq!(answers[1..], expected);
}

#[rstest]
#[case("2026.4.2", "laptop", true)]
#[case("2026.4.5", "laptop", true)]
#[case("2026.4.2", "desk", true)]
#[case("2026.4.5", "desk", false)]
fn device_manages_only_itself_since_2026_4_5(#[case] release: &str, #[case] caller: &str, #[case] allowed: bool) {
    for method in ["device.token.rotate", "device.token.revoke", "device.pair.remove"] {
        let mut gateway = TestGateway::new(release);
        gateway.store = paired_laptop();
        let client = gateway.join(1, "operator", &["operator.pairing", "operator.read"], Some(caller));
        let params = match method {
            "device.pair.remove" => json!({"deviceId": "laptop"}),
            _ => json!({"deviceId": "laptop", "role": "operator"}),
        };
        let answers = gateway.call(client, method, params);
        assert_eq!(answers[0].starts_with("1 ok"), allowed, "{method}: {answers:?}");
        assert!(allowed || gateway.store == paired_laptop(), "a refusal changes nothing");
    }
}

#[test]
fn lists_hide_tokens() {
    let mut gateway = TestGateway::new("2026.4.2");
    gateway.store = paired_laptop();
    let client = gateway.join(1, "operator", ADMIN, None);
    let answers = gateway.call(client, "device.pair.list", json!({}));
    assert!(!answers[0].contains("\"token\"") && !answers[0].contains("approvedScopes"), "{answers:?}");
}

#[test]
fn unwritable_store_is_unavailable() {
    let mut gateway = TestGateway::new("2026.4.2");
    gateway.store = paired_laptop().failing("EACCES: permission denied, open '/x'");
    let client = gateway.join(1, "operator", ADMIN, None);
    let answers = gateway.call(client, "device.pair.remove", json!({"deviceId": "laptop"}));
    assert_eq!(answers, ["1 UNAVAILABLE Error: EACCES: permission denied, open '/x': code=EACCES"]);
}

#[test]
fn event_recipients_and_sequence() {
    let mut gateway = TestGateway::new("2026.4.2");
    let admin = gateway.join(1, "operator", ADMIN, None);
    gateway.join(2, "operator", &["operator.pairing"], None);
    gateway.join(3, "operator", &["operator.write"], None);
    gateway.join(4, "node", &["operator.pairing"], None);
    let answers = gateway.call(admin, "node.pair.request", json!({"nodeId": "n"}));
    assert_eq!(answers[..2], ["1 event node.pair.requested 1", "2 event node.pair.requested 1"]);
    assert!(answers[2].starts_with("1 ok {\"status\":\"pending\""), "{answers:?}");
    assert_eq!(gateway.call(admin, "node.pair.request", json!({"nodeId": "n"})).len(), 1, "a repeat is not announced");
}

#[test]
fn approval_without_approver_is_refused() {
    let mut gateway = TestGateway::new("2026.4.2");
    let agent = gateway.join(1, "operator", &["operator.approvals"], None);
    let answers = gateway.call(agent, "exec.approval.request", json!({"command": "ls", "twoPhase": true}));
    assert_eq!(answers[0], "1 event exec.approval.requested 1");
    assert!(answers[1].contains("\"decision\":null"), "{answers:?}");
    assert_eq!(wake_at(&gateway.model), Some(NOW + 30_000), "nothing but the tick");
}

#[rstest]
#[case("2026.4.5", ["2 ok {\"ok\":true}", "1 ok", "3 ok"])]
#[case("2026.4.8", ["3 ok", "1 ok", "2 ok {\"ok\":true}"])]
fn decision_reaches_waiters(#[case] release: &str, #[case] order: [&str; 3]) {
    let mut gateway = TestGateway::new(release);
    let agent = gateway.join(1, "operator", &["operator.approvals"], None);
    let person = gateway.join(2, "operator", &["operator.approvals"], None);
    let request = json!({"id": "Abc", "command": "ls", "twoPhase": true, "timeoutMs": 1000});
    let answers = gateway.call(agent, "exec.approval.request", request.clone());
    assert!(answers[2].contains("\"status\":\"accepted\""), "{answers:?}");
    assert_eq!(wake_at(&gateway.model), Some(NOW + 1000));
    assert!(gateway.call(agent, "exec.approval.request", request)[0].contains("approval id already pending"));
    let watcher = gateway.join(3, "operator", &["operator.approvals"], None);
    assert!(gateway.call(watcher, "exec.approval.waitDecision", json!({"id": "Abc"})).is_empty());
    let answers = gateway.call(person, "exec.approval.resolve", json!({"id": "ab", "decision": "deny"}));
    let event = ["1", "2", "3"].map(|client| format!("{client} event exec.approval.resolved 2"));
    assert_eq!(answers[..3], event);
    for (line, expected) in answers[3..].iter().zip(order) {
        assert!(line.starts_with(expected), "{answers:?}");
        assert!(line.starts_with('2') || line.contains("\"decision\":\"deny\""), "{answers:?}");
    }
    let late = gateway.call(agent, "exec.approval.waitDecision", json!({"id": "Abc"}));
    assert!(late[0].contains("\"decision\":\"deny\""), "{late:?}");
}

#[test]
fn undecided_approval_expires() {
    let mut gateway = TestGateway::new("2026.4.2");
    let agent = gateway.join(1, "operator", &["operator.approvals"], None);
    gateway.join(2, "operator", &["operator.approvals"], None);
    gateway.call(agent, "exec.approval.request", json!({"id": "a", "command": "ls", "timeoutMs": 1000}));
    assert!(gateway.wake(NOW + 999).is_empty());
    let answers = gateway.wake(NOW + 1000);
    assert!(answers[0].starts_with("1 ok") && answers[0].contains("\"decision\":null"), "{answers:?}");
}

#[rstest]
#[case("2026.4.1", true)]
#[case("2026.4.2", false)]
fn ask_always_limits_decisions_since_2026_4_2(#[case] release: &str, #[case] taken: bool) {
    let mut gateway = TestGateway::new(release);
    let agent = gateway.join(1, "operator", &["operator.approvals"], None);
    let person = gateway.join(2, "operator", ADMIN, None);
    gateway.call(agent, "exec.approval.request", json!({"id": "a", "command": "ls", "ask": "always"}));
    let answers = gateway.call(person, "exec.approval.resolve", json!({"id": "a", "decision": "allow-always"}));
    assert_eq!(answers.len() > 1, taken, "{answers:?}");
}

#[rstest]
#[case("2026.6.11", json!("bogus"), "allow-always is unavailable because the effective policy requires approval every time")]
#[case("2026.9.6", Value::Null, "allow-always is unavailable for this command")]
fn unavailable_decision_is_refused(#[case] release: &str, #[case] ask: Value, #[case] refusal: &str) {
    let mut gateway = TestGateway::new(release);
    let agent = gateway.join(1, "operator", &["operator.approvals"], None);
    let person = gateway.join(2, "operator", ADMIN, None);
    let params = json!({"id": "a", "command": "ls", "ask": "bogus", "unavailableDecisions": ["allow-always"],
        "requireDeliveryRoute": false});
    gateway.call(agent, "exec.approval.request", params);
    let listed = gateway.model.exec_approvals.get("a", NOW).unwrap().request["ask"].clone();
    let answers = gateway.call(person, "exec.approval.resolve", json!({"id": "a", "decision": "allow-always"}));
    assert_eq!((listed, answers), (ask, vec![format!("2 INVALID_REQUEST {refusal}")]));
}
