//! Reads files that other people or programs created: users, gateways, repositories. All such files are read here.
//!
//! Such a path can name anything. Opening a named pipe can wait for a writer forever, opening a device can have side
//! effects, and a link can lead anywhere. The type is therefore checked before the file is opened, the file is opened
//! without waiting, and the type is checked again. Only regular files are read, up to the limit of the caller.

use nix::fcntl::OFlag;
use std::fmt;
use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Whether to follow a symbolic link in the last part of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// Follow the link: the user chose the path.
    Follow,
    /// Refuse the link: another user may have created it.
    Refuse,
}

/// The type of a path that is not a regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherKind {
    /// A directory in place of a file.
    Directory,
    /// A symbolic link that must not be followed.
    Link,
    /// A named pipe (FIFO).
    Pipe,
    /// A Unix socket.
    Socket,
    /// A character or block device.
    Device,
    /// A kind that this program does not know.
    Unknown,
}

impl OtherKind {
    fn of(kind: FileType) -> Option<Self> {
        match kind {
            kind if kind.is_file() => None,
            kind if kind.is_dir() => Some(Self::Directory),
            kind if kind.is_symlink() => Some(Self::Link),
            kind if kind.is_fifo() => Some(Self::Pipe),
            kind if kind.is_socket() => Some(Self::Socket),
            kind if kind.is_char_device() || kind.is_block_device() => Some(Self::Device),
            _ => Some(Self::Unknown),
        }
    }
}

impl fmt::Display for OtherKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "a folder",
            Self::Link => "a symbolic link",
            Self::Pipe => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Unknown => "something else",
        })
    }
}

/// Why a file was not read. The message does not name the path.
#[derive(Debug, thiserror::Error)]
pub enum PlainFileError {
    /// The operating system reported an error.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not a regular file.
    #[error("this is {0}, not a file")]
    Kind(OtherKind),
    /// It is longer than the limit of the caller, in bytes.
    #[error("the file is longer than {}", size(*.0))]
    TooLarge(u64),
    /// It is not UTF-8 text; the number of the first invalid line, counted from 1.
    #[error("line {0} is not UTF-8 text")]
    NotText(usize),
}

impl PlainFileError {
    /// Whether the path does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Converts to an I/O error, for callers whose own error type contains one.
impl From<PlainFileError> for io::Error {
    fn from(error: PlainFileError) -> Self {
        match error {
            PlainFileError::Io(error) => error,
            PlainFileError::Kind(OtherKind::Directory) => Self::new(io::ErrorKind::IsADirectory, error),
            PlainFileError::Kind(_) => Self::new(io::ErrorKind::InvalidInput, error),
            PlainFileError::TooLarge(_) => Self::new(io::ErrorKind::FileTooLarge, error),
            PlainFileError::NotText(_) => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// Returns an error if the path does not exist or is not a regular file, or if the file exceeds the limit.
pub fn read(path: &Path, limit: u64, links: Links) -> Result<Vec<u8>, PlainFileError> {
    let mut bytes = Vec::new();
    // Reads one byte more than the limit to detect a longer file, because the size from the metadata may be outdated.
    open(path, links)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(PlainFileError::TooLarge(limit)) } else { Ok(bytes) }
}

/// Reads a regular file of at most `limit` bytes that is UTF-8 text.
///
/// # Errors
/// Returns the errors of [`read`], or an error if the file is not text.
pub fn read_text(path: &Path, limit: u64, links: Links) -> Result<String, PlainFileError> {
    text(read(path, limit, links)?)
}

/// Decodes UTF-8 text.
///
/// # Errors
/// Returns an error if the bytes are not UTF-8.
pub fn text(bytes: Vec<u8>) -> Result<String, PlainFileError> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        PlainFileError::NotText(1 + before.iter().filter(|&&byte| byte == b'\n').count())
    })
}

/// Opens a regular file for reading. Never waits for another process.
///
/// # Errors
/// Returns an error if the path does not exist or is not a regular file.
pub fn open(path: &Path, links: Links) -> Result<File, PlainFileError> {
    check(path, links)?;
    let mut flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    if links == Links::Refuse {
        flags |= OFlag::O_NOFOLLOW;
    }
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    // Another file may have replaced this one since the check.
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Checks that a path is a regular file without opening it, for libraries that accept only a path.
///
/// # Errors
/// Returns an error if the path does not exist or is not a regular file.
pub fn check(path: &Path, links: Links) -> Result<(), PlainFileError> {
    let metadata = match links {
        Links::Follow => std::fs::metadata(path)?,
        Links::Refuse => std::fs::symlink_metadata(path)?,
    };
    regular(&metadata)
}

fn regular(metadata: &Metadata) -> Result<(), PlainFileError> {
    OtherKind::of(metadata.file_type()).map_or(Ok(()), |other| Err(PlainFileError::Kind(other)))
}

/// A human-readable size.
fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 1 << 10 && bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use rstest::rstest;
    use std::os::unix::net::UnixListener;

    /// A folder with one path of each kind.
    fn kinds() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "text").unwrap();
        std::fs::create_dir(path("directory")).unwrap();
        nix::unistd::mkfifo(&path("pipe"), Mode::S_IRWXU).unwrap();
        drop(UnixListener::bind(path("socket")).unwrap());
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        std::os::unix::fs::symlink("pipe", path("link-to-pipe")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path("link-to-device")).unwrap();
        folder
    }

    #[rstest]
    #[case::file("file", Links::Refuse, "text")]
    #[case::link_to_a_file("link", Links::Follow, "text")]
    #[case::link_refused("link", Links::Refuse, "this is a symbolic link, not a file")]
    #[case::directory("directory", Links::Follow, "this is a folder, not a file")]
    #[case::pipe("pipe", Links::Refuse, "this is a named pipe, not a file")]
    #[case::link_to_a_pipe("link-to-pipe", Links::Follow, "this is a named pipe, not a file")]
    #[case::socket("socket", Links::Follow, "this is a socket, not a file")]
    #[case::device("link-to-device", Links::Follow, "this is a device, not a file")]
    fn reads_only_regular_files(#[case] name: &str, #[case] links: Links, #[case] outcome: &str) {
        let folder = kinds();
        let read = read(&folder.path().join(name), 4, links);
        let shown = read.map_or_else(|error| error.to_string(), |bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(shown, outcome);
    }

    #[test]
    fn distinguishes_too_long_and_missing() {
        let folder = kinds();
        let long = read(&folder.path().join("file"), 3, Links::Refuse).unwrap_err();
        assert_eq!(long.to_string(), "the file is longer than 3 bytes");
        assert!(!long.is_not_found());
        assert!(read(&folder.path().join("none"), 3, Links::Refuse).unwrap_err().is_not_found());
        assert_eq!(size(16 << 20), "16 MiB");
    }

    #[test]
    fn names_first_invalid_line() {
        assert_eq!(text(b"a\nb\n\xe9\n".to_vec()).unwrap_err().to_string(), "line 3 is not UTF-8 text");
        assert_eq!(text("a\n\u{e9}".into()).unwrap(), "a\n\u{e9}");
    }
}
