//! The releases whose behaviour is known. Each file lists the changes of one release.

mod lists;
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
use std::fmt;
use std::sync::LazyLock;

/// The releases, oldest first.
pub static KNOWN: &[KnownRelease] = &[
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

/// The release that is used by default.
pub const DEFAULT: Release = v2026_9_6::RELEASE.release;

/// A known release and its changes.
#[derive(Debug)]
pub struct KnownRelease {
    /// The version of the release.
    pub release: Release,
    /// The part of the release that is not known. A release with a gap changes the facts of later releases, but no
    /// gateway emulates it.
    pub missing: Option<&'static str>,
    /// The changes, in the order of their application.
    pub changes: &'static [Change],
}

/// One change of behaviour between two releases.
#[derive(Debug)]
pub struct Change {
    /// The change in one or more sentences, for users. It states the earlier behaviour if that helps.
    pub what: &'static str,
    /// The evidence for the change.
    pub sources: &'static [Source],
    /// Applies the change to the facts.
    pub apply: fn(&mut Facts),
}

/// The evidence for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An issue or a pull request of OpenClaw's repository.
    Issue(u32),
    /// A file of OpenClaw's repository at the release's tag, and the functions or constants in it (may be empty).
    Code(&'static str, &'static str),
    /// Evidence without a link: a file whose path in the repository is not confirmed, or an observation.
    Note(&'static str),
}

/// OpenClaw's repository.
const REPOSITORY: &str = "https://github.com/openclaw/openclaw";

impl Source {
    /// The URL of the source for a change in this release. `None` for a note.
    pub fn url(self, release: Release) -> Option<String> {
        match self {
            Self::Issue(number) => Some(format!("{REPOSITORY}/issues/{number}")),
            Self::Code(path, _) => Some(format!("{REPOSITORY}/blob/v{release}/{path}")),
            Self::Note(_) => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issue(number) => write!(f, "#{number}"),
            Self::Code(path, "") => f.write_str(path),
            Self::Code(path, symbols) => write!(f, "{path} {symbols}"),
            Self::Note(note) => f.write_str(note),
        }
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

/// The facts of the newest known release up to this one. `None` before the oldest known release.
pub(super) fn facts_at(release: Release) -> Option<&'static Facts> {
    FACTS.iter().take_while(|facts| facts.release <= release).last()
}

/// The oldest known release.
pub(super) const OLDEST: Release = v2026_2_19::RELEASE.release;

#[cfg(test)]
mod tests;
