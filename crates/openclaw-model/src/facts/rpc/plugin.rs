//! Differences between the releases in the approvals of plugins' actions.

/// The rules of the approvals of plugins' actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PluginRules {
    /// A request may name the decisions that it allows.
    pub decisions_named: bool,
    /// A request may be longer, and may name the devices that review it.
    pub reviewers_named: bool,
    /// A request may have details and a scope, its session names the agent, and it can always be denied.
    pub detailed: bool,
}

impl PluginRules {
    /// Those of the oldest known release.
    pub(crate) fn oldest() -> Self {
        Self { decisions_named: false, reviewers_named: false, detailed: false }
    }
}
