//! The lists of known deviations that a run uses: `--known`, and the description of the gateway.

use crate::cli::CommandError;
use crate::gateway::{Gateway, GatewaySpec};
use crate::known::{self, Date, KnownDeviations};
use crate::scenario::{Case, Corpus};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Reads the lists, and prints warnings about entries that have expired or that name no case that was read.
///
/// # Errors
/// A list cannot be read, is not valid, names a case that does not exist, or has entries that overlap.
pub(in crate::cli) fn load(
    files: &[PathBuf],
    gateway: &GatewaySpec,
    corpus: &Corpus,
) -> Result<KnownDeviations, CommandError> {
    let mut known = KnownDeviations::default();
    if let Some((name, text)) = Gateway::description_of(gateway)? {
        // Errors in the description itself are reported when the gateway is prepared.
        known.add(known::parse_description(Path::new(&name), &text).map_err(CommandError::usage)?);
    }
    for file in files {
        let text = known::text_of(file).map_err(CommandError::usage)?.ok_or_else(|| missing(file))?;
        known.add(known::parse(file, &text).map_err(CommandError::usage)?);
    }
    if known.is_empty() {
        return Ok(known);
    }
    // An entry can be about a built-in case even if the run is about other scenarios.
    let built_in = Corpus::embedded().map_err(CommandError::usage)?;
    let read = corpus.cases().iter().map(|case| case.id.as_str()).collect::<HashSet<_>>();
    let others = built_in.cases().iter().filter(|case| !read.contains(case.id.as_str()));
    let cases = corpus.cases().iter().chain(others).collect::<Vec<&Case>>();
    for warning in known.check(&cases, Date::today()).map_err(CommandError::usage)? {
        CommandError::usage(warning).report();
    }
    Ok(known)
}

pub(in crate::cli) fn missing(file: &Path) -> CommandError {
    let help = "`clawcheck accept --known FILE --report REPORT --all --reason TEXT` writes the first entries";
    CommandError::usage(miette::miette!(help = help, "--known: there is no file {}", file.display()))
}
