//! Reads files that a running gateway can write at the same time. A gateway writes several files for one change, and an
//! editor can write one file in parts.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The longest time that is spent on files that change again and again.
const PATIENCE: Duration = Duration::from_secs(3);
/// A gateway writes the files of one change within this time. The clock of a file system has coarse steps, too: two writes
/// within one step leave the same time.
const QUIET: Duration = Duration::from_millis(30);

/// What shows that a file has changed. `None` if the file does not exist or cannot be reached.
type Stamp = Option<(u64, u64, u64, Duration)>;

fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    let changed = Duration::new(found.ctime().try_into().unwrap_or(0), found.ctime_nsec().try_into().unwrap_or(0));
    Some((found.dev(), found.ino(), found.size(), changed))
}

/// Whether a file was changed just before this time. A time in the future is that of another clock.
fn is_recent(stamp: &Stamp, now: Duration) -> bool {
    stamp.is_some_and(|(.., changed)| changed <= now + QUIET && changed + QUIET >= now)
}

/// Reads files, again if one of them changes during the read or changed just before it.
///
/// # Errors
/// Returns the path of a file that does not stop changing.
pub(crate) fn settled<T>(files: &[PathBuf], mut read: impl FnMut() -> T) -> Result<T, PathBuf> {
    let began = Instant::now();
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let before = files.iter().map(|path| stamp(path)).collect::<Vec<_>>();
        let changing = match before.iter().position(|stamp| is_recent(stamp, now)) {
            Some(recent) => Some(recent),
            None => {
                let found = read();
                match files.iter().zip(&before).position(|(path, before)| stamp(path) != *before) {
                    None => return Ok(found),
                    changed => changed,
                }
            }
        };
        if began.elapsed() >= PATIENCE {
            return Err(changing.and_then(|at| files.get(at)).cloned().unwrap_or_default());
        }
        thread::sleep(QUIET);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    /// Replaces two files, as a gateway does, until `stop`: first one, then the other, with the same number.
    fn write_pairs(folder: &Path, pause: Duration, stop: &AtomicBool, written: &AtomicU64) {
        while !stop.load(Ordering::Relaxed) {
            let number = written.fetch_add(1, Ordering::Relaxed);
            for name in ["a", "b"] {
                fs::write(folder.join("new"), format!("{number:012}")).unwrap();
                fs::rename(folder.join("new"), folder.join(name)).unwrap();
            }
            thread::sleep(pause);
        }
    }

    /// Reads the pair of files while another thread writes it.
    fn pairs(pause: Duration, reads: usize) -> Vec<Result<(String, String), PathBuf>> {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a", "b"].map(|name| folder.path().join(name));
        files.iter().for_each(|file| fs::write(file, "none").unwrap());
        let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            scope.spawn(|| write_pairs(folder.path(), pause, &stop, &written));
            let read = || {
                let [a, b] = files.each_ref().map(|file| fs::read_to_string(file).unwrap());
                (a, b)
            };
            let found = (0..reads).map(|_| settled(&files, read)).collect();
            stop.store(true, Ordering::Relaxed);
            assert!(written.load(Ordering::Relaxed) > 1, "the files changed");
            found
        })
    }

    #[test]
    fn pair_is_of_one_moment() {
        for found in pairs(Duration::from_millis(150), 20) {
            let (a, b) = found.unwrap();
            assert_eq!(a, b);
        }
    }

    #[test]
    fn names_file_that_does_not_settle() {
        let found = pairs(Duration::from_micros(100), 1).remove(0).unwrap_err();
        assert!(found.ends_with("a") || found.ends_with("b"), "{}", found.display());
    }

    #[test]
    fn time_of_another_clock_is_not_recent() {
        let now = Duration::from_secs(1000);
        let changed = |seconds: u64| Some((1, 1, 1, Duration::from_secs(seconds)));
        assert!(is_recent(&changed(1000), now));
        assert!(!is_recent(&changed(999), now) && !is_recent(&changed(5000), now) && !is_recent(&None, now));
    }
}
