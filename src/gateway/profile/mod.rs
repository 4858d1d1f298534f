//! The properties and the capabilities of a gateway.

pub(super) mod flags;
pub(super) mod ignored;
pub(super) mod limits;

use crate::scenario::connect::ProofVersion;
use flags::Flags;
use ignored::IgnoredField;
use openclaw_model::Release;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

/// How a gateway is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GatewayKind {
    /// The embedded gateway, in this process.
    Embedded,
    /// A process that clawcheck starts and stops.
    Spawned,
    /// A gateway that clawcheck did not start.
    Attached,
}

macro_rules! capabilities {
    ($($(#[serde($($attribute:tt)*)])* $variant:ident = $name:literal: $meaning:literal,)*) => {
        /// A feature of a gateway that a case can need. The names in reports and descriptions are in kebab case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Capability {
            $(#[doc = $meaning] #[serde(rename = $name)] $(#[serde($($attribute)*)])* $variant,)*
        }

        impl Capability {
            /// Every capability.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in reports and descriptions.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

// The order matters: a case reports the first capability that the gateway lacks.
capabilities! {
    Pairing = "pairing": "The gateway remembers devices, and unknown devices must be approved.",
    Store = "store": "The gateway keeps paired devices on disk, across restarts.",
    Approvals = "approvals": "Operators list, approve, reject and remove devices (`device.pair.*`).",
    Tokens = "tokens": "The gateway issues, accepts, rotates and revokes device tokens.",
    BootstrapTokens = "bootstrap-tokens": "The gateway accepts bootstrap tokens (setup codes).",
    #[serde(alias = "device-proof")]
    Proofs = "proofs": "The gateway verifies device proofs: signature, key, nonce and time.",
    Challenge = "challenge": "The gateway sends a challenge with a nonce on each new connection.",
    Nodes = "nodes": "Clients can have the role `node`, and operators can call them (`node.*`).",
    ExecApprovals = "exec-approvals": "The gateway has the methods for exec approvals (`exec.approval.*`).",
    ControlUi = "control-ui": "The gateway has the special rules for the Control UI.",
    Origins = "origins": "The gateway checks the `Origin` header of browsers against a list.",
    Proxies = "proxies": "The gateway evaluates the headers of proxies (`X-Forwarded-For` and similar).",
    RateLimit = "rate-limit": "The gateway locks out an address after too many wrong credentials.",
    StoreRead = "store-read": "clawcheck can read the pairing store.",
    StoreWrite = "store-write": "clawcheck can write the pairing store, before the start and while the gateway runs.",
    StoreFiles = "store-files": "The store consists of OpenClaw's own files, which clawcheck can damage, remove and replace.",
    Config = "config": "The scenario can choose the configuration.",
    Environment = "environment": "The scenario can choose the environment variables.",
    Restart = "restart": "clawcheck can stop, kill and restart the gateway.",
    OtherRelease = "other-release": "clawcheck can start another release on the same state directory.",
    PeerAddress = "peer-address": "A connection can come from an address other than loopback.",
    Clock = "clock": "clawcheck can move the clock of the gateway.",
    Logs = "logs": "clawcheck can read the log of the gateway.",
}

impl Capability {
    /// The capability and those that depend on it. A gateway that lacks the capability also lacks the dependent ones.
    pub(crate) fn with_dependents(self) -> Vec<Self> {
        let dependents: &[Self] = match self {
            Self::Pairing => &[Self::Store, Self::Approvals, Self::Tokens, Self::BootstrapTokens],
            Self::Store => &[Self::StoreRead, Self::StoreWrite, Self::StoreFiles],
            _ => &[],
        };
        std::iter::once(self).chain(dependents.iter().flat_map(|dependent| dependent.with_dependents())).collect()
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The properties and the capabilities of a gateway. They are the same for every launch.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// How clawcheck runs the gateway.
    pub kind: GatewayKind,
    /// The argument of the user: `embedded@2026.4.2`, `clawdbot`.
    pub name: String,
    /// The program, for people and reports: `openclaw`, `clawdbot`, a URL.
    pub program: String,
    /// The release that the gateway is compared with. `None` if it is not known (an attached gateway).
    pub claims: Option<Release>,
    /// The capabilities of the gateway.
    pub can: BTreeSet<Capability>,
    /// The features that the gateway declares absent. Cases that need them are not applicable.
    pub lacks: BTreeSet<Capability>,
    /// The limitations of the gateway, with the reason, one sentence each. The header of a run shows them.
    pub notes: Vec<String>,
    /// Pages about the gateway.
    pub links: Vec<String>,
    /// The version of the device proofs that clients send. `None`: the version that the release's own clients use.
    pub(crate) proof: Option<ProofVersion>,
    /// The variables that the gateway gets from the caller, with their values. No output of a run contains the
    /// values.
    pub(crate) secrets: Vec<(String, String)>,
    /// Fields of the gateway's frames that a run ignores.
    pub ignore: Vec<IgnoredField>,
    /// The folder with the gateway's own snapshots.
    pub snapshots: Option<PathBuf>,
    /// The settings that the gateway gets as arguments.
    pub(crate) flags: Flags,
}

impl Profile {
    /// The profile of a gateway that has all capabilities and about which nothing else is known.
    pub(crate) fn new(kind: GatewayKind, name: String, program: String) -> Self {
        Self {
            kind,
            name,
            program,
            claims: None,
            can: Capability::ALL.iter().copied().collect(),
            lacks: BTreeSet::new(),
            notes: Vec::new(),
            links: Vec::new(),
            proof: None,
            secrets: Vec::new(),
            ignore: Vec::new(),
            snapshots: None,
            flags: Flags::default(),
        }
    }

    /// Whether the gateway has a capability.
    pub fn can(&self, capability: Capability) -> bool {
        self.can.contains(&capability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capability_names() {
        for capability in Capability::ALL {
            assert_eq!(serde_json::to_value(capability).unwrap(), capability.name());
        }
        let earlier: Capability = serde_json::from_value("device-proof".into()).unwrap();
        assert_eq!(earlier, Capability::Proofs, "the name of 0.1.0");
    }
}
