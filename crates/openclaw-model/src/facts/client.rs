//! What a release's own client offers when it connects.

/// What a release's own client offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFacts {
    /// The lowest and the highest protocol version.
    pub protocols: (u32, u32),
    /// It signs v3 proofs and has a place of its own for a device token in `auth`; else it signs v2 and sends a device
    /// token as `auth.token`.
    pub device_tokens: bool,
}

impl ClientFacts {
    /// What the client of 2026.2.19, the oldest known release, offers.
    pub fn oldest() -> Self {
        Self { protocols: (3, 3), device_tokens: false }
    }
}
