//! A folder of snapshots with the file names `FAMILY/NAME#POINT@RELEASE.snap`.

mod error;
mod files;
mod proposals;
#[cfg(test)]
mod tests;

use super::{History, Snapshot, SnapshotError, Variant};
use crate::built_in;
pub(crate) use error::LibraryError;
use files::{check, escape, read, unescape};
use openclaw_model::Release;
pub(crate) use proposals::{FileChange, Proposal, Proposed};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The origin of the snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// There are none: the cases play on other stores than those that the snapshots are about.
    Nowhere,
    /// Compiled into the binary. They cannot be changed.
    BuiltIn,
    /// A folder of snapshots on disk.
    Folder(PathBuf),
}

/// Snapshots by case, read on demand.
#[derive(Debug)]
pub struct Library {
    origin: Origin,
    cases: BTreeMap<String, BTreeMap<Release, File>>,
    /// The paths of the `.snap.new` files, sorted.
    proposals: Vec<PathBuf>,
    /// No observations are proposed: the user cannot write to the folder, or the gateway is not the one of the snapshots.
    frozen: bool,
}

#[derive(Debug)]
enum File {
    BuiltIn(&'static str),
    OnDisk(PathBuf),
}

impl Library {
    /// A library without snapshots and without a folder.
    pub fn empty() -> Self {
        Self { origin: Origin::Nowhere, cases: BTreeMap::new(), proposals: Vec::new(), frozen: false }
    }

    /// The snapshots in the binary.
    ///
    /// # Errors
    /// Returns an error if a file name is invalid.
    pub fn built_in() -> Result<Self, LibraryError> {
        let mut library = Self { origin: Origin::BuiltIn, ..Self::empty() };
        for (path, contents) in built_in::snapshots() {
            let path = Path::new(path);
            if path.extension().is_some_and(|extension| extension == "snap") {
                let name = library.name(path, path)?;
                library.add(name, File::BuiltIn(std::str::from_utf8(contents).unwrap_or_default()));
            }
        }
        Ok(library)
    }

    /// The snapshots in a folder. A folder that does not exist has none. The folder can come from a repository with links and
    /// pipes: whatever has the name of a snapshot must be a regular file or a link to one.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read, a file name is invalid, or a snapshot is not a regular file.
    pub fn open(folder: &Path) -> Result<Self, LibraryError> {
        let mut library = Self { origin: Origin::Folder(folder.to_owned()), ..Self::empty() };
        let mut folders = vec![folder.to_owned()];
        while let Some(path) = folders.pop() {
            let read = |source| LibraryError::Read { path: path.clone(), source };
            let entries = match std::fs::read_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && path == folder => break,
                entries => entries.map_err(read)?,
            };
            for entry in entries {
                let entry = entry.map_err(read)?;
                let (file, kind) = (entry.path(), entry.file_type().map_err(read)?);
                let is_approved = file.extension().is_some_and(|extension| extension == "snap");
                if kind.is_dir() {
                    folders.push(file);
                } else if is_approved || file.to_string_lossy().ends_with(".snap.new") {
                    if !kind.is_file() {
                        check(&file)?;
                    }
                    library.add_file(file, is_approved, folder)?;
                }
            }
        }
        library.proposals.sort();
        Ok(library)
    }

    fn add_file(&mut self, file: PathBuf, is_approved: bool, folder: &Path) -> Result<(), LibraryError> {
        if is_approved {
            let name = self.name(file.strip_prefix(folder).unwrap_or(&file), &file)?;
            self.add(name, File::OnDisk(file));
        } else {
            self.proposals.push(file);
        }
        Ok(())
    }

    fn name(&self, relative: &Path, path: &Path) -> Result<(String, Release), LibraryError> {
        let wrong = || LibraryError::Name { path: path.to_owned() };
        let name = relative.to_str().and_then(|name| name.strip_suffix(".snap")).ok_or_else(wrong)?;
        let (case, release) = name.rsplit_once('@').ok_or_else(wrong)?;
        Ok((unescape(&case.replace(std::path::MAIN_SEPARATOR, "/")), release.parse().map_err(|_| wrong())?))
    }

    fn add(&mut self, (case, release): (String, Release), file: File) {
        self.cases.entry(case).or_default().insert(release, file);
    }

