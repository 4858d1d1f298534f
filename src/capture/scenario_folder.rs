//! Writes a captured scenario to a new folder.

use super::Capture;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use untrusted_data::atomic_file;

/// The name of the scenario file.
const FILE: &str = "captured.yaml";

/// The scenario could not be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum SaveError {
    /// The folder already contains files.
    #[error("the folder {0} is not empty")]
    #[diagnostic(help("pass a new or empty folder with -o; `capture` overwrites nothing"))]
    NotEmpty(PathBuf),
    /// The folder is inside the state directory.
    #[error("the folder {0} is inside the state directory")]
    #[diagnostic(help("pass another folder with -o; `capture` does not write to the state directory"))]
    Inside(PathBuf),
    /// A file or folder could not be created.
    #[error("cannot write {path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
}

/// Writes the scenario to a folder, which must be empty or new. Returns the path of the scenario file.
///
/// # Errors
/// The folder is not empty, is inside the state directory, or cannot be written to.
pub(crate) fn save(capture: &Capture, folder: &Path, state_dir: &Path) -> Result<PathBuf, SaveError> {
    check(folder, state_dir)?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| SaveError::Io { path, error }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let file = folder.join(FILE);
    match atomic_file::create(&file, capture.text().as_bytes()) {
        // Somebody else wrote to the folder after the check.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(SaveError::NotEmpty(folder.to_owned())),
        written => written.map_err(failed(&file)),
    }?;
    Ok(file)
}

/// Checks that a capture can be written to a folder.
///
/// # Errors
/// The folder is not empty, is inside the state directory, or cannot be read.
fn check(folder: &Path, state_dir: &Path) -> Result<(), SaveError> {
    let state_dir = state_dir.canonicalize().unwrap_or_else(|_| state_dir.to_owned());
    let existing = folder.ancestors().find_map(|above| {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        above.canonicalize().ok()
    });
    if existing.is_some_and(|existing| existing.starts_with(&state_dir)) {
        return Err(SaveError::Inside(folder.to_owned()));
    }
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(SaveError::NotEmpty(folder.to_owned())),
            None => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(SaveError::Io { path: folder.to_owned(), error }),
    }
}
