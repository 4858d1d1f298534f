//! The node store: the second approval, of a node's commands (`node-pairing.ts`, `node-connect-reconcile.ts`).

mod commands;
mod node_surface;
mod reconcile;
mod request;
mod store;

pub use crate::facts::nodes::{NodeReconnect, NodeRules};
pub use commands::{NodeDescription, declared_commands, permitted_commands, platform_allows};
pub use node_surface::{NodeSurface, same_set};
pub use reconcile::{NodeSurfaces, Reconciliation, reconcile_on_connect};
pub use request::{NodeRequest, NodeRequestOutcome, request};
pub use store::{
    NodeApproval, approve, find_paired, find_pending, list, note_life, note_programs, projected, record_connect,
    record_departure, reject, reject_all, remove, rename, surfaces_of_device, verify,
};
