//! Differences between the releases in the commands that the nodes of a platform can offer.

/// The commands that the nodes of a platform can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlatformRules {
    /// `system.run.prepare` and `notifications.list` are commands.
    pub prepares_runs: bool,
    /// The list of Android's own commands is complete.
    pub android_complete: bool,
    /// A node of an unknown platform can run programs.
    pub unknown_run_programs: bool,
    /// Desktops can offer the approvals of their programs, and their models.
    pub desktops_offer_approvals: bool,
    /// The commands depend on the abilities of a platform: only Macs have a canvas, watches are known, and desktops
    /// share files, tools and their screen.
    pub by_capability: bool,
}

impl PlatformRules {
    /// The commands of the oldest known release.
    pub(crate) fn oldest() -> Self {
        Self {
            prepares_runs: false,
            android_complete: false,
            unknown_run_programs: true,
            desktops_offer_approvals: false,
            by_capability: false,
        }
    }
}
