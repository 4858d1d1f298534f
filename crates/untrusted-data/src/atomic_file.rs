//! Replaces files atomically: a reader sees either the old or the new content, never a part.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The maximum number of links in a chain; the kernel's limit is the same.
const LINKS: usize = 40;
/// The maximum number of folder entries that are searched for leftover temporary files.
const MAX_SCANNED_ENTRIES: usize = 10_000;
/// The mode of a new file before the umask is applied.
const NEW: u32 = 0o666;
/// The mode of a file that contains secrets.
const NEW_PRIVATE: u32 = 0o600;

/// Replaces or creates a file. The file keeps its mode; a new file gets the mode that the umask determines. If the path
/// is a symbolic link, the target is replaced and the link stays.
///
/// # Errors
/// Returns an error if the file cannot be written, or if the path is not a file.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, &mut &bytes[..], NEW)
}

/// Replaces or creates a file with the data of a reader. Otherwise the same as [`replace`].
///
/// # Errors
/// Returns an error if the data cannot be read or written, or if the path is not a file.
pub fn replace_from(path: &Path, content: &mut dyn io::Read) -> io::Result<()> {
    write(path, content, NEW)
}

/// Replaces or creates a file that contains secrets. Only the owner can access the file. The data is synced to disk
/// before the file gets its name.
///
/// # Errors
/// Returns an error if the file cannot be written, or if the path is not a file.
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, &mut &bytes[..], NEW_PRIVATE)
}

/// Creates a file. Anything that already has this name, also a link, stays unchanged.
///
/// # Errors
/// Returns an error if the file cannot be written or the name is taken ([`io::ErrorKind::AlreadyExists`]). No part of
/// the file is left.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create_with(path, bytes, NEW)
}

/// [`create`] for a file that only the owner can access.
///
/// # Errors
/// As in [`create`].
pub fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create_with(path, bytes, NEW_PRIVATE)
}

