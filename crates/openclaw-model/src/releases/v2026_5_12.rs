//! What is known of 2026.5.12: the protocol of its clients.

use super::{
    Change, KnownRelease,
    Source::{Issue, Note},
};
use crate::Release;

/// 2026.5.12.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 5, 12),
    missing: Some("only the protocol of its clients is known"),
    changes: &[Change {
        what: "OpenClaw's own clients offer protocol 4. Before, they offered protocol 3.",
        sources: &[Issue(80725), Note("seen in 2026.5.18")],
        apply: |facts| facts.client.protocols = (4, 4),
    }],
};
