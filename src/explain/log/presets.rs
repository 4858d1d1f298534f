//! The kind of client that a log names.

use crate::explain::client::Preset;

/// The client with this id, before its mode and its version. Another field contains the role.
pub(super) fn preset(client: &str) -> Option<Preset> {
    let mut words = client.split(' ');
    let name = match words.next().unwrap_or_default() {
        "cli" if words.next() == Some("probe") => "probe",
        "cli" => "cli",
        "gateway-client" => "backend",
        "openclaw-control-ui" => "control-ui",
        "openclaw-tui" => "tui",
        "webchat-ui" | "webchat" => "webchat",
        "node-host" => "node",
        "openclaw-macos" => "macos",
        "openclaw-ios" => "ios",
        "openclaw-android" => "android",
        _ => return None,
    };
    name.parse().ok()
}

/// The Control UI if the connect has an origin and a user agent that begins with `Mozilla/`.
pub(super) fn browser(agent: Option<&str>, origin: Option<&str>) -> Option<Preset> {
    agent.zip(origin).filter(|(agent, _)| agent.starts_with("Mozilla/")).and_then(|_| "control-ui".parse().ok())
}
