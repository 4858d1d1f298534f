//! The children of a supervisor: the command that it started, and the orphans that the kernel has assigned to it.

use super::protocol::{Report, Status};
use crate::gateway::process_tree;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgid};

/// The children of this process. Only children that were not reaped get signals, so a signal never reaches another
/// process with a reused id.
#[derive(Debug)]
pub(super) struct Descendants {
    leader: Pid,
    /// The status of the leader after it was reaped.
    leader_ended: Option<Status>,
    /// The status of the child that was reaped last.
    last: Status,
    /// Whether a child is left.
    some: bool,
}

impl Descendants {
    pub(super) fn new(leader: u32) -> Self {
        let leader = Pid::from_raw(i32::try_from(leader).unwrap_or_default());
        Self { leader, leader_ended: None, last: Status::default(), some: true }
    }

    /// Reaps the children that have ended. Returns the change that clawcheck must know.
    pub(super) fn reap(&mut self) -> Option<Report> {
        let (had_ended, had_some) = (self.leader_ended, self.some);
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(process, code)) => {
                    self.reaped(process, Status { code: Some(code), signal: None });
                }
                Ok(WaitStatus::Signaled(process, signal, _)) => {
                    self.reaped(process, Status { code: None, signal: Some(signal as i32) });
                }
                Ok(WaitStatus::StillAlive) => break,
                Err(Errno::ECHILD) => {
                    self.some = false;
                    break;
                }
                // `waitpid` has reaped a child that a real-time signal ended, and nix has no name for the signal. If
                // the leader's id is free now, the leader was the child.
                Err(Errno::EINVAL) if self.leader_ended.is_none() && kill(self.leader, None) == Err(Errno::ESRCH) => {
                    self.reaped(self.leader, Status::default());
                }
                Ok(_) | Err(_) => {}
            }
        }
        match (had_ended, self.leader_ended) {
            (None, Some(exit)) => Some(Report::Ended { exit, left: self.some }),
            (Some(_), _) if had_some && !self.some => Some(Report::AllEnded { exit: self.last }),
            _ => None,
        }
    }

    fn reaped(&mut self, process: Pid, status: Status) {
        self.last = status;
        if process == self.leader && self.leader_ended.is_none() {
            self.leader_ended = Some(status);
        }
    }

    /// Whether no child is left.
    pub(super) fn is_empty(&self) -> bool {
        !self.some
    }

    /// Sends SIGTERM to the leader's group. If the leader has ended, sends SIGTERM to the remaining children, each
    /// with the group that it leads.
    pub(super) fn terminate(&self) {
        if self.leader_ended.is_none() {
            let _ = killpg(self.leader, Signal::SIGTERM);
            return;
        }
        for child in children() {
            // Only groups that a child leads get the signal. Any other group could contain the supervisor itself.
            match getpgid(Some(child)) {
                Ok(group) if group == child => drop(killpg(group, Signal::SIGTERM)),
                _ => drop(kill(child, Signal::SIGTERM)),
            }
        }
    }

    /// Kills the children. Their own children then become children of this process.
    pub(super) fn kill(&self) {
        if self.leader_ended.is_none() {
            let _ = killpg(self.leader, Signal::SIGKILL);
        }
        for child in children() {
            let _ = kill(child, Signal::SIGKILL);
        }
    }
}

/// The children of this process. Empty if the system does not provide this information.
fn children() -> impl Iterator<Item = Pid> {
    process_tree::children(std::process::id()).filter_map(|child| i32::try_from(child).ok()).map(Pid::from_raw)
}
