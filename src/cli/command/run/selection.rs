//! The cases to play, and the snapshots that must have a case.

use super::arguments::{DeniedResult, PackageVersion, Run};
use crate::cli::CommandError;
use crate::cli::options::selection::NamedCases;
use crate::observe::snapshot::{Library, Origin};
use crate::scenario::Corpus;
use std::collections::BTreeSet;

/// Which snapshots count as unused if they have no case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnusedScope {
    /// All snapshots, because all scenarios were read.
    All,
    /// The snapshots of the families that were read. Other families can be in other folders.
    OfFamilies,
    /// Unknown, because a family can have more scenarios than were read.
    Unknown,
}

impl UnusedScope {
    pub(super) fn in_library(self, library: &Library, corpus: &Corpus) -> Vec<String> {
        let known = corpus.cases().iter().map(|case| case.id.as_str()).collect::<BTreeSet<_>>();
        let families = corpus.cases().iter().map(|case| case.family.as_str()).collect::<BTreeSet<_>>();
        let read = |case: &str| match self {
            Self::All => true,
            // The built-in snapshots do not belong to the user's own scenarios.
            Self::OfFamilies if !matches!(library.origin(), Origin::Folder(_)) => false,
            Self::OfFamilies => case.split_once('/').is_some_and(|(family, _)| families.contains(family)),
            Self::Unknown => false,
        };
        library.cases().filter(|case| !known.contains(case) && read(case)).map(str::to_owned).collect()
    }
}

impl Run {
    /// Determines which snapshots can be reported as unused.
    pub(super) fn unused(&self, named: &NamedCases) -> Result<UnusedScope, CommandError> {
        let must_know = self.deny.contains(&DeniedResult::Unused);
        match named.paths.iter().find(|path| !path.is_dir()) {
            Some(file) if must_know => Err(CommandError::usage(miette::miette!(
                help = "name the folder of the scenarios",
                "cannot determine the unused snapshots: {} is one file, and its family can have more files",
                file.display()
            ))),
            Some(_) => Ok(UnusedScope::Unknown),
            None if !named.paths.is_empty() => Ok(UnusedScope::OfFamilies),
            // Only the scenarios of the ids are read, unless their snapshots are those of a folder of the user.
            None if named.has_ids() && !must_know && self.plan.snapshots.is_none() => Ok(UnusedScope::Unknown),
            None => Ok(UnusedScope::All),
        }
    }

    /// The help for an unknown id that is probably the version for `--schema`.
    pub(super) fn schema_help(&self, id: &str) -> Option<String> {
        let of_schema = matches!(self.schema, Some(None)) && id.parse::<PackageVersion>().is_ok();
        of_schema.then(|| format!("pass the version of the schema with `=`: --schema={id}"))
    }
}
