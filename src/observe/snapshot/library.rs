//! A folder of snapshots with the file names `FAMILY/NAME#POINT@RELEASE.snap`.

use super::{History, Snapshot, SnapshotError, Variant};
use crate::built_in;
use openclaw_model::Release;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use untrusted_data::limits::SNAPSHOT_BYTES;
use untrusted_data::plain_file::{self, Links};
use untrusted_data::whole;

/// Characters of a case id that are escaped in file names.
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b',').remove(b'=').remove(b'+').remove(b'#');

/// The origin of the snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Compiled into the binary. They cannot be changed.
    BuiltIn,
    /// A folder.
    Folder(PathBuf),
}

/// Snapshots by case, read on demand.
#[derive(Debug)]
pub struct Library {
    origin: Origin,
    cases: BTreeMap<String, BTreeMap<Release, File>>,
    pending: Vec<PathBuf>,
    /// No observations are proposed because the user cannot write to the folder.
    frozen: bool,
}

/// The result of proposing an observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposed {
    /// It was written to this file.
    Left(PathBuf),
    /// A proposal of a real release exists in this file and was kept.
    Waits(PathBuf),
}

impl Proposed {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Left(path) | Self::Waits(path) => path,
        }
    }
}

#[derive(Debug)]
enum File {
    BuiltIn(&'static str),
    OnDisk(PathBuf),
}

/// An observation that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The `.snap.new` file.
    pub path: PathBuf,
    /// Its contents.
    pub snapshot: Snapshot,
}

/// The change to a file by an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The file was written.
    Wrote(PathBuf),
    /// The file was removed because it equals the previous snapshot.
    Removed(PathBuf),
}

/// An error in a folder of snapshots.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The path cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The path cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is not a snapshot.
    #[error("{} is not a valid snapshot: {source}", path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: SnapshotError,
    },
    /// The name of a `.snap` file does not contain a case and a release.
    #[error("{}: invalid name of a snapshot; expected FAMILY/NAME@RELEASE.snap or FAMILY/NAME#POINT@RELEASE.snap", path.display())]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// The snapshots are compiled into the binary.
    #[error("clawcheck cannot change its built-in snapshots; name a folder with --snapshots")]
    BuiltIn,
    /// The folder is read-only for this run.
    #[error("this user cannot write to the snapshot folder")]
    Frozen,
}

impl Library {
    /// A library without snapshots and without a folder.
    pub fn empty() -> Self {
        Self { origin: Origin::BuiltIn, cases: BTreeMap::new(), pending: Vec::new(), frozen: false }
    }

    /// The snapshots in the binary.
    ///
    /// # Errors
    /// Returns an error if a file name is invalid.
    pub fn built_in() -> Result<Self, LibraryError> {
        let mut library = Self::empty();
        for (path, contents) in built_in::snapshots() {
            let path = Path::new(path);
            if path.extension().is_some_and(|extension| extension == "snap") {
                let name = library.name(path, path)?;
                library.add(name, File::BuiltIn(std::str::from_utf8(contents).unwrap_or_default()));
            }
        }
        Ok(library)
    }

