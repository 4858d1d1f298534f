//! Differences between the releases in the presence list.

/// The rules of the presence list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceRules {
    /// The gateway's own entry names this run of it.
    pub names_run: bool,
    /// Entries say which client it is, whom it stands for and since when. The list is told after every welcome, and an entry stays while its connection is open.
    pub shows_clients: bool,
}

impl PresenceRules {
    /// Those of the oldest known release.
    pub(crate) fn oldest() -> Self {
        Self { names_run: false, shows_clients: false }
    }
}
