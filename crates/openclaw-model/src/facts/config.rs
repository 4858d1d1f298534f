//! How a release interprets its configuration, and which configurations it refuses.

use std::collections::BTreeSet;

/// The meaning of the `gateway` section of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFacts {
    /// Keys that another known release has and this release refuses as unrecognized, with their full path.
    pub unknown_keys: BTreeSet<&'static str>,
    /// A secret can be a reference. Otherwise, it must be a string.
    pub secret_references: bool,
    /// A token and a password without `gateway.auth.mode` are refused. Otherwise, the password is used.
    pub ambiguous_secrets_refused: bool,
    /// The error for a missing `gateway.mode` states that the configuration may be damaged.
    pub missing_mode_hint: bool,
    /// `OPENCLAW_HANDSHAKE_TIMEOUT_MS` sets the handshake timeout.
    pub timeout_from_environment: bool,
    /// A bind beyond loopback requires origins for the Control UI.
    pub origins_required: bool,
    /// A bind beyond loopback without origins allows the origins of its own host.
    pub origins_seeded: bool,
    /// The bind `auto` also allows the origins of its own host.
    pub auto_seeds_origins: bool,
    /// Whether auth mode trusted-proxy works with a loopback bind.
    pub loopback_proxy: LoopbackProxy,
    /// Auth mode trusted-proxy excludes a shared token.
    pub proxy_excludes_token: bool,
}

/// Whether auth mode trusted-proxy works with a loopback bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopbackProxy {
    /// The gateway does not start.
    Refused,
    /// The gateway starts if a loopback address is among the trusted proxies.
    Listed,
    /// The gateway starts.
    Allowed,
}

impl ConfigFacts {
    /// The configuration of 2026.2.19, the oldest known release.
    pub fn oldest() -> Self {
        Self {
            unknown_keys: BTreeSet::from([
                "gateway.allowRealIpFallback",
                "gateway.auth.trustedProxy.allowLoopback",
                "gateway.auth.trustedProxy.deviceAutoApprove",
                "gateway.channelMaxRestartsPerHour",
                "gateway.channelStaleEventThresholdMinutes",
                "gateway.controlUi.allowExternalEmbedUrls",
                "gateway.controlUi.chatMessageMaxWidth",
                "gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback",
                "gateway.controlUi.embedSandbox",
                "gateway.customBindHost",
                "gateway.handshakeTimeoutMs",
                "gateway.nodes.commands",
                "gateway.nodes.pairing",
                "gateway.push",
                "gateway.tailscale.preserveFunnel",
                "gateway.tailscale.serviceName",
                "gateway.webchat",
            ]),
            secret_references: false,
            ambiguous_secrets_refused: false,
            missing_mode_hint: false,
            timeout_from_environment: false,
            origins_required: false,
            origins_seeded: false,
            auto_seeds_origins: false,
            loopback_proxy: LoopbackProxy::Refused,
            proxy_excludes_token: false,
        }
    }

    /// Adds keys to the configuration, by full path.
    pub fn know<const N: usize>(&mut self, keys: [&'static str; N]) {
        for key in keys {
            self.unknown_keys.remove(key);
        }
    }
}
