//! Writes below a directory in which another program may have created links, without following links.
//!
//! A gateway owns its state directory while a case is played. An edit through a link in this directory would write to
//! the target of the link with the permissions of the user. Each part of a path is therefore opened relative to the
//! previous part, and a link in any part is an error.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmodat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// An open directory.
pub(crate) struct NoFollowDir {
    root: OwnedFd,
}

/// The reason why an edit was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoFollowError {
    /// The path has a part that is not a name: `..`, the root or an empty part.
    #[error("it leads out of the directory")]
    Outside,
    /// A part of the path is a link, named by its path below the directory.
    #[error("`{}` is a symbolic link, which is not followed", .0.display())]
    Link(PathBuf),
    /// The file has another name (hard link), and the edit would change the file there, too.
    #[error("it is a hard link: the same file has another name")]
    HardLink,
    /// The path is neither a regular file nor a directory.
    #[error("it is not a file")]
    NotPlain,
    /// An error of the operating system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<NoFollowError> for io::Error {
    fn from(error: NoFollowError) -> Self {
        match error {
            NoFollowError::Io(error) => error,
            other => Self::other(other),
        }
    }
}

impl From<Errno> for NoFollowError {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

/// The open directory of a file, and the name of the file in it.
struct FileLocation<'a> {
    directory: OwnedFd,
    name: &'a OsStr,
    path: &'a Path,
}

impl NoFollowDir {
    /// Opens a directory that must exist and must not be a link.
    pub(crate) fn open(directory: &Path) -> Result<Self, NoFollowError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let opened = nix::fcntl::open(directory, flags, Mode::empty());
        if matches!(opened, Err(Errno::ENOTDIR)) && directory.is_symlink() {
            return Err(NoFollowError::Link(directory.to_owned()));
        }
        Ok(Self { root: opened? })
    }

    /// Replaces the content of a file. Creates missing parent directories.
    pub(crate) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), NoFollowError> {
        let spot = self.locate(path, true)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT;
        let mut file = spot.open_file(flags, Mode::from_bits_truncate(0o666))?;
        // Truncate only now, because the file is known to have no other name.
        file.set_len(0)?;
        Ok(file.write_all(bytes)?)
    }

    /// Truncates a file, or extends it with zeros, to a length in bytes.
    pub(crate) fn set_length(&self, path: &Path, length: u64) -> Result<(), NoFollowError> {
        Ok(self.locate(path, false)?.open_file(OFlag::O_WRONLY, Mode::empty())?.set_len(length)?)
    }

    /// Creates a directory and its missing parent directories.
    pub(crate) fn make_directory(&self, path: &Path) -> Result<(), NoFollowError> {
        self.walk(path, true).map(drop)
    }

    /// Sets the permissions of a file or a directory.
    pub(crate) fn set_mode(&self, path: &Path, mode: u32) -> Result<(), NoFollowError> {
        let spot = self.locate(path, false)?;
        let Some(found) = spot.found()? else { return Err(Errno::ENOENT.into()) };
        let is_directory = kind(&found) == SFlag::S_IFDIR;
        if !is_directory && found.st_nlink > 1 {
            return Err(NoFollowError::HardLink);
        }
        let mode = Mode::from_bits_truncate(mode);
        fchmodat(spot.directory.as_fd(), spot.name, mode, FchmodatFlags::NoFollowSymlink)
            .map_err(|errno| spot.error(errno))
    }

    /// Removes a file, a link, or a directory with its contents. Does nothing if the path does not exist.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), NoFollowError> {
        let spot = match self.locate(path, false) {
            Err(NoFollowError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            spot => spot?,
        };
        match spot.found()? {
            None => Ok(()),
            Some(found) if kind(&found) == SFlag::S_IFDIR => {
                // The parent directory is named by its descriptor, so no link can replace a part of the path.
                let directory = PathBuf::from(format!("/proc/self/fd/{}", spot.directory.as_raw_fd()));
                Ok(std::fs::remove_dir_all(directory.join(spot.name))?)
            }
            Some(_) => Ok(unlinkat(spot.directory.as_fd(), spot.name, UnlinkatFlags::NoRemoveDir)?),
        }
    }

    /// Opens the parent directory of a path.
    fn locate<'a>(&self, path: &'a Path, make: bool) -> Result<FileLocation<'a>, NoFollowError> {
        let Some(name) = path.file_name() else { return Err(NoFollowError::Outside) };
        let directory = self.walk(path.parent().unwrap_or(Path::new("")), make)?;
        Ok(FileLocation { directory, name, path })
    }

    /// Walks down a path of directories, and creates missing ones if allowed.
    fn walk(&self, path: &Path, make: bool) -> Result<OwnedFd, NoFollowError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut here = self.root.try_clone()?;
        let mut walked = PathBuf::new();
        for part in path.components() {
            let Component::Normal(name) = part else { return Err(NoFollowError::Outside) };
            walked.push(name);
            if make {
                match mkdirat(here.as_fd(), name, Mode::S_IRWXU | Mode::S_IRWXG | Mode::S_IRWXO) {
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            let spot = FileLocation { directory: here, name, path: &walked };
            here = openat(spot.directory.as_fd(), name, flags, Mode::empty()).map_err(|errno| spot.error(errno))?;
        }
        Ok(here)
    }
}

