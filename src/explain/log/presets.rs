//! The kind of client that a log names.

use crate::explain::client::Preset;
use openclaw_protocol::client::mode;

/// The client of a log field that consists of an id, a mode and a version. Another field contains the role.
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

/// The role of a client whose mode the log names. An app has a role in each of its modes.
pub(super) fn role(client: &str) -> Option<&'static str> {
    match client.split(' ').nth(1)? {
        mode::NODE => Some("node"),
        mode::UI | mode::CLI | mode::BACKEND | mode::WEBCHAT | mode::PROBE => Some("operator"),
        _ => None,
    }
}

/// The Control UI, if only a page gets such a connect refused.
pub(super) fn page(origin: Option<&str>, reason: &str) -> Option<Preset> {
    let is_page = origin.is_some() || reason.to_lowercase().contains("control ui");
    is_page.then(|| "control-ui".parse().ok()).flatten()
}
