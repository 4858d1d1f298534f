//! The behaviour of a release's own program as a process.

/// How a release's own program starts, and what it leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFacts {
    /// It listens before it accepts connects, and closes early connections with 1013 `gateway starting`.
    pub listens_early: bool,
    /// It writes its log to `logging.file`. Otherwise, it writes to a folder that all gateways of the host share.
    pub keeps_its_log: bool,
}

impl ProgramFacts {
    /// The program of 2026.2.19, the oldest known release.
    pub fn oldest() -> Self {
        Self { listens_early: false, keeps_its_log: false }
    }
}
