//! Differences between the releases in the approval of plugin actions.

/// The rules for the approval of plugin actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PluginRules {
    /// A request can list the decisions that it allows.
    pub request_lists_decisions: bool,
    /// A request can be longer, and can name the devices that review it.
    pub reviewers_named: bool,
    /// A request can have details and a scope. Its session names the agent. A request can always be denied.
    pub detailed: bool,
}

impl PluginRules {
    /// The rules of the oldest known release.
    pub(crate) fn oldest() -> Self {
        Self { request_lists_decisions: false, reviewers_named: false, detailed: false }
    }
}
