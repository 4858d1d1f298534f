//! The cases to play, and the snapshots that must have a case.

use super::Run;
use super::arguments::{DeniedResult, PackageVersion};
use crate::cli::{CommandError, misplaced};
use crate::observe::snapshot::{Library, Origin};
use crate::scenario::{Case, Corpus, Filter};
use crate::shell::quoted;
use std::collections::BTreeSet;
use std::path::PathBuf;

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
            Self::OfFamilies if *library.origin() == Origin::BuiltIn => false,
            Self::OfFamilies => case.split_once('/').is_some_and(|(family, _)| families.contains(family)),
            Self::Unknown => false,
        };
        library.cases().filter(|case| !known.contains(case) && read(case)).map(str::to_owned).collect()
    }
}

impl Run {
    /// Determines which snapshots can be reported as unused.
    pub(super) fn unused(&self, paths: &[PathBuf]) -> Result<UnusedScope, CommandError> {
        match paths.iter().find(|path| !path.is_dir()) {
            Some(file) if self.deny.contains(&DeniedResult::Unused) => Err(CommandError::usage(miette::miette!(
                help = "name the folder of the scenarios",
                "cannot determine the unused snapshots: {} is one file, and its family may have more",
                file.display()
            ))),
            Some(_) => Ok(UnusedScope::Unknown),
            None if paths.is_empty() => Ok(UnusedScope::All),
            None => Ok(UnusedScope::OfFamilies),
        }
    }

    /// The cases that the ids select, or all cases of the corpus, limited to those that `--filter` selects.
    pub(super) fn select<'a>(&self, corpus: &'a Corpus, ids: &[&String]) -> Result<Vec<&'a Case>, CommandError> {
        let mut named = Vec::new();
        for id in ids {
            if misplaced::is_log_line(id) {
                return Err(misplaced::log_line());
            }
            let filter =
                id.parse::<Filter>().map_err(|error| CommandError::usage(miette::Report::msg(error.to_string())))?;
            // A misspelled path must not select cases whose ids contain it.
            if !filter.names(corpus.cases()) {
                let of_schema = matches!(self.schema, Some(None)) && id.parse::<PackageVersion>().is_ok();
                let help = match of_schema {
                    true => format!("pass the version of the schema with `=`: --schema={id}"),
                    false => {
                        format!(
                            "`--filter {}` selects the cases whose ids contain it; `clawcheck list` prints all cases",
                            quoted(id)
                        )
                    }
                };
                return Err(CommandError::usage(miette::miette!(
                    help = help,
                    "there is no file or folder `{id}`, and no case, scenario or family of that name"
                )));
            }
            named.push(filter);
        }
        let cases = Filter::select_any(&self.filter, corpus.select(&named));
        if cases.is_empty() {
            let filters = self.filter.iter().map(|filter| format!("`{}`", filter.as_str())).collect::<Vec<_>>();
            return Err(CommandError::nothing_selected(miette::Report::msg(match filters.as_slice() {
                [] => "the scenarios contain no cases".to_owned(),
                _ if named.is_empty() => {
                    format!("no case matches {}; `clawcheck list` prints all cases", filters.join(" or "))
                }
                _ => {
                    let named = named.iter().map(|named| format!("`{}`", named.as_str())).collect::<Vec<_>>();
                    let (named, filters) = (named.join(" and "), filters.join(" or "));
                    format!("no case of {named} matches {filters}; `clawcheck list` prints all cases")
                }
            })));
        }
        Ok(cases)
    }
}