    /// The snapshots in a folder. A folder that does not exist has none.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read or a file name is invalid.
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
                let file = entry.path();
                if entry.file_type().map_err(read)?.is_dir() {
                    folders.push(file);
                } else if file.extension().is_some_and(|ext| ext == "snap") {
                    let name = library.name(file.strip_prefix(folder).unwrap_or(&file), &file)?;
                    library.add(name, File::OnDisk(file));
                } else if file.to_string_lossy().ends_with(".snap.new") {
                    library.pending.push(file);
                }
            }
        }
        library.pending.sort();
        Ok(library)
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
        let fault = |source| LibraryError::Write { path: folder.clone(), source };
        let there = std::path::absolute(folder).map_err(fault)?;
        let there = there.ancestors().find(|path| path.exists()).unwrap_or(folder);
        tempfile::tempfile_in(there).map(drop).map_err(fault)
    }

    /// Makes the folder read-only for this run.
    pub fn freeze(&mut self) {
        self.frozen = true;
    }

    /// Whether observations can be proposed.
    pub fn keeps_observations(&self) -> bool {
        self.origin != Origin::BuiltIn && !self.frozen
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

    /// Proposes an observation in a `.snap.new` file. `real` states whether a real release was observed. A proposal of
    /// a real release is only replaced by another one.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written or the snapshots are in the binary.
    pub fn propose(&self, case: &str, release: Release, text: &str, real: bool) -> Result<Proposed, LibraryError> {
        let path = self.new_path(case, release)?;
        if !real && is_seen(&path) {
            return Ok(Proposed::Waits(path));
        }
        let seen = if real { [release].into() } else { [].into() };
        let snapshot = Snapshot { case: case.to_owned(), release, seen, text: text.to_owned() };
        write(&path, &snapshot.render())?;
        Ok(Proposed::Left(path))
    }

    /// Withdraws the proposal of an earlier run because the case now conforms. A proposal of a real release is only
    /// withdrawn if the case conforms on a `real` release.
    ///
    /// # Errors
    /// Returns an error if the file exists and cannot be removed.
    pub fn withdraw(&self, case: &str, release: Release, real: bool) -> Result<(), LibraryError> {
        match self.new_path(case, release) {
            Ok(path) if self.pending.binary_search(&path).is_ok() && (real || !is_seen(&path)) => remove(&path),
            _ => Ok(()),
        }
    }

    /// All proposals, in the order of their paths.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read or is not a snapshot.
    pub fn pending(&self) -> Result<Vec<Pending>, LibraryError> {
        self.pending
            .iter()
            .map(|path| {
                let snapshot = Snapshot::parse(&read(path)?)
                    .map_err(|source| LibraryError::Snapshot { path: path.clone(), source })?;
                Ok(Pending { path: path.clone(), snapshot })
            })
            .collect()
    }

    /// Approves a proposal. It applies to its release and to later releases that were not observed yet.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read or written.
    pub fn accept(&mut self, pending: &Pending) -> Result<Vec<Edit>, LibraryError> {
        let Snapshot { case, release, seen, text } = &pending.snapshot;
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
            edits.push(Edit::Wrote(path));
        }
        for release in before.variants.keys().filter(|release| !after.variants.contains_key(release)) {
            let path = self.path(case, *release);
            remove(&path)?;
            self.cases.get_mut(case).and_then(|files| files.remove(release));
            edits.push(Edit::Removed(path));
        }
        self.reject(pending)?;
        Ok(edits)
    }

    /// Removes a proposal.
    ///
    /// # Errors
    /// Returns an error if the file cannot be removed.
    pub fn reject(&mut self, pending: &Pending) -> Result<(), LibraryError> {
        remove(&pending.path)?;
        self.pending.retain(|path| *path != pending.path);
        Ok(())
    }

    fn path(&self, case: &str, release: Release) -> PathBuf {
        let name = format!("{}@{release}.snap", escape(case));
        match &self.origin {
            Origin::BuiltIn => Path::new("snapshots").join(name),
            Origin::Folder(folder) => folder.join(name),
        }
    }

    fn new_path(&self, case: &str, release: Release) -> Result<PathBuf, LibraryError> {
        match self.origin {
            Origin::BuiltIn => Err(LibraryError::BuiltIn),
            Origin::Folder(_) if self.frozen => Err(LibraryError::Frozen),
            Origin::Folder(_) => Ok(self.path(case, release).with_extension("snap.new")),
        }
    }
}

/// A case id as a path. The first slash separates family and name, and characters that are not allowed in file names
/// are escaped.
fn escape(case: &str) -> String {
    let (family, rest) = case.split_once('/').unwrap_or(("", case));
    format!("{family}/{}", utf8_percent_encode(rest, ESCAPED))
}

fn unescape(name: &str) -> String {
    percent_decode_str(name).decode_utf8_lossy().into_owned()
}

/// Whether this file contains an observation of a real release.
fn is_seen(path: &Path) -> bool {
    let snapshot = read(path).ok().and_then(|text| Snapshot::parse(&text).ok());
    snapshot.is_some_and(|snapshot| !snapshot.seen.is_empty())
}

/// The text of a file. Snapshots can come from a repository with links and pipes.
fn read(path: &Path) -> Result<String, LibraryError> {
    plain_file::read_text(path, SNAPSHOT_BYTES, Links::Follow)
        .map_err(|error| LibraryError::Read { path: path.to_owned(), source: error.into() })
}

