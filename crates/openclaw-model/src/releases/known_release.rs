//! A release, its changes, and the evidence for them.

use crate::facts::Facts;
use crate::release::Release;
use std::fmt;

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
