//! The machine that clawcheck itself runs on, and where it comes to its end.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::sync::OnceLock;

/// As many descriptors as clawcheck asks for where it may have more. Some systems refuse a number without end.
const MOST_DESCRIPTORS: u64 = 1 << 16;

/// The soft limit that clawcheck was started with.
static USUAL: OnceLock<u64> = OnceLock::new();

/// Raises the number of descriptors that this process may open (the soft RLIMIT_NOFILE) as far as it may be raised: every
/// gateway and every connection takes some. Where the system refuses, all stays as it was.
pub(crate) fn raise_descriptors() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    USUAL.get_or_init(|| soft);
    let most = hard.min(MOST_DESCRIPTORS);
    if soft < most {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, hard);
    }
}

/// The soft limit before it was raised, for processes that are not to know of that: some go through all the numbers up to it.
pub(crate) fn usual_descriptors() -> Option<u64> {
    USUAL.get().copied()
}

/// Lowers the soft limit of this process.
pub(crate) fn lower_descriptors(soft: u64) {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.min(hard), hard);
    }
}
