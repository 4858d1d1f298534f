//! Tests of the presence list and its events, since 2026.9.6.

use super::newest::newer;
use super::*;
use crate::config::{AuthMode, AutoApprove, TrustedProxy};
use crate::surface::presence::Person;
use rstest::rstest;

const OLD: &str = "2026.7.35";
const NEW: &str = "2026.9.6";

/// A terminal user interface of this device.
fn terminal(device: &'static str) -> Connect {
    newer(Connect { device: Some(device), ..cli() }.client("openclaw-tui", "ui"))
}

#[rstest]
#[case(OLD, terminal("d"), false)]
#[case(NEW, terminal("d"), true)]
#[case(NEW, newer(cli()), false)]
#[case(NEW, newer(cli().client("gateway-client", "backend")), false)]
#[case(NEW, newer(cli().client("openclaw-probe", "probe")), false)]
fn presence_event_follows_hello(#[case] release: &str, #[case] connect: Connect, #[case] increment_version: bool) {
    let mut gateway = gateway(release);
    gateway.connect(&terminal("e"));
    let before = gateway.model.presence.version();
    let answer = gateway.connect(&connect);
    assert_eq!(answer.verdict(), "hello", "{}", answer.reasons);
    assert_eq!(answer.events.iter().any(|(event, _)| event == "presence"), increment_version);
    let counted = json!(if release == OLD { before + 1 } else { before });
    assert_eq!(answer.payload["snapshot"]["stateVersion"]["presence"], counted);
}

#[test]
fn terminal_shows_start_of_owner_presence() {
    let mut gateway = gateway(NEW);
    gateway.connect(&terminal("d"));
    gateway.now += 2_000;
    let list = gateway.connect(&terminal("e")).payload["snapshot"]["presence"].clone();
    let user = json!({
        "id": "gateway-owner", "identity": {"type": "profile", "id": "gateway-owner"},
        "avatarUrl": format!("/api/users/gateway-owner/avatar?v={NOW}")
    });
    for entry in &list.as_array().unwrap()[1..] {
        let shown = [&entry["clientId"], &entry["user"], &entry["onlineSince"], &entry["text"], &entry["ts"]];
        assert_eq!(
            shown,
            [&json!("openclaw-tui"), &user, &json!(NOW), &json!("Node: unknown · mode ui"), &json!(NOW + 2_000)]
        );
    }
    let of = |at: usize| list[at]["deviceId"].as_str().map(str::to_owned);
    assert_eq!([of(1), of(2)], ["e", "d"].map(|name| Some(DeviceKey::from_name(name).device_id())));
    let keys: Vec<&str> = list[1].as_object().unwrap().keys().map(String::as_str).collect();
    let first = ["clientId", "mode", "user", "onlineSince", "roles", "scopes", "ts", "text", "host", "version"];
    assert_eq!(keys[..10], first);
}

/// A gateway behind a reverse proxy that names users.
fn behind_a_proxy() -> TestGateway {
    gateway_with(NEW, |config| {
        config.auth_mode = AuthMode::TrustedProxy;
        config.trusted_proxies = vec!["127.0.0.1".to_owned()];
        config.trusted_proxy = Some(TrustedProxy {
            user_header: "X-User".to_owned(),
            required_headers: Vec::new(),
            allow_users: Vec::new(),
            allow_loopback: true,
            auto_approve: Some(AutoApprove { scopes: Some(vec!["operator.read".to_owned()]) }),
        });
    })
}

/// A terminal user interface of a user whom the proxy names.
fn vouched(device: &'static str, user: &'static str) -> Connect {
    let connect = Connect { device: Some(device), ..cli() }.client("openclaw-tui", "ui").auth(json!({}));
    newer(connect.header("x-user", user).header("x-forwarded-for", "203.0.113.7"))
}

#[test]
fn proxy_users_have_separate_profiles() {
    let mut gateway = behind_a_proxy();
    let first = gateway.connect(&vouched("d", "Ann@example.org"));
    assert_eq!(first.verdict(), "hello", "{}", first.reasons);
    let list = gateway.connect(&vouched("e", "ann@example.org")).payload["snapshot"]["presence"].clone();
    let of = |at: usize, key: &str| list[at]["user"][key].clone();
    assert_eq!([of(1, "email"), of(2, "email")], ["ann@example.org", "Ann@example.org"]);
    assert_eq!((of(1, "id"), of(1, "name")), (of(2, "id"), json!("ann")));
}

