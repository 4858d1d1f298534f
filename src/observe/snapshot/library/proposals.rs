//! Proposes observations for approval in `.snap.new` files, and approves or rejects them.

use super::files::{is_of_real_release, read, remove, write};
use super::{File, Library, LibraryError, Origin};
use crate::observe::snapshot::Snapshot;
use openclaw_model::Release;
use std::path::{Path, PathBuf};

/// The result of proposing an observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposed {
    /// The observation was written to this file.
    Written(PathBuf),
    /// A proposal of a real release exists in this file and was kept.
    Kept(PathBuf),
}

impl Proposed {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Written(path) | Self::Kept(path) => path,
        }
    }
}

/// An observation that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The `.snap.new` file.
    pub path: PathBuf,
    /// The proposed snapshot.
    pub snapshot: Snapshot,
}

/// The change to a file by an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    /// The file was written.
    Written(PathBuf),
    /// The file was removed because it equals the previous snapshot.
    Removed(PathBuf),
}

impl Library {
    /// Proposes an observation in a `.snap.new` file. `real` states whether a real release was observed. A proposal of
    /// a real release is only replaced by another one.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written or the snapshots are in the binary.
    pub fn propose(&self, case: &str, release: Release, text: &str, real: bool) -> Result<Proposed, LibraryError> {
        let path = self.new_path(case, release)?;
        if !real && is_of_real_release(&path) {
            return Ok(Proposed::Kept(path));
        }
        let seen = if real { [release].into() } else { [].into() };
        let snapshot = Snapshot { case: case.to_owned(), release, seen, text: text.to_owned() };
        write(&path, &snapshot.render())?;
        Ok(Proposed::Written(path))
    }

    /// Withdraws the proposal of an earlier run because the case now conforms. A proposal of a real release is only
    /// withdrawn if the case conforms on a `real` release.
    ///
    /// # Errors
    /// Returns an error if the file exists and cannot be removed.
    pub fn withdraw(&self, case: &str, release: Release, real: bool) -> Result<(), LibraryError> {
        match self.new_path(case, release) {
            Ok(path) if self.proposals.binary_search(&path).is_ok() && (real || !is_of_real_release(&path)) => {
                remove(&path)
            }
            _ => Ok(()),
        }
    }

    /// All proposals, in the order of their paths.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read or is not a snapshot.
    pub fn proposals(&self) -> Result<Vec<Proposal>, LibraryError> {
        self.proposals
            .iter()
            .map(|path| {
                let snapshot = Snapshot::parse(&read(path)?)
                    .map_err(|source| LibraryError::Snapshot { path: path.clone(), source })?;
                Ok(Proposal { path: path.clone(), snapshot })
            })
            .collect()
    }

    /// Approves a proposal. It applies to its release and to later releases that were not observed yet.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read or written.
    pub fn accept(&mut self, proposal: &Proposal) -> Result<Vec<FileChange>, LibraryError> {
        let Snapshot { case, release, seen, text } = &proposal.snapshot;
        let before = self.history(case)?;
        let mut after = before.clone();
        after.accept(*release, text, seen.contains(release));
        let mut edits = Vec::new();
        // Write new files first: if a later write fails, nothing approved is lost.
        for (release, variant) in
            after.variants.iter().filter(|(release, new)| before.variants.get(release) != Some(new))
        {
            let path = self.path(case, *release);
            let snapshot = Snapshot {
                case: case.clone(),
                release: *release,
                seen: variant.seen.clone(),
                text: variant.text.clone(),
            };
            write(&path, &snapshot.render())?;
            self.add((case.clone(), *release), File::OnDisk(path.clone()));
            edits.push(FileChange::Written(path));
        }
        for release in before.variants.keys().filter(|release| !after.variants.contains_key(release)) {
            let path = self.path(case, *release);
            remove(&path)?;
            self.cases.get_mut(case).and_then(|files| files.remove(release));
            edits.push(FileChange::Removed(path));
        }
        self.reject(proposal)?;
        Ok(edits)
    }

    /// Removes a proposal.
    ///
    /// # Errors
    /// Returns an error if the file cannot be removed.
    pub fn reject(&mut self, proposal: &Proposal) -> Result<(), LibraryError> {
        remove(&proposal.path)?;
        self.proposals.retain(|path| *path != proposal.path);
        Ok(())
    }

    fn new_path(&self, case: &str, release: Release) -> Result<PathBuf, LibraryError> {
        match self.origin {
            Origin::Nowhere | Origin::BuiltIn => Err(LibraryError::BuiltIn),
            Origin::Folder(_) if self.frozen => Err(LibraryError::Frozen),
            Origin::Folder(_) => Ok(self.path(case, release).with_extension("snap.new")),
        }
    }
}
