//! Differences between the releases in the presence list.

/// The rules for the presence list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceRules {
    /// The gateway's own entry identifies the current run of the gateway.
    pub names_run: bool,
    /// An entry names its client, the user whom the client represents, and the start time. The list is sent after every
    /// `hello-ok`, and an entry remains while its connection is open.
    pub shows_clients: bool,
}

impl PresenceRules {
    /// The rules of the oldest known release.
    pub(crate) fn oldest() -> Self {
        Self { names_run: false, shows_clients: false }
    }
}
