//! The platform and the device family that a device keeps (`message-handler.ts`, `resolvePinnedClientMetadata`).

use crate::handshake::HandshakeRules;
use openclaw_protocol::client::{self, mode};
use openclaw_protocol::connect::ClientInfo;
use openclaw_protocol::js;
use openclaw_protocol::proof::normal_metadata;
use serde_json::Value;

/// The comparison of a client's platform and device family with its record.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::handshake) struct PinnedMetadata {
    /// They are others: the change has to be approved.
    pub mismatch: bool,
    /// The platform that the client counts as having.
    pub platform: Option<String>,
    /// The device family that the client counts as having.
    pub family: Option<String>,
    /// The platform to store in the record.
    pub refreshed: Option<String>,
}

/// Holds a client to its record.
pub(in crate::handshake) fn compare_with_record(
    rules: &HandshakeRules,
    client: &ClientInfo,
    record: &Value,
) -> PinnedMetadata {
    let pinned =
        |key: &str| record.get(key).and_then(Value::as_str).filter(|value| !normal_metadata(Some(value)).is_empty());
    let (platform, family) = (pinned("platform"), pinned("deviceFamily"));
    let family_differs =
        family.is_some() && normal_metadata(family) != normal_metadata(client.device_family.as_deref());
    let (paired, claimed) = (normal_metadata(platform), normal_metadata(Some(&client.platform)));
    let native =
        if rules.node_host_named { same_app(client, &paired, &claimed) } else { same_phone(client, &paired, &claimed) };
    let named = rules.node_host_named && names_the_system(client, &paired, &claimed, family.is_some());
    let mut pinned = PinnedMetadata { family: family.map(str::to_owned), ..PinnedMetadata::default() };
    let mut platform_differs = false;
    let runtime = rules.node_host_named && platform.is_some() && same_node_host(client, &paired, &claimed);
    if runtime {
        pinned.platform = Some(desktop(&paired).to_owned());
    } else if paired == claimed || platform.is_none() {
        pinned.platform = platform.map(str::to_owned);
    } else if named || rules.lenient_pins && same_node_host(client, &paired, &claimed) {
        pinned.platform = Some(desktop(&paired).to_owned());
    } else if rules.node_host_named && is_mac_node(client, &paired, &claimed) {
        pinned.platform = platform.map(str::to_owned);
    } else if rules.lenient_pins && native {
        pinned.platform = Some(client.platform.clone());
        pinned.refreshed = Some(client.platform.clone());
    } else {
        platform_differs = true;
    }
    pinned.mismatch = platform_differs || family_differs;
    pinned
}

/// Whether a node host has the same system under another name.
fn same_node_host(client: &ClientInfo, paired: &str, claimed: &str) -> bool {
    (client.id.as_str(), client.mode.as_str()) == (client::NODE_HOST, mode::NODE)
        && !claimed.is_empty()
        && desktop(paired) == desktop(claimed)
}

fn desktop(platform: &str) -> &str {
    match platform {
        "darwin" => "macos",
        "win32" => "windows",
        other => other,
    }
}

/// Whether a phone app has another version of its system.
fn same_phone(client: &ClientInfo, paired: &str, claimed: &str) -> bool {
    let systems: &[&str] = match client.id.as_str() {
        client::IOS_APP => &["ios", "ipados"],
        client::ANDROID_APP => &["android"],
        _ => return false,
    };
    names(paired, systems) && names(claimed, systems)
}

/// Whether an app has another version of its system.
fn same_app(client: &ClientInfo, paired: &str, claimed: &str) -> bool {
    let mac = client.id == client::MACOS_APP && is_dated_mac(claimed);
    mac && (is_dated_mac(paired) || ["darwin", "macos"].contains(&paired)) || same_phone(client, paired, claimed)
}

/// Whether a client spells its system and device family as the gateway does, while the record has another spelling of
/// the system and no device family.
fn names_the_system(client: &ClientInfo, paired: &str, claimed: &str, has_family: bool) -> bool {
    let family = normal_metadata(client.device_family.as_deref());
    let expected = system(paired).map(|(_, family)| family.to_lowercase());
    !has_family && desktop(paired) != paired && claimed == desktop(paired) && expected == Some(family)
}

/// Whether the client is a node host on a machine whose record the app for macOS has written.
fn is_mac_node(client: &ClientInfo, paired: &str, claimed: &str) -> bool {
    (client.id.as_str(), client.mode.as_str()) == (client::NODE_HOST, mode::NODE)
        && ["darwin", "macos"].contains(&claimed)
        && is_dated_mac(paired)
}

/// Whether the platform has a version, as in `macos 26.3.1`.
fn is_dated_mac(platform: &str) -> bool {
    platform.strip_prefix("macos ").is_some_and(|version| {
        let parts: Vec<&str> = version.split('.').collect();
        parts.len() <= 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// The names of a desktop system and its device family.
fn system(platform: &str) -> Option<(&'static str, &'static str)> {
    match platform {
        "darwin" | "macos" => Some(("macos", "Mac")),
        "linux" => Some(("linux", "Linux")),
        "win32" | "windows" => Some(("windows", "Windows")),
        _ => None,
    }
}

/// Gives a node host the names that the gateway has for its system and family, unless it claims another family.
pub(in crate::handshake) fn name_node_host(client: &mut ClientInfo) {
    if (client.id.as_str(), client.mode.as_str()) != (client::NODE_HOST, mode::NODE) {
        return;
    }
    let Some((platform, family)) = system(&client.platform) else { return };
    let claimed = client.device_family.as_deref().map(js::trim).filter(|claimed| !claimed.is_empty());
    if claimed.is_none_or(|claimed| claimed.eq_ignore_ascii_case(family)) {
        let named = claimed.unwrap_or(family).to_owned();
        if client.platform != platform || claimed.is_none() {
            platform.clone_into(&mut client.platform);
            client.device_family = Some(named);
        }
    }
}

/// Whether a platform is one of these systems, with a version or without.
pub(in crate::handshake) fn names(platform: &str, systems: &[&str]) -> bool {
    systems.iter().any(|system| {
        platform.strip_prefix(system).is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("cli", "cli", "linux", "LINUX", false, Some("linux"))]
    #[case("cli", "cli", "darwin", "macos", true, None)]
    #[case("node-host", "node", "darwin", "macos", false, Some("macos"))]
    #[case("node-host", "node", "linux", "windows", true, None)]
    #[case("openclaw-ios", "ui", "iOS 17", "iPadOS 18", false, Some("iPadOS 18"))]
    #[case("openclaw-ios", "ui", "iOS 17", "android", true, None)]
    fn platform_spellings_and_versions(
        #[case] id: &str,
        #[case] mode: &str,
        #[case] paired: &str,
        #[case] claimed: &str,
        #[case] mismatch: bool,
        #[case] platform: Option<&str>,
    ) {
        let client =
            serde_json::from_value(json!({"id": id, "mode": mode, "version": "1", "platform": claimed})).unwrap();
        let rules = HandshakeRules { lenient_pins: true, ..HandshakeRules::oldest() };
        let pinned = compare_with_record(&rules, &client, &json!({"platform": paired}));
        assert_eq!((pinned.mismatch, pinned.platform.as_deref()), (mismatch, platform));
    }
}
