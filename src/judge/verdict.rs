//! The result of a case.

use serde::{Deserialize, Serialize};

/// The result of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The observation meets the expectations and equals the snapshot.
    Conforms,
    /// The observation differs from the expectations or the snapshot.
    Deviates,
    /// The observation differs, and a list of known deviations contains the difference.
    KnownDeviation,
    /// A list of known deviations contains a difference that was not observed.
    UnexpectedlyConforms,
    /// The gateway or the harness failed, so the case was not judged.
    Error,
    /// The gateway lacks what the case is about.
    NotApplicable,
    /// The case could not be played here.
    Skipped,
}

impl Verdict {
    /// Every verdict, in the order of a summary.
    pub const ALL: [Self; 7] = [
        Self::Conforms,
        Self::Deviates,
        Self::KnownDeviation,
        Self::UnexpectedlyConforms,
        Self::Error,
        Self::NotApplicable,
        Self::Skipped,
    ];

    /// Whether a run with such a case fails.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Deviates | Self::UnexpectedlyConforms | Self::Error)
    }

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conforms => "conforms",
            Self::Deviates => "deviates",
            Self::KnownDeviation => "known-deviation",
            Self::UnexpectedlyConforms => "unexpectedly-conforms",
            Self::Error => "error",
            Self::NotApplicable => "not-applicable",
            Self::Skipped => "skipped",
        }
    }
}
