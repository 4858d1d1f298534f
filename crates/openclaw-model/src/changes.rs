//! Every change of behaviour that is known.

use super::history::Change;
use super::{handshake, locality, nodes, pairing, rpc};
use std::sync::LazyLock;

/// The changes of every area, oldest first.
pub static CHANGES: LazyLock<Vec<&'static Change>> = LazyLock::new(|| {
    let areas = [
        locality::CHANGES,
        handshake::CHANGES,
        handshake::NEWER_CHANGES,
        pairing::CHANGES,
        nodes::CHANGES,
        rpc::CHANGES,
        rpc::NODE_CHANGES,
    ];
    let mut all: Vec<&Change> = areas.into_iter().flatten().collect();
    // Stable: within a release and an area the order stays.
    all.sort_by_key(|change| change.seen);
    all
});
