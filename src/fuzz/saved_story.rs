//! Saves a difference, so that `clawcheck run FILE` shows it again: the scenario, and next to it a snapshot with the
//! prediction of the rules.

use super::ShrunkStory;
use crate::observe::diff;
use crate::observe::snapshot::{Library, LibraryError};
use crate::scenario::writer;
use std::io;
use std::path::{Path, PathBuf};
use untrusted_data::atomic_file;

/// The name of the snapshot folder next to the saved scenarios.
const SNAPSHOTS: &str = "snapshots";

/// A saved difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedStory {
    /// The path of the scenario file.
    pub file: PathBuf,
}

/// Why a difference could not be saved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    /// The scenario file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The snapshot could not be written.
    #[error(transparent)]
    Snapshot(#[from] LibraryError),
}

impl ShrunkStory {
    /// The text of the scenario file: a comment with the origin and the difference, and the story. `gateway` is the
    /// argument of the user.
    pub(crate) fn text(&self, gateway: &str) -> String {
        let Self { seed, story, release, difference, .. } = self;
        let version = env!("CARGO_PKG_VERSION");
        let mut about = vec![
            format!("Story {story} of seed {seed}, shortened, from clawcheck fuzz {version} on {gateway}."),
            format!("The model of {release} (-) and the gateway (+):"),
        ];
        about.extend(
            diff::render(&difference.predicted, &difference.seen, false).lines().map(|line| format!("  {line}")),
        );
        writer::yaml(&self.scenario, &about)
    }

    /// Writes the scenario into a folder, and the prediction of the rules into the subfolder `snapshots`.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written.
    pub(crate) fn save(&self, folder: &Path, gateway: &str) -> Result<SavedStory, SaveError> {
        let file = folder.join(format!("seed-{}-story-{}.yaml", self.seed, self.story));
        let failed = |source| SaveError::File { path: file.clone(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        atomic_file::replace(&file, self.text(gateway).as_bytes()).map_err(failed)?;
        let case = crate::scenario::Corpus::load(std::slice::from_ref(&file));
        if let Some(case) = case.ok().as_ref().and_then(|corpus| corpus.cases().first()) {
            let snapshots = folder.join(SNAPSHOTS);
            let proposed =
                Library::open(&snapshots)?.propose(&case.id, self.release, &self.difference.predicted, false)?;
            let mut library = Library::open(&snapshots)?;
            if let Some(proposal) = library.proposals()?.into_iter().find(|proposal| proposal.path == proposed.path()) {
                library.accept(&proposal)?;
            }
        }
        Ok(SavedStory { file })
    }
}
