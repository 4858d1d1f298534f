//! The node store: the second approval, of a node's commands (`node-pairing.ts`, `node-connect-reconcile.ts`).

mod commands;
mod reconcile;
mod request;
mod store;
mod surface;

pub use crate::facts::nodes::{NodeReconnect, NodeRules, PlatformCommands};
pub use commands::{Judged, declared_commands, permitted_commands, platform_allows};
pub use reconcile::{Reconciliation, Surfaces, reconcile_on_connect};
pub use request::{NodeRequest, NodeRequested, request};
pub use store::{
    NodeApproval, approve, find_paired, find_pending, list, note_life, note_programs, projected, record_connect,
    record_departure, reject, reject_all, remove, rename, surfaces_of_device, verify,
};
pub use surface::{Surface, same_set};
