//! 2026.2.19, the oldest release that is known: `oldest()` of every area is what it does.

use super::KnownRelease;
use crate::Release;

/// 2026.2.19.
pub(super) const RELEASE: KnownRelease =
    KnownRelease { release: Release::new(2026, 2, 19), missing: None, changes: &[] };
