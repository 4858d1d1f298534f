//! What a gateway is and what can be done with it.

use openclaw_model::Release;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// How a gateway is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Ours, in this process.
    Embedded,
    /// A process that we start and stop.
    Spawned,
    /// Somebody else's.
    Attached,
}

/// Something that a case may need of a gateway. Names in reports and descriptions are kebab-case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Its state directory can be read.
    StoreRead,
    /// Its state directory can be written before it starts and while it runs.
    StoreWrite,
    /// Its configuration is ours to choose.
    Config,
    /// Its environment is ours to choose.
    Environment,
    /// It can be stopped, killed and started again.
    Restart,
    /// Another release of it can be started on the same state directory.
    OtherRelease,
    /// A connection can come from any peer address without a network namespace.
    PeerAddress,
    /// Its clock can be moved.
    Clock,
    /// Its log can be read.
    Logs,
    /// It pairs devices at all.
    Pairing,
    /// It has the exec approval calls.
    ExecApprovals,
    /// It sends a challenge after the upgrade.
    Challenge,
    /// It looks at device proofs.
    DeviceProof,
    /// It serves the Control UI's special connects.
    ControlUi,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 14] = [
        Self::StoreRead,
        Self::StoreWrite,
        Self::Config,
        Self::Environment,
        Self::Restart,
        Self::OtherRelease,
        Self::PeerAddress,
        Self::Clock,
        Self::Logs,
        Self::Pairing,
        Self::ExecApprovals,
        Self::Challenge,
        Self::DeviceProof,
        Self::ControlUi,
    ];

    /// Its name in reports and descriptions.
    pub fn name(self) -> &'static str {
        match self {
            Self::StoreRead => "store-read",
            Self::StoreWrite => "store-write",
            Self::Config => "config",
            Self::Environment => "environment",
            Self::Restart => "restart",
            Self::OtherRelease => "other-release",
            Self::PeerAddress => "peer-address",
            Self::Clock => "clock",
            Self::Logs => "logs",
            Self::Pairing => "pairing",
            Self::ExecApprovals => "exec-approvals",
            Self::Challenge => "challenge",
            Self::DeviceProof => "device-proof",
            Self::ControlUi => "control-ui",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a gateway is and what can be done with it. The same for every launch.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// How it is run.
    pub kind: Kind,
    /// What the user named: `embedded@2026.4.2`, `clawdbot`.
    pub name: String,
    /// The program, for people and reports: `openclaw`, `clawdbot`, a URL.
    pub program: String,
    /// The release whose answers it is held to; `None` when nobody said (an attached gateway).
    pub claims: Option<Release>,
    /// What can be done with it.
    pub can: BTreeSet<Capability>,
    /// What it declares absent: cases that need these are not applicable.
    pub lacks: BTreeSet<Capability>,
    /// What cannot be observed or done and why, one sentence each, for the run's header.
    pub notes: Vec<String>,
    /// Where to read about it.
    pub links: Vec<String>,
}

impl Profile {
    /// Whether it has a capability.
    pub fn can(&self, capability: Capability) -> bool {
        self.can.contains(&capability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_descriptions_write() {
        for capability in Capability::ALL {
            assert_eq!(serde_json::to_value(capability).unwrap(), capability.name());
        }
    }
}
