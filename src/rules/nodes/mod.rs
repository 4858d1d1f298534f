//! The node store: the second approval, of a node's commands (`node-pairing.ts`, `node-connect-reconcile.ts`).

mod changes;
mod commands;
mod reconcile;
mod rules;
mod store;

pub use changes::CHANGES;
pub use commands::{declared_commands, platform_allows};
pub use reconcile::{Reconciliation, reconcile_on_connect};
pub use rules::{NodeReconnect, NodeRules};
pub use store::{
    NodeApproval, NodeRequest, NodeRequested, approve, find_paired, list, record_connect, reject, remove, rename,
    request, verify,
};
