//! What 2026.4.1 changed.

use super::{Change, KnownRelease, Source::Code};
use crate::Release;
use crate::facts::nodes::NodeReconnect;

/// 2026.4.1.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 4, 1),
    missing: None,
    changes: &[
        Change {
            what: "A node has the commands that it offers, both while it waits for approval and afterwards.",
            sources: &[Code("src/gateway/node-connect-reconcile.ts", "")],
            apply: |facts| facts.nodes.reconnect = NodeReconnect::AskWhenUnpaired,
        },
        Change {
            what: "A repeated node request refreshes the pending request.",
            sources: &[Code("src/infra/node-pairing.ts", "requestNodePairing")],
            apply: |facts| facts.nodes.request_refreshes = true,
        },
        Change {
            what: "Node lists include approved nodes in addition to paired devices.",
            sources: &[Code("src/gateway/node-catalog.ts", "")],
            apply: |facts| facts.nodes.list_knows_nodes = true,
        },
        Change {
            what: "Adds the configuration key `gateway.webchat`.",
            sources: &[Code("src/config/zod-schema.ts", "OpenClawSchema")],
            apply: |facts| facts.config.know(["gateway.webchat"]),
        },
    ],
};
