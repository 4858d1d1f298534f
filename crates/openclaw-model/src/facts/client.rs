//! The values that a release's own client offers in a connect.

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
}

impl ClientFacts {
    /// The client of 2026.2.19, the oldest known release.
    pub fn oldest() -> Self {
        Self { protocols: (3, 3), device_tokens: false, local_fallback: false, repeats_approval_as_admin: false }
    }

    /// Whether a client of the other release connects in the same way.
    pub fn connects_like(&self, other: &Self) -> bool {
        (self.protocols, self.device_tokens) == (other.protocols, other.device_tokens)
    }
}
