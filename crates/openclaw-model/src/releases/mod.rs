//! The releases whose behaviour is known: one file for each, with everything that it changed.

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

/// The release that is meant where nobody names one.
pub const DEFAULT: Release = v2026_9_6::RELEASE.release;

/// A release, and what it changed.
#[derive(Debug)]
pub struct KnownRelease {
    /// Its version.
    pub release: Release,
    /// What is not known of it. A release with a gap changes the facts of later releases, but no gateway is asked to answer
    /// like it.
    pub missing: Option<&'static str>,
    /// What it changed, in the order in which it is applied.
    pub changes: &'static [Change],
}

/// One change of behaviour between two releases.
#[derive(Debug)]
pub struct Change {
    /// One sentence for a reader, with a second one about the time before where that helps.
    pub what: &'static str,
    /// How it is known.
    pub sources: &'static [Source],
    /// What it does to the facts.
    pub apply: fn(&mut Facts),
}

/// How a change is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An issue or a pull request of OpenClaw's repository.
    Issue(u32),
    /// A file of OpenClaw's repository at the release's tag, and the functions or constants in it that say so (may be empty).
    Code(&'static str, &'static str),
    /// What cannot be opened: a file whose place in the repository is not confirmed, or how the change was observed.
    Note(&'static str),
}

/// OpenClaw's repository.
const REPOSITORY: &str = "https://github.com/openclaw/openclaw";

impl Source {
    /// Where the source can be opened, for a change of this release.
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

/// The newest release at or before this one that is known without a gap.
pub fn described(release: Release) -> Option<Release> {
    known_releases().take_while(|known| *known <= release).last()
}

/// Releases that are known without a gap, oldest first.
pub fn known_releases() -> impl DoubleEndedIterator<Item = Release> {
    KNOWN.iter().filter(|known| known.missing.is_none()).map(|known| known.release)
}

/// The release before a known one; `None` for the oldest.
pub fn before(release: Release) -> Option<Release> {
    KNOWN.iter().map(|known| known.release).take_while(|known| *known < release).last()
}

/// Every change up to a release, oldest first.
pub(super) fn changes_up_to(release: Release) -> impl Iterator<Item = &'static Change> {
    KNOWN.iter().take_while(move |known| known.release <= release).flat_map(|known| known.changes)
}

/// The oldest release whose behaviour is known.
pub(super) const OLDEST: Release = v2026_2_19::RELEASE.release;

#[cfg(test)]
mod tests;
