//! Which snapshots are meant: a folder that was named, the one beside the scenarios, or those inside the binary.

use super::CommandError;
use crate::observe::snapshot::{Library, LibraryError};
use crate::shell::quoted;
use crate::suggestions::nearest;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What to do about a folder that cannot be used.
const NAME_A_FOLDER: &str = "name the folder of your snapshots with --snapshots";
/// The folder's name beside `scenarios`.
const FOLDER: &str = "snapshots";
/// Of a folder with more entries not all are looked at for one with a similar name.
const MOST_ENTRIES: usize = 10_000;

/// Where snapshots are read and left for approval.
pub(super) struct Snapshots {
    pub(super) library: Library,
    /// Whether the user named the folder.
    named: bool,
}

impl Snapshots {
    /// Finds the snapshots for scenarios at these paths; none: the scenarios inside the binary, whose snapshots are taken
    /// from the working directory where that is clawcheck's own source tree.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub(super) fn find(named: Option<&Path>, scenarios: &[PathBuf]) -> Result<Self, miette::Report> {
        let folder = named.map(Path::to_owned).or_else(|| beside(scenarios));
        let library = match folder {
            Some(folder) => Library::open(&folder),
            None => Library::built_in(),
        };
        Ok(Self { library: library.map_err(report)?, named: named.is_some() })
    }

    /// No snapshots, so that only expectations are checked.
    pub(super) fn none() -> Self {
        Self { library: Library::empty(), named: false }
    }

    /// Finds the folder in which something waits for approval.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub(super) fn waiting_in(folder: &Path) -> Result<Self, CommandError> {
        if !folder.is_dir() {
            must_exist(folder)?;
        }
        Self::find(Some(folder), &[]).map_err(CommandError::failed)
    }

    /// Finds out before the run whether observations can be left for approval. A folder that nobody named and this user may
    /// not write is compared with all the same: gives the reason for a note.
    ///
    /// # Errors
    /// A folder that was named cannot be written, or the disk has no room.
    pub(super) fn prepare(&mut self) -> Result<Option<String>, CommandError> {
        let reason = match self.named {
            true => self.library.probe().map(|()| None),
            false => self.library.freeze_if_protected(),
        };
        let reason = reason.map_err(|error| CommandError::failed(report(error)))?;
        Ok(reason.map(|reason| format!("{reason}; name another folder with --snapshots")))
    }

    /// Whether anything can be left for approval.
    pub(super) fn is_writable(&self) -> bool {
        self.library.keeps_observations()
    }
}

/// Refuses a folder that was named and does not exist, or is a file: it may be misspelt, and nobody would look for what a run
/// leaves in it.
///
/// # Errors
/// The folder does not exist, or is not a folder.
pub(super) fn must_exist(folder: &Path) -> Result<(), CommandError> {
    match std::fs::metadata(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            let name = folder.to_string_lossy();
            let new = quoted(&name);
            Err(missing(folder, &format!("to use a new snapshot folder, create it first: mkdir -p {new}")))
        }
        Ok(found) if !found.is_dir() => Err(CommandError::usage(miette::miette!(
            help = NAME_A_FOLDER,
            "--snapshots: {} is not a folder",
            folder.display()
        ))),
        // What is wrong with a folder that is there is found when it is read.
        _ => Ok(()),
    }
}

fn missing(folder: &Path, help: &str) -> CommandError {
    let help = match similar(folder) {
        Some(similar) => format!("did you mean `{}`? Otherwise, {help}", similar.display()),
        None => help.to_owned(),
    };
    CommandError::usage(miette::miette!(help = help, "--snapshots: the folder {} does not exist", folder.display()))
}

/// A folder that stands where a missing one was looked for and has almost its name.
fn similar(folder: &Path) -> Option<PathBuf> {
    let name = folder.file_name()?.to_str()?;
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let entries = std::fs::read_dir(parent.unwrap_or(Path::new("."))).ok()?;
    let folders = entries.flatten().take(MOST_ENTRIES).filter(|entry| entry.path().is_dir());
    let names = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>();
    let found = nearest(name, names.iter().map(String::as_str))?;
    Some(parent.map_or_else(|| PathBuf::from(found), |parent| parent.join(found)))
}

fn beside(scenarios: &[PathBuf]) -> Option<PathBuf> {
    if scenarios.is_empty() {
        let (own, snapshots) = (Path::new("scenarios"), Path::new(FOLDER));
        return (own.is_dir() && snapshots.is_dir()).then(|| snapshots.to_owned());
    }
    let first = std::path::absolute(scenarios.first()?).ok()?;
    // A file stands in scenarios/FAMILY/, so that the folder is at most three steps up, and never above `scenarios`: the
    // snapshots of other scenarios may stand there.
    let within = first.ancestors().take(3).position(|folder| folder.ends_with("scenarios"));
    let steps = within.map_or(4, |steps| steps + 2);
    first.ancestors().take(steps).map(|folder| folder.join(FOLDER)).find(|folder| folder.is_dir())
}

/// An error of the library, with what to do about it.
pub(super) fn report(error: LibraryError) -> miette::Report {
    let help = match &error {
        LibraryError::Write { .. } | LibraryError::Read { .. } => Some("name another folder with --snapshots"),
        LibraryError::Snapshot { .. } => Some("correct the file, or remove it and run again"),
        LibraryError::Name { .. } | LibraryError::BuiltIn | LibraryError::Frozen => None,
    };
    match help {
        Some(help) => miette::miette!(help = help, "{error}"),
        None => miette::Report::msg(error.to_string()),
    }
}
