//! Who is there, and who is told of it, since 2026.9.6.

use super::newest::newer;
use super::*;
use crate::rules::config::{AuthMode, AutoApprove, TrustedProxy};
use rstest::rstest;

const OLD: &str = "2026.7.35";
const NEW: &str = "2026.9.6";

/// A terminal user interface of this device.
fn terminal(device: &'static str) -> Connect {
    newer(Connect { device: Some(device), ..cli() }.client("openclaw-tui", "ui"))
}

#[rstest]
#[case(OLD, false)]
#[case(NEW, true)]
fn who_is_there_is_told_after_every_welcome(#[case] release: &str, #[case] told: bool) {
    let mut stage = stage(release);
    let answer = stage.connect(&terminal("d"));
    assert_eq!(answer.events.iter().any(|(event, _)| event == "presence"), told);
    assert_eq!(answer.said["snapshot"]["stateVersion"]["presence"], json!(if told { 1 } else { 2 }));
}

#[test]
fn a_terminal_stands_for_the_owner_since_the_first_of_them_came() {
    let mut stage = stage(NEW);
    stage.connect(&terminal("d"));
    stage.now += 2_000;
    let list = stage.connect(&terminal("e")).said["snapshot"]["presence"].clone();
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

#[test]
fn users_whom_a_proxy_names_have_profiles_of_their_own() {
    let mut stage = staged(NEW, |config| {
        config.auth_mode = AuthMode::TrustedProxy;
        config.trusted_proxies = vec!["127.0.0.1".to_owned()];
        config.trusted_proxy = Some(TrustedProxy {
            user_header: "X-User".to_owned(),
            required_headers: Vec::new(),
            allow_users: Vec::new(),
            allow_loopback: true,
            auto_approve: Some(AutoApprove { scopes: Some(vec!["operator.read".to_owned()]) }),
        });
    });
    let vouched = |device, user| {
        let connect = Connect { device: Some(device), ..cli() }.client("openclaw-tui", "ui").auth(json!({}));
        newer(connect.header("x-user", user).header("x-forwarded-for", "203.0.113.7"))
    };
    let first = stage.connect(&vouched("d", "Ann@example.org"));
    assert_eq!(first.verdict(), "hello", "{}", first.reasons);
    let list = stage.connect(&vouched("e", "ann@example.org")).said["snapshot"]["presence"].clone();
    let of = |at: usize, key: &str| list[at]["user"][key].clone();
    assert_eq!([of(1, "email"), of(2, "email")], ["ann@example.org", "Ann@example.org"]);
    assert_eq!((of(1, "id"), of(1, "name")), (of(2, "id"), json!("ann")));
}

#[test]
fn a_node_goes_with_the_connection_by_which_it_is_known() {
    let mut stage = stage(NEW);
    stage.connect(&terminal("d"));
    let node = || newer(Connect { device: Some("n"), ..cli() }.client("node-host", "node").role("node").scopes(&[]));
    let (first, second) = (stage.connect(&node()).connection, stage.connect(&node()).connection);
    let mut gone = |connection| {
        let outcome = stage.act(Act::Closed { connection });
        Answer::of(connection, outcome).events.iter().filter(|(event, _)| event == "presence").count()
    };
    assert_eq!((gone(first), gone(second)), (0, 1));
}

#[rstest]
#[case(OLD, &[])]
#[case(NEW, &["skills.changed", "chat.metadata.changed"])]
fn a_mac_that_comes_or_goes_changes_the_skills(#[case] release: &str, #[case] told: &[&str]) {
    let mut stage = stage(release);
    stage.connect(&terminal("d"));
    let mac = Connect { device: Some("m"), ..cli() }.client("openclaw-macos", "node").role("node").scopes(&[]);
    let mac = mac.machine("macOS 15.1.0", "Mac").tampered(|params| {
        params["maxProtocol"] = json!(4);
        params["commands"] = json!(["system.run", "system.which"]);
    });
    let first = stage.connect(&mac);
    let of = |events: &[(String, Value)]| {
        let skills = |name: &&str| name.starts_with("skills.") || name.starts_with("chat.");
        events.iter().map(|(name, _)| name.as_str()).filter(skills).map(str::to_owned).collect::<Vec<_>>()
    };
    let unapproved = of(&first.events);
    let client = stage.model.connections.get_mut(&first.connection).unwrap().client.as_mut().unwrap();
    client.connect.commands = Some(vec!["system.run".to_owned()]);
    let outcome = stage.act(Act::Closed { connection: first.connection });
    assert_eq!(
        (unapproved, of(&Answer::of(first.connection, outcome).events)),
        (Vec::new(), told.iter().map(|name| (*name).to_owned()).collect())
    );
}
