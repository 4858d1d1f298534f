//! The destination of a report: a file, which is replaced atomically, or a stream.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::oneshot;
use untrusted_data::atomic_file;

/// The maximum wait for a reader of a pipe after the report is complete.
const READER: Duration = Duration::from_secs(10);

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A file, the target of a link, or a file that does not exist yet.
    File(PathBuf),
    /// Standard output.
    Stdout,
    /// A pipe, a device, a descriptor of the process.
    Stream(PathBuf),
}

impl Destination {
    /// The destination for a path. `-` is standard output.
    ///
    /// # Errors
    /// Returns an error if the destination cannot be determined.
    pub(crate) fn find(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        if let Some(number) = descriptor(path) {
            return Ok(if number == 1 { Self::Stdout } else { Self::Stream(path.to_owned()) });
        }
        match fs::metadata(path) {
            Ok(found) if found.is_file() || found.is_dir() => Ok(Self::File(path.to_owned())),
            Ok(_) => Ok(Self::Stream(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::File(path.to_owned())),
            Err(error) => Err(named(path, error)),
        }
    }

    /// Prepares to write. A separate thread opens a stream, because opening a pipe blocks until it has a reader.
    ///
    /// # Errors
    /// Returns an error if there is no space for the file, or if the thread cannot be created.
    pub(crate) fn open(self) -> io::Result<(ReportSink, Option<Delivery>)> {
        let path = match self {
            Self::File(path) => {
                atomic_file::probe(&path).map_err(|error| named(&path, error))?;
                return Ok((ReportSink::File(path), None));
            }
            Self::Stdout => PathBuf::from("-"),
            Self::Stream(path) => path,
        };
        let (sender, document) = mpsc::channel::<File>();
        let (opened, is_open) = oneshot::channel();
        let (finished, done) = oneshot::channel();
        let name = path.clone();
        let write = move || {
            let mut stream: Box<dyn io::Write> = match name.as_os_str() == "-" {
                true => stdout(),
                false => Box::new(OpenOptions::new().append(true).open(&name)?),
            };
            let _ = opened.send(());
            // A run that did not finish has no report.
            let Ok(mut document) = document.recv() else { return Ok(()) };
            io::copy(&mut document, &mut stream)?;
            stream.flush()
        };
        // The thread is not joined at the end of the process, because its stream may never get a reader.
        std::thread::Builder::new().name("report".to_owned()).spawn(move || finished.send(write()))?;
        Ok((ReportSink::Stream(sender), Some(Delivery { path, is_open, done })))
    }
}

/// The report is already redacted, and its lines must not be buffered.
#[expect(clippy::disallowed_methods, reason = "a report is printable and without secrets already")]
fn stdout() -> Box<dyn io::Write> {
    Box::new(io::stdout())
}

/// The number of a descriptor of this process that a path leads to: `/dev/stdout`, `/dev/fd/3`, `/proc/self/fd/3`.
fn descriptor(path: &Path) -> Option<u32> {
    let mut path = std::path::absolute(path).ok()?;
    for _ in 0..8 {
        let parent = fs::canonicalize(path.parent()?).ok()?;
        let mut parts = parent.components().skip(1).map(Component::as_os_str);
        if parts.next().is_some_and(|part| part == "proc") && parts.any(|part| part == "fd") {
            return path.file_name()?.to_str()?.parse().ok();
        }
        path = parent.join(fs::read_link(&path).ok()?);
    }
    None
}

/// Receives the report.
#[derive(Debug)]
pub(crate) enum ReportSink {
    /// Writes the report to a file.
    File(PathBuf),
    /// Sends the report to the thread of the stream.
    Stream(mpsc::Sender<File>),
}

impl ReportSink {
    /// Writes the complete report. A file is read from its current position.
    ///
    /// # Errors
    /// Returns an error if the file cannot be replaced. The [`Delivery`] reports errors of a stream.
    pub(crate) fn take(&self, mut document: File) -> io::Result<()> {
        match self {
            Self::File(path) => atomic_file::replace_from(path, &mut document).map_err(|error| named(path, error)),
            Self::Stream(sender) => {
                // If the thread has ended, the delivery reports its error.
                let _ = sender.send(document);
                Ok(())
            }
        }
    }
}

/// A report on its way to a stream.
#[derive(Debug)]
pub(crate) struct Delivery {
    path: PathBuf,
    is_open: oneshot::Receiver<()>,
    done: oneshot::Receiver<io::Result<()>>,
}

impl Delivery {
    /// Waits until the thread has written the report.
    ///
    /// # Errors
    /// Returns an error if no program read from a pipe in time, or if a write failed.
    pub(crate) async fn finish(self) -> io::Result<()> {
        let Self { path, is_open, mut done } = self;
        let ended = |ended: Result<io::Result<()>, _>| {
            ended.unwrap_or_else(|_| Err(io::Error::other("the writer stopped early")))
        };
        tokio::select! {
            biased;
            written = &mut done => return ended(written).map_err(|error| named(&path, error)),
            opened = is_open => drop(opened),
            () = tokio::time::sleep(READER) => {
                let waited = format!("no program read from it within {} s", READER.as_secs());
                return Err(named(&path, io::Error::new(io::ErrorKind::TimedOut, waited)));
            }
        }
        ended(done.await).map_err(|error| named(&path, error))
    }
}

/// Adds the path of the file to an error.
fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use std::io::Seek as _;
    use std::os::fd::AsRawFd as _;

    fn document() -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"{}\n").unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn special_file_is_stream() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        nix::unistd::mkfifo(&path("pipe"), Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink("pipe", path("link")).unwrap();
        std::os::unix::fs::symlink("/proc/self/fd/1", path("stdout")).unwrap();
        let found = |name: &str| Destination::find(&path(name)).unwrap();
        assert_eq!(found("new.json"), Destination::File(path("new.json")));
        assert_eq!(found("link"), Destination::Stream(path("link")));
        assert_eq!(found("stdout"), Destination::Stdout);
        for stdout in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            assert_eq!(Destination::find(Path::new(stdout)).unwrap(), Destination::Stdout, "{stdout}");
        }
        assert_eq!(Destination::find(Path::new("/dev/null")).unwrap(), Destination::Stream("/dev/null".into()));
    }

    #[test]
    fn writes_to_descriptor_of_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = PathBuf::from(format!("/dev/fd/{}", file.as_file().as_raw_fd()));
        assert_eq!(Destination::find(&path).unwrap(), Destination::Stream(path));
    }

    #[tokio::test]
    async fn pipe_receives_report() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        let (sink, delivery) = Destination::find(&pipe).unwrap().open().unwrap();
        sink.take(document()).unwrap();
        let reader = {
            let pipe = pipe.clone();
            tokio::task::spawn_blocking(move || fs::read_to_string(pipe).unwrap())
        };
        delivery.unwrap().finish().await.unwrap();
        assert_eq!(reader.await.unwrap(), "{}\n");
        assert!(!fs::symlink_metadata(&pipe).unwrap().is_file());
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_pipe_without_reader() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        let (sink, delivery) = Destination::find(&pipe).unwrap().open().unwrap();
        sink.take(document()).unwrap();
        let error = delivery.unwrap().finish().await.unwrap_err();
        assert!(error.to_string().contains("pipe: no program read from it within 10 s"), "{error}");
    }
}