fn create_with(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = temporary(path, mode)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// Checks whether a file can be replaced, and leaves no trace.
///
/// # Errors
/// Returns an error if the file could not be replaced.
pub fn probe(path: &Path) -> io::Result<()> {
    let (target, _) = target(path)?;
    temporary(&target, NEW).map(drop)
}

fn write(path: &Path, content: &mut dyn io::Read, new: u32) -> io::Result<()> {
    let (target, before) = target(path)?;
    let mut file = temporary(&target, new)?;
    io::copy(content, &mut file)?;
    if let Some(before) = before.filter(|_| new == NEW) {
        file.as_file().set_permissions(before.permissions())?;
    }
    if new == NEW_PRIVATE {
        file.as_file().sync_all()?;
    }
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// Resolves the file to replace (the path or the target of its link), and its metadata.
fn target(path: &Path) -> io::Result<(PathBuf, Option<Metadata>)> {
    let mut target = path.to_owned();
    for _ in 0..LINKS {
        match fs::symlink_metadata(&target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((target, None)),
            Err(error) => return Err(error),
            Ok(found) if found.is_symlink() => target = folder(&target).join(fs::read_link(&target)?),
            Ok(found) if found.is_file() => return Ok((target, Some(found))),
            Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(_) => return Err(io::Error::other("it is not a regular file")),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

fn temporary(target: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let name = target.file_name().unwrap_or_default();
    clear_stale(target);
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    prefix.push(format!(".{}-", std::process::id()));
    let mut builder = tempfile::Builder::new();
    // A name may have 255 bytes, and the prefix and the suffix need some of them. Most names are far shorter.
    if name.len() < 200 {
        builder.prefix(&prefix);
    }
    builder.suffix(".tmp").permissions(Permissions::from_mode(mode)).tempfile_in(folder(target)).map_err(without_path)
}

/// An error without the path of the temporary file, which the user does not know.
fn without_path(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((what, _)) => io::Error::new(error.kind(), what),
        None => error,
    }
}

/// Removes temporary files of processes that were killed while they wrote this file.
fn clear_stale(target: &Path) {
    let Some(name) = target.file_name().and_then(|name| name.to_str()) else { return };
    let prefix = format!(".{name}.");
    let entries = fs::read_dir(folder(target)).into_iter().flatten().flatten();
    for entry in entries.take(MAX_SCANNED_ENTRIES) {
        let found = entry.file_name();
        let writer =
            found.to_str().and_then(|found| found.strip_prefix(&prefix)?.strip_suffix(".tmp")?.split_once('-'));
        // Without `/proc`, nothing shows which processes have ended.
        let is_gone = |writer: &str| {
            writer.parse::<u32>().is_ok()
                && Path::new("/proc/self").exists()
                && !Path::new("/proc").join(writer).exists()
        };
        if writer.is_some_and(|(writer, _)| is_gone(writer)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;

    #[test]
    fn removes_stale_temporary_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let ours = format!(".file.{}-x.tmp", std::process::id());
        // No process id is as high as this (proc(5), pid_max).
        for name in [".file.4194399-a.tmp", ".other.4194399-a.tmp", ".file.tmp", ".file.x-a.tmp", &ours] {
            fs::write(path(name), "part").unwrap();
        }
        replace(&path("file"), b"whole").unwrap();
        let mut left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
        left.sort();
        let mut expected =
            [ours.as_str(), ".file.tmp", ".file.x-a.tmp", ".other.4194399-a.tmp", "file"].map(std::ffi::OsString::from);
        expected.sort();
        assert_eq!(left, expected);
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    /// The mode of a new file under the current umask. The umask belongs to the process, so a test must not change
    /// it.
    fn default_mode(folder: &Path) -> u32 {
        let path = folder.join("usual");
        fs::write(&path, "").unwrap();
        mode(&path)
    }

    #[test]
    fn file_mode_of_new_and_existing_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"one").unwrap();
        assert_eq!(mode(&path), default_mode(folder.path()));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("two", 0o640));
        let secret = folder.path().join("secret");
        replace_private(&secret, b"").unwrap();
        assert_eq!(mode(&secret), 0o600);
    }

    #[test]
    fn replaces_target_of_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link, outer) =
            (folder.path().join("sub/real"), folder.path().join("link"), folder.path().join("outer"));
        fs::create_dir(folder.path().join("sub")).unwrap();
        std::os::unix::fs::symlink("sub/real", &link).unwrap();
        std::os::unix::fs::symlink("link", &outer).unwrap();
        for text in ["made", "replaced"] {
            replace(&outer, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&real).unwrap(), text);
        }
        assert!(
            fs::symlink_metadata(&link).unwrap().is_symlink() && fs::symlink_metadata(&outer).unwrap().is_symlink()
        );
        assert_eq!(fs::read_dir(folder.path().join("sub")).unwrap().count(), 1, "a temporary file was left");
    }

    #[test]
    fn private_file_is_created_without_overwriting() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        create_private(&path("new"), b"new").unwrap();
        assert_eq!(fs::metadata(path("new")).unwrap().permissions().mode() & 0o777, 0o600);
        std::os::unix::fs::symlink("nowhere", path("link")).unwrap();
        for name in ["new", "link"] {
            let error = create_private(&path(name), b"other").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{name}: {error}");
        }
        assert_eq!(fs::read(path("new")).unwrap(), b"new");
        assert!(!path("nowhere").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn creates_file_atomically() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("old"), "old").unwrap();
        std::os::unix::fs::symlink("nowhere", path("link")).unwrap();
        for name in ["old", "link"] {
            assert_eq!(create(&path(name), b"new").unwrap_err().kind(), io::ErrorKind::AlreadyExists, "{name}");
        }
        create(&path("new"), b"new").unwrap();
        assert_eq!(mode(&path("new")), default_mode(folder.path()));
        fs::remove_file(path("usual")).unwrap();
        let read = |name: &str| fs::read_to_string(path(name)).ok();
        assert_eq!((read("old").as_deref(), read("new").as_deref(), read("nowhere")), (Some("old"), Some("new"), None));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "a temporary file was left");
    }

    #[test]
    fn ignores_special_files() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink("loop", folder.path().join("loop")).unwrap();
        for name in ["pipe", "loop", ""] {
            replace(&folder.path().join(name), b"x").unwrap_err();
        }
        assert!(!fs::symlink_metadata(&pipe).unwrap().is_file());
    }
}