impl FileLocation<'_> {
    /// The metadata of a path; for a link, the metadata of the link itself.
    fn found(&self) -> Result<Option<FileStat>, NoFollowError> {
        match fstatat(self.directory.as_fd(), self.name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Opens a regular file that has no other hard link. Does not wait for the reader of a pipe.
    fn open_file(&self, flags: OFlag, mode: Mode) -> Result<File, NoFollowError> {
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let opened = openat(self.directory.as_fd(), self.name, flags, mode);
        let file = File::from(opened.map_err(|errno| self.error(errno))?);
        let found = nix::sys::stat::fstat(&file)?;
        match kind(&found) {
            SFlag::S_IFREG if found.st_nlink > 1 => Err(NoFollowError::HardLink),
            SFlag::S_IFREG => Ok(file),
            _ => Err(NoFollowError::NotPlain),
        }
    }

    /// Converts an error of the operating system, and recognizes a link in the path.
    fn error(&self, errno: Errno) -> NoFollowError {
        match self.found() {
            Ok(Some(found)) if kind(&found) == SFlag::S_IFLNK => NoFollowError::Link(self.path.to_owned()),
            Ok(Some(found)) if errno == Errno::ENXIO && kind(&found) != SFlag::S_IFREG => NoFollowError::NotPlain,
            _ => errno.into(),
        }
    }
}

fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    /// A state directory with a file and a folder next to it that no edit may touch.
    fn directory() -> (tempfile::TempDir, NoFollowDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("state/devices")).unwrap();
        std::fs::create_dir(path("theirs")).unwrap();
        std::fs::write(path("theirs/file"), "theirs").unwrap();
        std::fs::set_permissions(path("theirs/file"), std::fs::Permissions::from_mode(0o640)).unwrap();
        symlink(path("theirs/file"), path("state/devices/link")).unwrap();
        symlink(path("theirs/new"), path("state/devices/dangling")).unwrap();
        symlink(path("theirs"), path("state/nodes")).unwrap();
        std::fs::hard_link(path("theirs/file"), path("state/devices/hard")).unwrap();
        nix::unistd::mkfifo(&path("state/devices/pipe"), Mode::S_IRWXU).unwrap();
        let root = NoFollowDir::open(&path("state")).unwrap();
        (folder, root)
    }

    type FileOperation = fn(&NoFollowDir, &Path) -> Result<(), NoFollowError>;
    const WRITE: FileOperation = |root, path| root.write(path, b"ours");
    const CUT: FileOperation = |root, path| root.set_length(path, 0);
    const CHMOD: FileOperation = |root, path| root.set_mode(path, 0o777);
    const MAKE: FileOperation = |root, path| root.make_directory(path);
    const REMOVE: FileOperation = |root, path| root.remove(path);

    #[rstest]
    fn never_follows_links(
        #[values(WRITE, CUT, CHMOD, MAKE, REMOVE)] act: FileOperation,
        #[values("devices/link", "devices/dangling", "devices/hard", "devices/pipe", "nodes/file", "nodes/new/file")]
        path: &str,
    ) {
        let (folder, root) = directory();
        let done = act(&root, Path::new(path));
        // Removing a link removes the link itself. All other edits are refused.
        let itself = act as usize == REMOVE as usize && path.starts_with("devices/");
        let pipe = act as usize == CHMOD as usize && path == "devices/pipe";
        assert_eq!(done.is_ok(), itself || pipe, "{done:?}");
        let theirs = folder.path().join("theirs/file");
        assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "theirs");
        assert_eq!(std::fs::metadata(&theirs).unwrap().mode() & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(folder.path().join("theirs")).unwrap().count(), 1);
    }

    #[test]
    fn error_names_link() {
        let (folder, root) = directory();
        let error = root.write(Path::new("nodes/new/file"), b"").unwrap_err();
        assert_eq!(error.to_string(), "`nodes` is a symbolic link, which is not followed");
        let error = root.write(Path::new("devices/dangling"), b"").unwrap_err();
        assert_eq!(error.to_string(), "`devices/dangling` is a symbolic link, which is not followed");
        let Err(error) = NoFollowDir::open(&folder.path().join("state/nodes")) else { panic!() };
        assert!(matches!(error, NoFollowError::Link(_)), "{error}");
    }

    #[test]
    fn writes_truncates_and_removes() {
        let (folder, root) = directory();
        let file = folder.path().join("state/a/b/file");
        let path = Path::new("a/b/file");
        root.write(path, b"longer").unwrap();
        root.write(path, b"short").unwrap();
        root.set_length(path, 3).unwrap();
        root.set_mode(path, 0o400).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "sho");
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o400);
        root.set_mode(Path::new("a"), 0o500).unwrap();
        assert_eq!(std::fs::metadata(folder.path().join("state/a")).unwrap().mode() & 0o777, 0o500);
        root.set_mode(Path::new("a"), 0o700).unwrap();
        root.remove(Path::new("a")).unwrap();
        root.remove(Path::new("a/b/file")).unwrap();
        assert!(!folder.path().join("state/a").exists());
        root.make_directory(Path::new("c/d")).unwrap();
        assert!(folder.path().join("state/c/d").is_dir());
    }

    #[test]
    fn rejects_path_outside_directory() {
        let (_folder, root) = directory();
        for path in ["../x", "/x", "a/../../x", "", ".."] {
            assert!(matches!(root.write(Path::new(path), b""), Err(NoFollowError::Outside)), "{path}");
        }
    }
}
