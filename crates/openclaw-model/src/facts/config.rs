//! What a release makes of its configuration, and what it refuses to start with.

use std::collections::BTreeSet;

/// What the `gateway` section of a configuration means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFacts {
    /// Keys, with their full path, that some known release has and this one refuses as unrecognized.
    pub unknown_keys: BTreeSet<&'static str>,
    /// A secret may be a reference to where it is kept; else it is a text.
    pub secret_references: bool,
    /// A token and a password without `gateway.auth.mode` are refused; else the password counts.
    pub ambiguous_secrets_refused: bool,
    /// The refusal of a missing `gateway.mode` takes the configuration for a damaged one.
    pub missing_mode_suspicious: bool,
    /// `OPENCLAW_HANDSHAKE_TIMEOUT_MS` sets the handshake timeout.
    pub timeout_from_environment: bool,
    /// A bind beyond loopback needs origins for the Control UI.
    pub origins_required: bool,
    /// A bind beyond loopback that has no origins gets those of this machine.
    pub origins_seeded: bool,
    /// So does `auto`.
    pub auto_seeds_origins: bool,
    /// Whether a reverse proxy may vouch for users where the gateway listens on loopback only.
    pub loopback_proxy: LoopbackProxy,
    /// Auth mode trusted-proxy excludes a shared token.
    pub proxy_excludes_token: bool,
}

/// Whether auth mode trusted-proxy goes with a bind to loopback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopbackProxy {
    /// The gateway does not start.
    Refused,
    /// It starts if a loopback address is among the trusted proxies.
    Listed,
    /// It starts.
    Allowed,
}

impl ConfigFacts {
    /// What 2026.2.19, the oldest known release, makes of its configuration.
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
            missing_mode_suspicious: false,
            timeout_from_environment: false,
            origins_required: false,
            origins_seeded: false,
            auto_seeds_origins: false,
            loopback_proxy: LoopbackProxy::Refused,
            proxy_excludes_token: false,
        }
    }

    /// Takes keys, by their full path, into the configuration.
    pub fn know<const N: usize>(&mut self, keys: [&'static str; N]) {
        for key in keys {
            self.unknown_keys.remove(key);
        }
    }
}