#[test]
fn forgets_profiles_of_disconnected_users() {
    let mut gateway = behind_a_proxy();
    let ids = |gateway: &TestGateway| gateway.model.people.values().map(|person| person.id.clone()).collect::<Vec<_>>();
    gateway.connect(&vouched("d", "ann"));
    let gone = gateway.connect(&vouched("e", "bob")).connection;
    gateway.handle(Input::Closed { connection: gone });
    let [ann, bob] = ids(&gateway).try_into().unwrap();
    let others = (0..198).map(|number| (format!("user{number}"), format!("profile{number}")));
    for (user, id) in others {
        gateway.model.people.insert(user, Person { id, email: None, name: None, written_at: NOW });
    }
    gateway.connect(&vouched("e", "Bob"));
    assert_eq!(ids(&gateway)[..2], [ann.clone(), bob.clone()]);
    let left = |gateway: &TestGateway| (ids(gateway).len(), ids(gateway).contains(&ann), ids(gateway).contains(&bob));
    let last = gateway.model.connections.keys().copied().max().unwrap();
    gateway.handle(Input::Closed { connection: last });
    gateway.connect(&vouched("f", "eve"));
    assert_eq!(left(&gateway), (200, true, false));
}

#[test]
fn node_leaves_with_its_connection() {
    let mut gateway = gateway(NEW);
    gateway.connect(&terminal("d"));
    let node = || newer(Connect { device: Some("n"), ..cli() }.client("node-host", "node").role("node").scopes(&[]));
    let (first, second) = (gateway.connect(&node()).connection, gateway.connect(&node()).connection);
    let mut gone = |connection| {
        let outcome = gateway.handle(Input::Closed { connection });
        Answer::of(connection, outcome).events.iter().filter(|(event, _)| event == "presence").count()
    };
    assert_eq!((gone(first), gone(second)), (0, 1));
}

/// A Mac as a node that offers commands.
fn mac() -> Connect {
    let mac = Connect { device: Some("m"), ..cli() }.client("openclaw-macos", "node").role("node").scopes(&[]);
    mac.machine("macOS 15.1.0", "Mac").tampered(|params| {
        params["maxProtocol"] = json!(4);
        params["commands"] = json!(["system.run", "system.which"]);
    })
}

/// A gateway where the commands of [`mac`] were approved.
fn knows_mac(release: &str) -> TestGateway {
    let id = DeviceKey::from_name("m").device_id();
    let commands = ["system.run", "system.which"];
    let node = json!({"nodeId": id, "token": "t", "commands": commands, "createdAtMs": 1, "approvedAtMs": 1});
    gateway(release).with(Document::NodesPaired, json!({ id: node }))
}

/// The events about skills among these events.
fn of_skills(events: &[(String, Value)]) -> Vec<&str> {
    let skills = |name: &&str| name.starts_with("skills.") || name.starts_with("chat.");
    events.iter().map(|(name, _)| name.as_str()).filter(skills).collect()
}

#[rstest]
#[case(OLD, &[])]
#[case(NEW, &["skills.changed", "chat.metadata.changed"])]
fn mac_changes_skills(#[case] release: &str, #[case] increment_version: &[&str]) {
    let mut gateway = knows_mac(release);
    gateway.connect(&terminal("d"));
    let come = gateway.connect(&mac());
    assert_eq!(come.verdict(), "hello", "{}", come.reasons);
    assert_eq!(of_skills(&come.events), increment_version);
    let outcome = gateway.handle(Input::Closed { connection: come.connection });
    assert_eq!(of_skills(&Answer::of(come.connection, outcome).events), increment_version);
}

#[test]
fn unapproved_mac_commands_do_not_change_skills() {
    let mut gateway = gateway(NEW);
    gateway.connect(&terminal("d"));
    let come = gateway.connect(&mac());
    assert_eq!((come.verdict().as_str(), of_skills(&come.events)), ("hello", Vec::new()));
}

#[test]
fn wake_words_event_has_no_seq() {
    let mut gateway = knows_mac(NEW);
    let connect = mac();
    let (connection, nonce) = gateway.open(connect.peer());
    let data = connect.frame(&nonce, gateway.now).to_string().into_bytes();
    let events =
        gateway.handle(Input::Message { connection, data }).effects.into_iter().filter_map(|effect| match effect {
            Effect::Send { connection: to, frame: frame @ ServerFrame::Event { .. } } if to == connection => {
                Some(serde_json::to_value(frame).unwrap())
            }
            _ => None,
        });
    let increment_version: Vec<(String, Vec<String>)> = events
        .map(|frame| (frame["event"].to_string(), frame.as_object().unwrap().keys().cloned().collect()))
        .collect();
    let bare = |event: &str| (format!("{event:?}"), ["type", "event", "payload"].map(str::to_owned).to_vec());
    let expected = ["voicewake.changed", "voicewake.routing.changed"].map(bare);
    assert_eq!(increment_version, expected);
}
