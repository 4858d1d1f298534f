//! The operations on the device store in each release (`device-pairing.ts`, `device-bootstrap.ts`).
//!
//! Every operation reads the documents, changes them and writes them completely, as the releases do. An edit from
//! outside therefore takes effect. In older releases, pending requests and paired devices are always written together.

mod approve;
mod bootstrap;
mod devices;
mod error;
mod import;
mod local_cli;
mod request;
mod roles;
mod scopes;
mod state;
mod tokens;

pub use crate::facts::pairing::{EffectiveRoles, PairingRules, PendingRepeat, StateRules};
pub use approve::{Approval, ApprovalKind, ApprovalRefusal, Approver, access_scopes, approve, approve_bootstrap};
pub use bootstrap::{
    BootstrapProfile, BootstrapRequest, Purpose, bootstrap_profile, bound_bootstrap_profile, redeem_bootstrap_profile,
    revoke_bootstrap_token, verify_bootstrap_token,
};
pub use devices::{
    AccessMetadata, PairingList, find_paired, find_pending, list, live_request_id, note_life, prune_silent,
    redact_paired, reject, remove, remove_role, rename, update_metadata,
};
pub(crate) use devices::{newest, reject_pending};
pub use error::StoreError;
pub use import::{Imported, import_devices, import_nodes};
pub use local_cli::pair_local_cli;
pub use request::{PairingRequest, RequestOutcome, request};
pub use roles::{approved_roles, effective_roles, has_effective_role};
pub use scopes::{
    expanded_scopes, missing_scope, normalise_scopes, normalised_scopes, role_scoped, scopes_allow, scopes_allow_values,
};
pub use state::DocumentFamily;
pub(crate) use state::{ChangedDocuments, PairingState};
pub use tokens::{
    SHARED_SECRET, ShownToken, TokenRefusal, TokenRequest, TokenRevocation, TokenRotation, ensure_token, revoke_token,
    rotate_token, summarise_tokens, verify_token,
};
pub(crate) use tokens::{rotation_scopes, same_secret};

/// The lifetime of a pending request, in milliseconds. Older requests are dropped when the file is next loaded, and
/// removed from the disk with the next write.
pub const PENDING_TTL_MS: i64 = 300_000;

#[cfg(test)]
mod tests;
