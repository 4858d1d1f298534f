//! The values that a release's own client offers in a connect.

use openclaw_protocol::store::StoreFormat;

/// The values that a release's own client offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFacts {
    /// The lowest and the highest protocol version.
    pub protocols: (u32, u32),
    /// Whether the client signs v3 proofs and sends a device token as `auth.deviceToken`. Otherwise, it signs v2 proofs
    /// and sends a device token as `auth.token`.
    pub device_tokens: bool,
    /// Whether a refused `openclaw` lists and approves devices in the files of the gateway's machine.
    pub local_fallback: bool,
    /// Whether `openclaw devices approve` repeats a denied approval with `operator.admin`, and ends if that is refused, too.
    /// The local fallback then does not help with a node, because only an administrator approves a node.
    pub repeats_approval_as_admin: bool,
    /// Where the `openclaw` command keeps its device token: in `identity/device-auth.json` or in the database.
    pub token_store: StoreFormat,
    /// Whether a secret in the environment of the `openclaw` command takes precedence over the configuration. A gateway always
    /// prefers the configuration.
    pub environment_first: bool,
    /// When the clients of the gateway's machine send their device.
    pub sends_device: SendsDevice,
    /// Whether a client that sends its stored device token requests the scopes of this token.
    pub requests_stored_scopes: bool,
    /// The scopes that the operator clients request by default.
    pub scopes: DefaultScopes,
    /// Whether the `openclaw` command requests fewer scopes for a method that needs fewer.
    pub narrows_scopes: bool,
}

/// When the clients of the gateway's machine send their device. All other clients always send theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendsDevice {
    /// The `openclaw` command.
    pub command: DeviceRule,
    /// The tools of the gateway, such as the exec tool.
    pub backend: DeviceRule,
    /// The probe of `openclaw gateway status` and `openclaw gateway probe`.
    pub probe: DeviceRule,
}

/// When a client sends its device. A local gateway is one whose URL names a loopback address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceRule {
    /// To every gateway.
    Always,
    /// To every gateway that is not local.
    UnlessLocal,
    /// To every gateway, except a local one for which the client has no secret.
    UnlessLocalWithoutSecret,
    /// To every gateway, except a local one for which the client has the secret.
    UnlessLocalWithSecret,
    /// If the client has stored a device token for its role.
    WithStoredToken,
}

/// The scopes that OpenClaw's operator clients request by default, in the order of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultScopes {
    /// The scopes of the `openclaw` command.
    pub command: &'static [&'static str],
    /// The scopes of the probe of `openclaw gateway status`.
    pub probe: &'static [&'static str],
    /// The scopes of the terminal user interface.
    pub terminal: &'static [&'static str],
    /// The scopes of the Control UI and of the chat in a browser.
    pub browser: &'static [&'static str],
}

impl ClientFacts {
    /// The client of 2026.2.19, the oldest known release.
    pub fn oldest() -> Self {
        Self {
            protocols: (3, 3),
            device_tokens: false,
            local_fallback: false,
            repeats_approval_as_admin: false,
            token_store: StoreFormat::Files,
            environment_first: true,
            sends_device: SendsDevice::oldest(),
            requests_stored_scopes: false,
            scopes: DefaultScopes::oldest(),
            narrows_scopes: false,
        }
    }

    /// Whether a client of the other release connects in the same way.
    pub fn connects_like(&self, other: &Self) -> bool {
        (self.protocols, self.device_tokens) == (other.protocols, other.device_tokens)
    }
}

impl SendsDevice {
    /// The clients of 2026.2.19.
    fn oldest() -> Self {
        Self { command: DeviceRule::Always, backend: DeviceRule::Always, probe: DeviceRule::Always }
    }
}

impl DefaultScopes {
    /// The scopes of the clients of 2026.2.19.
    fn oldest() -> Self {
        let several = &["operator.admin", "operator.approvals", "operator.pairing"];
        let admin = &["operator.admin"];
        Self { command: several, probe: admin, terminal: admin, browser: several }
    }
}
