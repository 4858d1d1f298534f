//! The roles and scopes that there are.

/// The roles of every release.
pub const ROLES: [&str; 2] = ["operator", "node"];

/// Every scope that an operator can hold in 2026.9.6, the most of any release (`operator-scopes.ts`; what
/// `device.scopes.requestUpgrade` takes, seen).
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