    /// The origin of the snapshots.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Checks whether observations can be proposed, without leaving a file. Does not create a missing folder. Snapshots
    /// in the binary need no folder.
    ///
    /// # Errors
    /// Returns an error if the folder, or its nearest existing parent, cannot be written.
    pub fn probe(&self) -> Result<(), LibraryError> {
        let Origin::Folder(folder) = &self.origin else { return Ok(()) };
        let error = |source| LibraryError::Write { path: folder.clone(), source };
        let there = std::path::absolute(folder).map_err(error)?;
        let there = there.ancestors().find(|path| path.exists()).unwrap_or(folder);
        tempfile::tempfile_in(there).map(drop).map_err(error)
    }

    /// Makes a folder that this user may not write read-only for this run, and returns the reason.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be written for another reason, such as a full disk.
    pub fn freeze_if_unwritable(&mut self) -> Result<Option<String>, LibraryError> {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        match self.probe() {
            Err(LibraryError::Write { path, source })
                if matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem) =>
            {
                self.frozen = true;
                Ok(Some(format!("cannot write {}: {source}", path.display())))
            }
            probed => probed.map(|()| None),
        }
    }

    /// Makes the folder read-only for this run.
    pub fn freeze(&mut self) {
        self.frozen = true;
    }

    /// Whether observations can be proposed.
    pub fn keeps_observations(&self) -> bool {
        matches!(self.origin, Origin::Folder(_)) && !self.frozen
    }

    /// The ids of the cases that have snapshots.
    pub fn cases(&self) -> impl Iterator<Item = &str> {
        self.cases.keys().map(String::as_str)
    }

    /// The snapshots that only the embedded gateway has shown, by case and release.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read or is not a snapshot.
    pub fn drafts(&self) -> Result<Vec<(String, Release)>, LibraryError> {
        let mut drafts = Vec::new();
        for case in self.cases.keys() {
            let variants = self.history(case)?.variants;
            let unseen = variants.into_iter().filter(|(_, variant)| variant.seen.is_empty());
            drafts.extend(unseen.map(|(release, _)| (case.clone(), release)));
        }
        Ok(drafts)
    }

    /// Checks all snapshots of a case: a run also compares failed cases with those of other releases. Snapshots in the
    /// binary are always valid.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read or is not a snapshot.
    pub(crate) fn check(&self, case: &str) -> Result<(), LibraryError> {
        if matches!(self.origin, Origin::Folder(_)) { self.history(case).map(drop) } else { Ok(()) }
    }

    /// All snapshots of a case. Empty if it has none.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read or is not a snapshot.
    pub fn history(&self, case: &str) -> Result<History, LibraryError> {
        self.read(case, |_| true)
    }

    /// The snapshot of a case that applies to a release. If there is none, all snapshots of the case, which are for
    /// later releases.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read or is not a snapshot.
    pub fn serving(&self, case: &str, release: Release) -> Result<History, LibraryError> {
        let serving = self.cases.get(case).and_then(|files| files.range(..=release).next_back());
        let serving = serving.map(|(serving, _)| *serving);
        self.read(case, |variant| serving.is_none_or(|serving| variant == serving))
    }

    fn read(&self, case: &str, wanted: impl Fn(Release) -> bool) -> Result<History, LibraryError> {
        let mut history = History::default();
        let files = self.cases.get(case).into_iter().flatten();
        for (release, file) in files.filter(|(release, _)| wanted(**release)) {
            let path = self.path(case, *release);
            let text = match file {
                File::BuiltIn(text) => Cow::Borrowed(*text),
                File::OnDisk(path) => Cow::Owned(read(path)?),
            };
            let snapshot = Snapshot::parse(&text)
                .and_then(|snapshot| match () {
                    () if snapshot.release != *release => {
                        Err(SnapshotError::Release { header: snapshot.release, name: *release })
                    }
                    () if snapshot.case != case => {
                        Err(SnapshotError::Case { header: snapshot.case, name: case.to_owned() })
                    }
                    () => Ok(snapshot),
                })
                .map_err(|source| LibraryError::Snapshot { path, source })?;
            history.variants.insert(*release, Variant { text: snapshot.text, seen: snapshot.seen });
        }
        Ok(history)
    }

    fn path(&self, case: &str, release: Release) -> PathBuf {
        let name = format!("{}@{release}.snap", escape(case));
        match &self.origin {
            Origin::Nowhere | Origin::BuiltIn => Path::new("snapshots").join(name),
            Origin::Folder(folder) => folder.join(name),
        }
    }
}
