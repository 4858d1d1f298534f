//! The releases whose behaviour is known. Each file lists the changes of one release.

mod known_release;
mod lists;
mod lookup;
mod v2026_2_19;
mod v2026_2_26;
mod v2026_3_13;
mod v2026_3_28;
mod v2026_3_31;
mod v2026_4_1;
mod v2026_4_15;
mod v2026_4_2;
mod v2026_4_5;
mod v2026_4_8;
mod v2026_5_12;
mod v2026_5_7;
mod v2026_6_11;
mod v2026_7_35;
mod v2026_9_6;

use super::facts::Facts;
use super::release::Release;
use std::sync::LazyLock;

pub use known_release::{Change, KnownRelease, Source};
pub use lookup::{ReleaseError, UnknownRelease};

/// The releases, oldest first.
pub static KNOWN: &[KnownRelease] = ALL;

const ALL: &[KnownRelease] = &[
    v2026_2_19::RELEASE,
    v2026_2_26::RELEASE,
    v2026_3_13::RELEASE,
    v2026_3_28::RELEASE,
    v2026_3_31::RELEASE,
    v2026_4_1::RELEASE,
    v2026_4_2::RELEASE,
    v2026_4_5::RELEASE,
    v2026_4_8::RELEASE,
    v2026_4_15::RELEASE,
    v2026_5_7::RELEASE,
    v2026_5_12::RELEASE,
    v2026_6_11::RELEASE,
    v2026_7_35::RELEASE,
    v2026_9_6::RELEASE,
];

/// The release that is used by default: the newest one without a gap.
pub const DEFAULT: Release = newest(ALL);

const fn newest(releases: &[KnownRelease]) -> Release {
    match releases {
        [.., KnownRelease { release, missing: None, .. }] => *release,
        [older @ .., _] => newest(older),
        [] => OLDEST,
    }
}

/// The newest release without a gap at or before this one.
pub fn described(release: Release) -> Option<Release> {
    known_releases().take_while(|known| *known <= release).last()
}

/// The releases without a gap, oldest first.
pub fn known_releases() -> impl DoubleEndedIterator<Item = Release> {
    KNOWN.iter().filter(|known| known.missing.is_none()).map(|known| known.release)
}

/// The release before a known one. `None` for the oldest.
pub fn before(release: Release) -> Option<Release> {
    KNOWN.iter().map(|known| known.release).take_while(|known| *known < release).last()
}

/// The facts of each known release, oldest first. They are computed once, because a run asks for them thousands of times.
static FACTS: LazyLock<Vec<Facts>> = LazyLock::new(|| {
    let mut facts = Facts::oldest(OLDEST);
    let known = KNOWN.iter().map(|known| {
        facts.release = known.release;
        known.changes.iter().for_each(|change| (change.apply)(&mut facts));
        facts.clone()
    });
    known.collect()
});

/// The oldest known release.
pub(super) const OLDEST: Release = v2026_2_19::RELEASE.release;

#[cfg(test)]
mod tests;
