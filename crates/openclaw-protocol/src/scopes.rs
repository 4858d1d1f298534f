//! All roles and scopes.

/// The roles of every release.
pub const ROLES: [&str; 2] = ["operator", "node"];

/// All operator scopes of 2026.9.6, which has the most of all releases (`operator-scopes.ts`; observed: the scopes that
/// `device.scopes.requestUpgrade` accepts).
pub const OPERATOR_SCOPES: [&str; 10] = [
    "operator.admin",
    "operator.read",
    "operator.write",
    "operator.sessions.read",
    "operator.sessions.write",
    "operator.approvals",
    "operator.questions",
    "operator.pairing",
    "operator.talk",
    "operator.talk.secrets",
];
