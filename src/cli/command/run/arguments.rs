//! The values of the options of `clawcheck run`.

use crate::judge::Level;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum IsolationOption {
    /// Start a gateway for each case
    Case,
    /// Share a gateway between all cases that can share it
    Shared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LevelOption {
    /// Who is let in, with which role, scopes and token, and what the store keeps
    Decisions,
    /// Also codes, reasons and details of errors, which frames arrive, and how connections are closed
    Wire,
    /// Also texts and all fields
    Exact,
}

impl From<LevelOption> for Level {
    fn from(option: LevelOption) -> Self {
        match option {
            LevelOption::Decisions => Self::Decisions,
            LevelOption::Wire => Self::Wire,
            LevelOption::Exact => Self::Exact,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum DeniedResult {
    /// Skipped cases
    Skipped,
    /// Snapshots that no case uses; for folders of scenarios, only snapshots of the families in these folders
    Unused,
}

/// A version such as `2026.9.1`. It is used in a path and in npm's arguments.
#[derive(Debug, Clone)]
pub(super) struct PackageVersion(pub(super) String);

impl FromStr for PackageVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let of_a_version = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        let is_one = text.starts_with(|c: char| c.is_ascii_digit()) && text.split('.').count() > 2;
        if !is_one || !text.chars().all(of_a_version) {
            return Err("expected a version on npm, for example 2026.9.1".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}
