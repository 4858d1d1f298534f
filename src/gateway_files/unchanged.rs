//! Reads files that a running gateway can write at the same time. A gateway writes several files for one change, and an
//! editor can write one file in parts.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The time after which files that keep changing are read for the last time.
const MAX_WAIT: Duration = Duration::from_secs(3);
/// The files are read after they were unchanged for this time. A gateway writes the files of one change within this
/// time. The time is also longer than a step of a file system's clock, so a later write leaves another timestamp.
const QUIET: Duration = Duration::from_millis(30);

/// What shows that a file has changed: its device, inode, size and time of change. `None` if the file does not exist or
/// cannot be reached.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino(), found.size(), found.ctime(), found.ctime_nsec()))
}

/// Reads files after they have stopped changing, and reads them again if one of them changes during the read.
///
/// # Errors
/// Returns the path of a file that keeps changing.
pub(crate) fn read_unchanged<T>(files: &[PathBuf], read: impl FnMut() -> T) -> Result<T, PathBuf> {
    read_unchanged_within(files, MAX_WAIT, read)
}

fn read_unchanged_within<T>(files: &[PathBuf], wait: Duration, mut read: impl FnMut() -> T) -> Result<T, PathBuf> {
    let began = Instant::now();
    let mut is_last = false;
    loop {
        let before = files.iter().map(|path| stamp(path)).collect::<Vec<_>>();
        let changed = || files.iter().zip(&before).position(|(path, before)| stamp(path) != *before);
        thread::sleep(QUIET);
        let changing = match changed() {
            None => {
                let found = read();
                let Some(changing) = changed() else { return Ok(found) };
                changing
            }
            Some(changing) => changing,
        };
        if is_last {
            return Err(files.get(changing).cloned().unwrap_or_default());
        }
        // A single read can take longer than the whole wait, so one more round follows.
        is_last = began.elapsed() >= wait;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    /// Replaces two files, as a gateway does, until `stop`: first one, then the other, with the same number. Returns the longest
    /// time between the two.
    fn write_pairs(folder: &Path, stop: &AtomicBool, written: &AtomicU64) -> Duration {
        let mut longest = Duration::ZERO;
        while !stop.load(Ordering::Relaxed) {
            let number = written.fetch_add(1, Ordering::Relaxed);
            let began = Instant::now();
            for name in ["a", "b"] {
                fs::write(folder.join("new"), format!("{number:012}")).unwrap();
                fs::rename(folder.join("new"), folder.join(name)).unwrap();
                thread::sleep(Duration::from_millis(2));
            }
            longest = longest.max(began.elapsed());
            // The files do not change in this time.
            thread::sleep(Duration::from_millis(number % 4 * 50));
        }
        longest
    }

    #[test]
    fn files_are_of_one_moment() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a", "b"].map(|name| folder.path().join(name));
        files.iter().for_each(|file| fs::write(file, "none").unwrap());
        let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            let writer = scope.spawn(|| write_pairs(folder.path(), &stop, &written));
            let mut read = Vec::new();
            while written.load(Ordering::Relaxed) < 40 {
                read.extend(read_unchanged(&files, || {
                    let first = fs::read_to_string(&files[0]).unwrap();
                    thread::sleep(Duration::from_millis(20));
                    (first, fs::read_to_string(&files[1]).unwrap())
                }));
            }
            stop.store(true, Ordering::Relaxed);
            assert!(!read.is_empty());
            // On a busy machine, the writer can pause between two files. Then, the first one is at rest.
            if writer.join().unwrap() > QUIET {
                return;
            }
            read.iter().for_each(|(first, second)| assert_eq!(first, second));
        });
    }

    #[test]
    fn names_file_that_keeps_changing() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a", "b"].map(|name| folder.path().join(name));
        let mut reads = 0;
        let found = read_unchanged(&files, || {
            reads += 1;
            fs::write(&files[1], reads.to_string()).unwrap();
        });
        assert_eq!(found, Err(files[1].clone()));
        assert!(reads > 1, "it was read again");
    }

    /// The first read takes longer than the wait, and one file changes during this read.
    #[test]
    fn slow_read_is_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a", "b"].map(|name| folder.path().join(name));
        let mut reads = 0;
        let mut read = |changes: usize| {
            read_unchanged_within(&files, Duration::ZERO, || {
                reads += 1;
                if reads <= changes {
                    fs::write(&files[1], reads.to_string()).unwrap();
                }
                reads
            })
        };
        assert_eq!(read(1), Ok(2));
        assert_eq!(read(usize::MAX), Err(files[1].clone()));
        assert_eq!(reads, 4, "files that change again are read twice");
    }

    #[test]
    fn missing_file_is_at_rest() {
        assert_eq!(read_unchanged(&[PathBuf::from("/nonexistent/file")], || 7), Ok(7));
    }
}