/// Writes a file atomically.
fn write(path: &Path, text: &str) -> Result<(), LibraryError> {
    let fault = |source| LibraryError::Write { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(fault)?;
    whole::replace(path, text.as_bytes()).map_err(fault)
}

fn remove(path: &Path) -> Result<(), LibraryError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(LibraryError::Write { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const CASE: &str = "family/name#mode=token,via=a/b";

    fn release(n: u16) -> Release {
        Release::new(2026, 4, n)
    }

    fn accept_all(folder: &Path) -> Vec<Edit> {
        let mut library = Library::open(folder).unwrap();
        library.pending().unwrap().iter().flat_map(|pending| library.accept(pending).unwrap()).collect()
    }

    #[test]
    fn what_was_proposed_and_accepted_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let proposed = Library::open(folder.path()).unwrap().propose(CASE, release(2), "a\n", true).unwrap();
        let proposed = proposed.path();
        assert!(proposed.ends_with("family/name#mode=token,via=a%2Fb@2026.4.2.snap.new"), "{}", proposed.display());
        let approved = folder.path().join("family/name#mode=token,via=a%2Fb@2026.4.2.snap");
        assert_eq!(accept_all(folder.path()), [Edit::Wrote(approved)]);
        assert!(!proposed.exists());
        let library = Library::open(folder.path()).unwrap();
        assert_eq!(library.cases().collect::<Vec<_>>(), [CASE]);
        let history = library.history(CASE).unwrap();
        assert_eq!(history.serving(release(5)).unwrap().1.seen, [release(2)].into());
    }

    #[test]
    fn a_release_is_served_by_one_variant_or_sees_all_later_ones() {
        let folder = tempfile::tempdir().unwrap();
        for (n, text) in [(2, "a\n"), (4, "b\n")] {
            Library::open(folder.path()).unwrap().propose(CASE, release(n), text, true).unwrap();
            accept_all(folder.path());
        }
        let library = Library::open(folder.path()).unwrap();
        let read = |n| library.serving(CASE, release(n)).unwrap().variants.into_keys().collect::<Vec<_>>();
        assert_eq!([read(1), read(3), read(4)], [vec![release(2), release(4)], vec![release(2)], vec![release(4)]]);
    }

    #[test]
    fn a_variant_that_is_no_longer_one_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        for (n, text) in [(1, "a\n"), (2, "b\n"), (3, "a\n"), (2, "a\n")] {
            Library::open(folder.path()).unwrap().propose(CASE, release(n), text, true).unwrap();
            accept_all(folder.path());
        }
        let history = Library::open(folder.path()).unwrap().history(CASE).unwrap();
        assert_eq!(history.variants.len(), 1);
        assert_eq!(history.variants[&release(1)].seen.len(), 3);
    }

    #[test]
    fn a_proposal_is_taken_back_when_the_case_conforms() {
        let folder = tempfile::tempdir().unwrap();
        let path = Library::open(folder.path()).unwrap().propose(CASE, release(2), "a\n", false).unwrap();
        let path = path.path();
        Library::open(folder.path()).unwrap().withdraw(CASE, release(2), false).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn what_a_real_release_has_shown_stays_until_it_shows_something_else() {
        let folder = tempfile::tempdir().unwrap();
        let library = || Library::open(folder.path()).unwrap();
        let left = library().propose(CASE, release(2), "real\n", true).unwrap();
        let path = left.path();
        let waits = library().propose(CASE, release(2), "embedded\n", false).unwrap();
        assert_eq!(waits, Proposed::Waits(path.to_owned()));
        library().withdraw(CASE, release(2), false).unwrap();
        assert!(std::fs::read_to_string(path).unwrap().ends_with("real\n"));
        library().propose(CASE, release(2), "newer\n", true).unwrap();
        assert!(std::fs::read_to_string(path).unwrap().ends_with("newer\n"));
        library().withdraw(CASE, release(2), true).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_header_that_contradicts_the_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = Library::open(folder.path()).unwrap().propose(CASE, release(2), "a\n", false).unwrap();
        let path = path.path();
        std::fs::rename(path, path.with_file_name("name#mode=token,via=a%2Fb@2026.4.5.snap")).unwrap();
        let error = Library::open(folder.path()).unwrap().history(CASE).unwrap_err();
        assert!(
            error.to_string().contains("the header names release 2026.4.2, but the file name says 2026.4.5"),
            "{error}"
        );
    }

    #[test]
    fn room_is_found_out_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("not/there");
        Library::open(&below).unwrap().probe().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        #[cfg(target_os = "linux")]
        {
            let error = Library::open(Path::new("/proc/clawcheck")).unwrap().probe().unwrap_err();
            assert!(error.to_string().contains("cannot write /proc/clawcheck"), "{error}");
        }
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_a_clear_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Library::open(file.path()).unwrap_err();
        assert!(matches!(error, LibraryError::Read { .. }), "{error}");
    }

    #[test]
    fn what_is_inside_the_program_reads_whole() {
        let library = Library::built_in().unwrap();
        for case in library.cases() {
            library.history(case).unwrap();
        }
        assert!(matches!(library.propose(CASE, release(1), "a", false), Err(LibraryError::BuiltIn)));
    }

    #[rstest]
    #[case("family/name")]
    #[case("family/näme#a b=\"c\"%41@x")]
    fn escaping_loses_nothing(#[case] case: &str) {
        assert_eq!(unescape(&escape(case)), case);
    }
}
