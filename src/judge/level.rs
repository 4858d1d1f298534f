//! How strictly a gateway is compared with the snapshots.

use super::cause::CauseKind;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How strictly a gateway is compared. Each level includes the levels before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Who is let in, with which role, scopes and token, and what the store keeps.
    Decisions,
    /// Also codes, reasons and details of errors, messages, closes and their order.
    Wire,
    /// Also texts and all fields.
    #[default]
    Exact,
}

impl Level {
    /// Every level, from the least to the most strict.
    pub const ALL: [Self; 3] = [Self::Decisions, Self::Wire, Self::Exact];

    /// The name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decisions => "decisions",
            Self::Wire => "wire",
            Self::Exact => "exact",
        }
    }
}

impl CauseKind {
    /// The least strict level at which a difference of this kind counts.
    pub fn level(self) -> Level {
        match self {
            Self::LetIn | Self::Refused | Self::Allowed | Self::Denied | Self::Granted | Self::Store => {
                Level::Decisions
            }
            // A gateway that does not answer makes no decision, and a case without a snapshot has no comparison.
            Self::Silence | Self::Error | Self::Unapproved => Level::Decisions,
            Self::ErrorCode | Self::Close | Self::Schema | Self::Message | Self::Details => Level::Wire,
            Self::Text | Self::Fields => Level::Exact,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
