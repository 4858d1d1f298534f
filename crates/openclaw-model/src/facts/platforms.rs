//! Differences between the releases in the commands that a platform's nodes may offer.

/// Which commands a platform's nodes may offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlatformRules {
    /// `system.run.prepare` and `notifications.list` are commands.
    pub prepares_runs: bool,
    /// Android's own commands are complete.
    pub android_complete: bool,
    /// A node of an unknown platform may run programs.
    pub unknown_run_programs: bool,
    /// Desktops may offer the approvals of their programs, and their models.
    pub desktops_keep_approvals: bool,
    /// Platforms are told apart by what they can do: only Macs have a canvas, watches are known, and desktops hand on files, tools and their screen.
    pub by_capability: bool,
}

impl PlatformRules {
    /// Those of the oldest known release.
    pub(crate) fn oldest() -> Self {
        Self {
            prepares_runs: false,
            android_complete: false,
            unknown_run_programs: true,
            desktops_keep_approvals: false,
            by_capability: false,
        }
    }
}
