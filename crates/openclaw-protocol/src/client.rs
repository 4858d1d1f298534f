//! Client ids and modes (`client-info.ts` in `message-channel-*.js`).

/// OpenClaw's command line client.
pub const CLI: &str = "cli";
/// The gateway's own client, used by its tools and sub-processes.
pub const GATEWAY_CLIENT: &str = "gateway-client";
/// The Control UI in a browser.
pub const CONTROL_UI: &str = "openclaw-control-ui";
/// The terminal user interface.
pub const TUI: &str = "openclaw-tui";
/// The chat in a browser.
pub const WEBCHAT_UI: &str = "webchat-ui";

/// The app for macOS.
pub const MACOS_APP: &str = "openclaw-macos";
/// The app for iOS.
pub const IOS_APP: &str = "openclaw-ios";
/// The app for Android.
pub const ANDROID_APP: &str = "openclaw-android";
/// The program that turns a machine into a node.
pub const NODE_HOST: &str = "node-host";
/// The copilot in a browser's side panel (2026.9.6).
pub const BROWSER_COPILOT: &str = "openclaw-browser-copilot";
/// The app for watchOS (2026.9.6).
pub const WATCHOS_APP: &str = "openclaw-watchos";
/// The apps of the platforms. Only the newest releases know the app for Linux.
pub const NATIVE_APPS: [&str; 4] = ["openclaw-macos", "openclaw-linux", IOS_APP, ANDROID_APP];

/// The client ids of the releases that know the copilot, in the order in which the schema lists them.
pub const IDS_WITH_COPILOT: [&str; 17] = [
    WEBCHAT_UI,
    CONTROL_UI,
    BROWSER_COPILOT,
    TUI,
    "webchat",
    CLI,
    GATEWAY_CLIENT,
    "openclaw-macos",
    "openclaw-linux",
    IOS_APP,
    WATCHOS_APP,
    ANDROID_APP,
    NODE_HOST,
    "openclaw-worker",
    "test",
    "fingerprint",
    "openclaw-probe",
];

/// All client ids, in the order of the schema.
pub const ALL: [&str; 13] = [
    WEBCHAT_UI,
    CONTROL_UI,
    TUI,
    "webchat",
    CLI,
    GATEWAY_CLIENT,
    "openclaw-macos",
    IOS_APP,
    ANDROID_APP,
    NODE_HOST,
    "test",
    "fingerprint",
    "openclaw-probe",
];

/// All client ids of releases without [`TUI`].
pub const BEFORE_TUI: [&str; 12] = [
    WEBCHAT_UI,
    CONTROL_UI,
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

/// The modes of clients.
pub mod mode {
    /// The chat in a browser.
    pub const WEBCHAT: &str = "webchat";
    /// A command line.
    pub const CLI: &str = "cli";
    /// A process that acts for the gateway.
    pub const BACKEND: &str = "backend";

    /// A host of commands for the gateway.
    pub const NODE: &str = "node";
    /// A client that only checks whether a gateway responds.
    pub const PROBE: &str = "probe";
    /// A user interface.
    pub const UI: &str = "ui";

    /// All modes, in the order of the schema.
    pub const ALL: [&str; 7] = [WEBCHAT, CLI, UI, BACKEND, NODE, PROBE, "test"];

    /// The modes of the releases that know workers, in the order in which the schema lists them.
    pub const WITH_WORKER: [&str; 8] = [WEBCHAT, CLI, UI, BACKEND, NODE, "worker", PROBE, "test"];
}
