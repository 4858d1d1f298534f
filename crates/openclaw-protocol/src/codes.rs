//! Close codes and error codes, by the names the gateway uses.

/// WebSocket close codes a gateway uses on purpose.
pub mod close {
    /// Bare close: handshake timeout, a frame that is not JSON, a store read error.
    pub const NORMAL: u16 = 1000;
    /// `protocol mismatch`.
    pub const PROTOCOL: u16 = 1002;
    /// Policy: every refusal of a connect.
    pub const POLICY: u16 = 1008;
    /// A frame over 64 KiB before authentication.
    pub const TOO_BIG: u16 = 1009;
    /// `gateway starting`, `service restart`.
    pub const RESTART: u16 = 1012;
    /// Not ready yet (newer releases).
    pub const TRY_LATER: u16 = 1013;
    /// A live socket of a device that was removed or whose token was revoked or rotated.
    pub const DEVICE_REMOVED: u16 = 4001;
}

/// Top-level `error.code` values.
pub mod error {
    /// The caller lacks a scope.
    pub const FORBIDDEN: &str = "FORBIDDEN";
    /// Anything wrong with a request, and most refusals.
    pub const INVALID_REQUEST: &str = "INVALID_REQUEST";
    /// The device has to pair first.
    pub const NOT_PAIRED: &str = "NOT_PAIRED";
    /// The gateway could not do its part.
    pub const UNAVAILABLE: &str = "UNAVAILABLE";
}
