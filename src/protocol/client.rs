//! Client ids and modes (`client-info.ts` in `message-channel-*.js`).

/// The CLI.
pub const CLI: &str = "cli";
/// The gateway's own client, used by its tools and sub-processes.
pub const GATEWAY_CLIENT: &str = "gateway-client";
/// The Control UI in a browser.
pub const CONTROL_UI: &str = "openclaw-control-ui";
/// The terminal user interface.
pub const TUI: &str = "openclaw-tui";
/// The chat in a browser.
pub const WEBCHAT_UI: &str = "webchat-ui";

/// The apps of the platforms.
pub const NATIVE_APPS: [&str; 3] = ["openclaw-macos", "openclaw-ios", "openclaw-android"];

/// Every client id, in the order in which the schema lists them.
pub const ALL: [&str; 13] = [
    WEBCHAT_UI,
    CONTROL_UI,
    TUI,
    "webchat",
    CLI,
    GATEWAY_CLIENT,
    "openclaw-macos",
    "openclaw-ios",
    "openclaw-android",
    "node-host",
    "test",
    "fingerprint",
    "openclaw-probe",
];

/// What a client may run as.
pub mod mode {
    /// The chat in a browser.
    pub const WEBCHAT: &str = "webchat";
    /// A command line.
    pub const CLI: &str = "cli";
    /// A process that acts for the gateway.
    pub const BACKEND: &str = "backend";

    /// A user interface.
    pub const UI: &str = "ui";

    /// Every mode, in the order in which the schema lists them.
    pub const ALL: [&str; 7] = [WEBCHAT, CLI, UI, BACKEND, "node", "probe", "test"];
}
