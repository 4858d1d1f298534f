//! The scenarios that a command works on.

use crate::cli::error::CommandError;
use crate::scenario::Corpus;
use std::path::PathBuf;

/// Loads the scenarios at these paths, or the built-in scenarios if there are none. `trusted`: the user passed
/// `--trust`.
pub(in crate::cli) fn corpus(paths: &[PathBuf], trusted: bool) -> Result<Corpus, CommandError> {
    let corpus = match (paths.is_empty(), trusted) {
        (true, _) => Corpus::embedded(),
        (false, true) => Corpus::trusting(paths),
        (false, false) => Corpus::load(paths),
    };
    corpus.map_err(CommandError::usage)
}
