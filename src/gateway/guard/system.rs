//! The Unix part of the guard: process groups, `/proc`, and permissions.

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Puts a child into its own process group, which Ctrl-C on the terminal does not reach.
pub(super) fn detach(command: &mut Command) {
    command.process_group(0);
}

pub(super) fn path_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

pub(super) fn path_from(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

/// Gives the user the permissions to empty a directory.
pub(in crate::gateway) fn make_removable(directory: &Path) {
    let _ = std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700));
}

/// Returns the start time of a process, in clock ticks since boot. `None` if the process has ended or the system has
/// no `/proc`.
pub(super) fn start_time(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The start time is field 22. Count from the last parenthesis, because the name before it can contain anything
    // (proc_pid_stat(5)).
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

pub(super) fn kill_group(leader: u32) {
    // Group 0 means our own group, and group 1 belongs to init. Never signal either.
    if let Some(group) = i32::try_from(leader).ok().filter(|group| *group > 1) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// The number of scans after which a process without a visible environment counts as unrelated.
const SWEEPS: usize = 5;
const PAUSE: Duration = Duration::from_millis(2);

/// Ends every process whose environment at its start contained `mark`, as a whole entry or as the beginning of one.
/// Returns the number of processes.
///
/// A process inside `execve` shows an empty environment for a moment, although its parent already counts it as started
/// (Linux sets `mm->env_end` after it has released a parent that waits in `vfork`). Such a process is checked again.
pub(super) fn kill_marked(mark: &str, prefix: bool) -> usize {
    let mut killed = BTreeSet::new();
    for _ in 0..SWEEPS {
        if sweep(mark.as_bytes(), prefix, &mut killed) {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    killed.len()
}

/// Scans every process once. Returns whether the scan was complete: it found no process of the run, and the environment
/// of every process was visible.
fn sweep(mark: &[u8], prefix: bool, killed: &mut BTreeSet<i32>) -> bool {
    let ours = std::process::id().cast_signed();
    let mut settled = true;
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // A killed process stays in `/proc` until its parent reaps it. It counts only once.
        if process == ours || killed.contains(&process) {
            continue;
        }
        let Ok(environment) = std::fs::read(entry.path().join("environ")) else { continue };
        if is_marked(&environment, mark, prefix) {
            let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
            killed.insert(process);
            settled = false;
        } else if environment.is_empty() && std::fs::read_link(entry.path().join("exe")).is_ok() {
            // Kernel threads and zombies have no program. A process with a program can be inside `execve`.
            settled = false;
        }
    }
    settled
}

fn is_marked(environment: &[u8], mark: &[u8], prefix: bool) -> bool {
    environment.split(|byte| *byte == 0).any(|entry| if prefix { entry.starts_with(mark) } else { entry == mark })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Repeats the scan, because a process that has just started sometimes shows no environment.
    #[test]
    fn kills_only_marked_processes() {
        let sleeper = |value: &str| Command::new("sleep").arg("60").env("CLAWCHECK_RUN", value).spawn().unwrap();
        let mut other = sleeper("other.0");
        for round in 0..200 {
            let value = format!("test-{}-{round}.", std::process::id());
            let mut ours = sleeper(&format!("{value}0"));
            assert_eq!(kill_marked(&format!("CLAWCHECK_RUN={value}"), true), 1, "round {round}");
            assert!(!ours.wait().unwrap().success());
        }
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn start_time_with_unusual_process_name() {
        assert!(start_time(std::process::id()).is_some());
        assert_eq!(start_time(u32::MAX), None);
    }
}
