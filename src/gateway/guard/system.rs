//! The guard's Unix part: process groups, `/proc`, permissions.

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Gives a child a process group of its own, which Ctrl-C on the terminal does not reach.
pub(super) fn detach(command: &mut Command) {
    command.process_group(0);
}

pub(super) fn path_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

pub(super) fn path_from(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

/// Makes a directory one that can be emptied.
pub(in crate::gateway) fn make_removable(directory: &Path) {
    let _ = std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700));
}

/// When a process started, in clock ticks since boot. `None`: it is gone, or this system has no `/proc`.
pub(super) fn start_time(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Field 22, counted behind the name, which may contain anything and ends at the last parenthesis (proc_pid_stat(5)).
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

pub(super) fn kill_group(leader: u32) {
    // Group 0 would be our own, and 1 is nobody's to kill.
    if let Some(group) = i32::try_from(leader).ok().filter(|group| *group > 1) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// Ends every process whose environment was given `mark` when it started: as a whole entry, or as the beginning of one.
/// Returns how many there were.
pub(super) fn kill_marked(mark: &str, prefix: bool) -> usize {
    let ours = std::process::id();
    let mut killed = 0;
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if process == ours || !is_marked(&entry.path(), mark.as_bytes(), prefix) {
            continue;
        }
        if let Ok(process) = i32::try_from(process) {
            let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
            killed += 1;
        }
    }
    killed
}

fn is_marked(process: &Path, mark: &[u8], prefix: bool) -> bool {
    let Ok(environment) = std::fs::read(process.join("environ")) else { return false };
    environment.split(|byte| *byte == 0).any(|entry| if prefix { entry.starts_with(mark) } else { entry == mark })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_process_is_ended_and_no_other() {
        let mark = format!("CLAWCHECK_RUN=test-{}.", std::process::id());
        let sleeper = |value: &str| Command::new("sleep").arg("60").env("CLAWCHECK_RUN", value).spawn().unwrap();
        let value = mark.strip_prefix("CLAWCHECK_RUN=").unwrap();
        let (mut ours, mut other) = (sleeper(&format!("{value}0")), sleeper("other.0"));
        assert_eq!(kill_marked(&mark, true), 1);
        assert!(!ours.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn start_times_are_read_past_any_name() {
        assert!(start_time(std::process::id()).is_some());
        assert_eq!(start_time(u32::MAX), None);
    }
}
