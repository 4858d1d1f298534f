//! Puts a difference on the disk, so that `clawcheck run FILE` shows it again: the scenario, and beside it what the rules say of it
//! as a snapshot.

use super::ShrunkStory;
use crate::observe::diff;
use crate::observe::snapshot::{Library, LibraryError};
use crate::scenario::writer;
use std::io;
use std::path::{Path, PathBuf};
use untrusted_data::atomic_file;

/// The folder of snapshots beside the scenarios that are kept.
const SNAPSHOTS: &str = "snapshots";

/// A difference on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedStory {
    /// The scenario file.
    pub file: PathBuf,
}

/// Why a difference could not be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    /// The scenario file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its snapshot could not be written.
    #[error(transparent)]
    Snapshot(#[from] LibraryError),
}

impl ShrunkStory {
    /// The scenario file: what was found where, what differs, and the story. `gateway` is as the user named it.
    pub(crate) fn text(&self, gateway: &str) -> String {
        let Self { seed, story, release, difference, .. } = self;
        let version = env!("CARGO_PKG_VERSION");
        let mut about = vec![
            format!("Story {story} of seed {seed} of clawcheck fuzz {version}, made short, on {gateway}."),
            format!("The rules of {release} (-) and what was seen (+):"),
        ];
        about.extend(
            diff::render(&difference.predicted, &difference.seen, false).lines().map(|line| format!("  {line}")),
        );
        writer::yaml(&self.scenario, &about)
    }

    /// Writes the scenario into a folder, and what the rules say of it into the folder's `snapshots`.
    ///
    /// # Errors
    /// A file that cannot be written.
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
