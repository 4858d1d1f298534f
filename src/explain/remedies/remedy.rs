//! A remedy and its risk.

use super::change::Change;

/// The extent of a remedy's changes, the smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Risk {
    /// The client requests less, or connects differently.
    Client,
    /// A user approves this device.
    Approval,
    /// The device's record or token is replaced.
    Record,
    /// A setting is changed that lets in only the named clients.
    Setting,
    /// Files of the store are repaired or moved away.
    Files,
    /// The client gets less than it requests, so some of its operations fail, or another client is then refused.
    Limits,
    /// The change lets in more than this client.
    Opens,
}

impl Risk {
    /// The name of the risk in the JSON output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Approval => "approval",
            Self::Record => "record",
            Self::Setting => "setting",
            Self::Files => "files",
            Self::Limits => "limits-client",
            Self::Opens => "opens-more",
        }
    }
}

/// A remedy: its changes and its risk.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Remedy {
    /// The changes, in the order in which the user makes them.
    pub changes: Vec<Change>,
    /// The remedy as a sentence.
    pub what: String,
    /// The commands and settings, one line each.
    pub how: Vec<String>,
    /// The extent of the changes.
    pub risk: Risk,
    /// The access that the remedy grants beyond what the client needs.
    pub opens: Option<&'static str>,
    /// What the client requests and does not get.
    pub lost: Option<String>,
    /// Whether the gateway then refuses the `openclaw` command of its machine, which has the same device.
    pub locks_out_command: bool,
}

impl Remedy {
    pub(super) fn new(change: Change, risk: Risk, what: impl Into<String>, how: &[String]) -> Self {
        let changes = vec![change];
        Self { changes, what: what.into(), how: how.to_vec(), risk, opens: None, lost: None, locks_out_command: false }
    }

    pub(super) fn opening(self, opens: &'static str) -> Self {
        Self { opens: Some(opens), risk: Risk::Opens, ..self }
    }

    /// The remedy with a warning that an approval grants more, which does not change its place in the list.
    pub(super) fn granting(self, opens: Option<&'static str>) -> Self {
        Self { opens, ..self }
    }

    pub(super) fn losing(self, lost: &[String]) -> Self {
        Self { lost: Some(lost.join(", ")), risk: Risk::Limits, ..self }
    }

    pub(super) fn locking_out_command(self) -> Self {
        Self { locks_out_command: true, risk: self.risk.max(Risk::Limits), ..self }
    }

    /// Whether this remedy is enough where another one makes the same changes and more.
    pub(super) fn is_part_of(&self, other: &Self) -> bool {
        self.changes.len() < other.changes.len() && self.changes.iter().all(|change| other.changes.contains(change))
    }

    pub(super) fn and(&self, then: &Self) -> Self {
        let decapitalised = |text: &str| {
            let mut chars = text.chars();
            chars.next().map(|first| first.to_lowercase().collect::<String>() + chars.as_str()).unwrap_or_default()
        };
        Self {
            changes: [self.changes.as_slice(), &then.changes].concat(),
            what: format!("{}, then {}", self.what, decapitalised(&then.what)),
            how: [self.how.as_slice(), &then.how].concat(),
            risk: self.risk.max(then.risk),
            opens: self.opens.or(then.opens),
            lost: self.lost.clone().or_else(|| then.lost.clone()),
            locks_out_command: self.locks_out_command || then.locks_out_command,
        }
    }
}
