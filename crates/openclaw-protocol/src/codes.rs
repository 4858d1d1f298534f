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

    /// The values that OpenClaw releases use.
    pub const ALL: [&str; 7] =
        ["AGENT_TIMEOUT", "APPROVAL_NOT_FOUND", FORBIDDEN, INVALID_REQUEST, "NOT_LINKED", NOT_PAIRED, UNAVAILABLE];
}

/// `error.details` of a refused connect (`src/gateway/protocol/connect-error-details.ts`).
pub mod refusal {
    /// `details.code`.
    pub const CODES: [&str; 31] = [
        "AUTH_BOOTSTRAP_TOKEN_INVALID",
        "AUTH_DEVICE_TOKEN_MISMATCH",
        "AUTH_IDENTITY_HEADER_REQUIRED",
        "AUTH_PASSWORD_MISMATCH",
        "AUTH_PASSWORD_MISSING",
        "AUTH_PASSWORD_NOT_CONFIGURED",
        "AUTH_RATE_LIMITED",
        "AUTH_REQUIRED",
        "AUTH_SCOPE_MISMATCH",
        "AUTH_TAILSCALE_IDENTITY_MISMATCH",
        "AUTH_TAILSCALE_IDENTITY_MISSING",
        "AUTH_TAILSCALE_PROXY_MISSING",
        "AUTH_TAILSCALE_WHOIS_FAILED",
        "AUTH_TOKEN_MISMATCH",
        "AUTH_TOKEN_MISSING",
        "AUTH_TOKEN_NOT_CONFIGURED",
        "AUTH_UNAUTHORIZED",
        "CONTROL_UI_DEVICE_IDENTITY_REQUIRED",
        "CONTROL_UI_ORIGIN_NOT_ALLOWED",
        "DEVICE_AUTH_DEVICE_ID_MISMATCH",
        "DEVICE_AUTH_INVALID",
        "DEVICE_AUTH_NONCE_MISMATCH",
        "DEVICE_AUTH_NONCE_REQUIRED",
        "DEVICE_AUTH_PUBLIC_KEY_INVALID",
        "DEVICE_AUTH_SIGNATURE_EXPIRED",
        "DEVICE_AUTH_SIGNATURE_INVALID",
        "DEVICE_IDENTITY_REQUIRED",
        "MISSING_SCOPE",
        "PAIRING_CHANGED",
        "PAIRING_REQUIRED",
        "PROTOCOL_MISMATCH",
    ];
    /// `details.reason` of a refused proof and of a pairing request. Other reasons are sentences.
    pub const REASONS: [&str; 10] = [
        "device-id-mismatch",
        "device-nonce-mismatch",
        "device-nonce-missing",
        "device-public-key",
        "device-signature",
        "device-signature-stale",
        "metadata-upgrade",
        "not-paired",
        "role-upgrade",
        "scope-upgrade",
    ];
}
