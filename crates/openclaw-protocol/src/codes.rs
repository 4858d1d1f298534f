//! Close codes and error codes, with the names that the gateway uses.

/// WebSocket close codes that a gateway sends.
pub mod close {
    /// A close without a reason: handshake timeout, a frame that is not JSON, a store read error.
    pub const NORMAL: u16 = 1000;
    /// `protocol mismatch`.
    pub const PROTOCOL: u16 = 1002;
    /// Policy violation: every refusal of a connect.
    pub const POLICY: u16 = 1008;
    /// A frame over 64 KiB before authentication.
    pub const TOO_BIG: u16 = 1009;
    /// `gateway starting`, `service restart`.
    pub const RESTART: u16 = 1012;
    /// Not ready yet (newer releases).
    pub const TRY_LATER: u16 = 1013;
    /// The device of an open connection was removed, or its token was revoked or rotated.
    pub const DEVICE_REMOVED: u16 = 4001;
}

/// Top-level `error.code` values.
pub mod error {
    /// The caller lacks a scope.
    pub const FORBIDDEN: &str = "FORBIDDEN";
    /// An invalid request, and most refusals.
    pub const INVALID_REQUEST: &str = "INVALID_REQUEST";
    /// The device has to pair first.
    pub const NOT_PAIRED: &str = "NOT_PAIRED";
    /// The gateway could not perform the request.
    pub const UNAVAILABLE: &str = "UNAVAILABLE";
}
