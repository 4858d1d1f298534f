//! A problem that `doctor` finds.

use openclaw_model::Release;

/// The maximum number of findings that are printed. A store can contain any number of records.
pub(super) const MAX_FINDINGS: usize = 200;

/// A problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file or the table, relative to the state directory.
    pub place: String,
    /// The device or the request, if the problem concerns a single record.
    pub record: Option<String>,
    /// The problem in words.
    pub what: String,
    /// The affected releases. If empty, all releases are affected.
    pub releases: Vec<Release>,
}
