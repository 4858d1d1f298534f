//! How a release's own program behaves as a process.

/// How a release's own program starts, and what it leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFacts {
    /// It listens before it takes connects, and turns early ones away with 1013 `gateway starting`.
    pub listens_early: bool,
    /// It writes its log to `logging.file`; else to a folder that every gateway of the machine shares.
    pub keeps_its_log: bool,
}

impl ProgramFacts {
    /// What 2026.2.19, the oldest known release, does.
    pub fn oldest() -> Self {
        Self { listens_early: false, keeps_its_log: false }
    }
}
