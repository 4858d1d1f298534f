//! What gateways say they can do: `features.capabilities` of `hello-ok`.

/// Told in the challenge already.
pub(crate) const MODEL_CATALOG: &str = "model-catalog-snapshot";

/// `features.capabilities` of 2026.7.35.
pub(crate) const V2026_7_35: &[&str] = &["chat-send-routing-contract"];

/// `features.capabilities` of 2026.9.6.
pub(crate) const V2026_9_6: &[&str] = &[
    "board-widget-put-canvas-doc",
    "chat-send-routing-contract",
    "gateway-restart-target-safe-v1",
    MODEL_CATALOG,
    "node-worker-bundle-retention-v1",
    "node-worker-bundle-status-v1",
    "node-worker-captured-exec-policy",
    "node-worker-environment-session-v1",
    "node-worker-portal-stream-v1",
    "profile-binding-v1",
    "published-model-catalog",
    "progress-card-agent-scope-v1",
    "session-scoped-chat-metadata",
    "session-scoped-model-catalog",
    "session-unread-ack-contract",
    "session-goal-start-v1",
    "session-settings-contract",
    "session-settings-cas-v1",
    "openclaw-chat-wizard-cancel",
    "openclaw-setup-model-ref",
    "taskSuggestions.acceptModes",
];
