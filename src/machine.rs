//! Resource limits of the machine that clawcheck runs on.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::statvfs::statvfs;
use nix::unistd::Uid;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

/// The maximum number of descriptors that clawcheck requests. Some systems refuse an unlimited number.
const MAX_DESCRIPTORS: u64 = 1 << 16;
/// Minimum free disk space in bytes. With less space, results say nothing about the gateway: some gateways write this
/// much at once and undo the write if it does not fit.
const MIN_FREE_SPACE: u64 = 1 << 20;

/// The soft limit that clawcheck was started with.
static USUAL: OnceLock<u64> = OnceLock::new();

/// Raises the soft RLIMIT_NOFILE of this process as far as the system allows, because every gateway and every
/// connection needs descriptors. If the system refuses, the limit does not change.
pub(crate) fn raise_descriptors() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    USUAL.get_or_init(|| soft);
    let most = hard.min(MAX_DESCRIPTORS);
    if soft < most {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, hard);
    }
}

/// The soft limit before it was raised, for child processes. Some programs iterate over all descriptors up to the
/// limit.
pub(crate) fn default_descriptors() -> Option<u64> {
    USUAL.get().copied()
}

/// Lowers the soft limit of this process.
pub(crate) fn lower_descriptors(soft: u64) {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.min(hard), hard);
    }
}

/// The number of descriptors that this process can still open. `None` if the system does not report it.
pub(crate) fn free_descriptors() -> Option<usize> {
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some(usize::try_from(soft).unwrap_or(usize::MAX).saturating_sub(open))
}

/// Recognizes errors that are caused by the machine that clawcheck runs on. With such an error, a result says nothing
/// about the gateway.
pub(crate) fn shortage(error: &io::Error) -> Option<&'static str> {
    Some(match Errno::from_raw(error.raw_os_error()?) {
        Errno::ENOSPC => "the disk is full (ENOSPC)",
        Errno::EDQUOT => "the disk quota of the user is exceeded (EDQUOT)",
        Errno::EMFILE => "clawcheck may not open more files (EMFILE): raise `ulimit -n` or lower --jobs",
        Errno::ENFILE => "the machine cannot open more files (ENFILE)",
        Errno::ENOMEM => "the machine has no memory left (ENOMEM)",
        _ => return None,
    })
}

/// The resource that is currently exhausted, on the disk of this directory or for this process.
pub(crate) fn exhausted(directory: &Path) -> Option<String> {
    if let Some(why) = File::open("/dev/null").err().as_ref().and_then(shortage) {
        return Some(why.to_owned());
    }
    let disk = statvfs(directory).ok()?;
    // The reserved blocks are for the superuser only.
    let blocks = if Uid::effective().is_root() { disk.blocks_free() } else { disk.blocks_available() };
    let full = disk.blocks() > 0 && blocks.saturating_mul(disk.fragment_size()) < MIN_FREE_SPACE;
    let crowded = disk.files() > 0 && disk.files_available() == 0;
    let what = if full { "has less than 1 MiB left" } else { "cannot hold more files" };
    (full || crowded).then(|| format!("the disk of {} {what}", directory.display()))
}

/// The current time, in milliseconds since the epoch.
pub(crate) fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_shortage_is_not_gateway_error() {
        let error = |errno: Errno| io::Error::from_raw_os_error(errno as i32);
        assert!(shortage(&error(Errno::EMFILE)).is_some_and(|why| why.contains("ulimit -n")));
        assert!(shortage(&error(Errno::ENOSPC)).is_some_and(|why| why.contains("disk is full")));
        assert_eq!(shortage(&error(Errno::ECONNREFUSED)), None);
        assert_eq!(shortage(&io::Error::other("odd")), None);
    }
}
