//! A supervisor's children: the command that it started, and the orphans that the kernel gave to it.

use super::protocol::{Report, Status};
use crate::gateway::process_tree;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgid};

/// The children of this process. Signals go to children that nobody has reaped, so that no number is another process's.
#[derive(Debug)]
pub(super) struct Descendants {
    leader: Pid,
    /// How the leader ended, once it was reaped.
    leader_ended: Option<Status>,
    /// How the last one ended that was reaped.
    last: Status,
    /// Whether a child is left.
    some: bool,
}

impl Descendants {
    pub(super) fn new(leader: u32) -> Self {
        let leader = Pid::from_raw(i32::try_from(leader).unwrap_or_default());
        Self { leader, leader_ended: None, last: Status::default(), some: true }
    }

    /// Reaps those that have ended. Gives what is worth a report.
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
                // One was reaped that a signal ended which has no name (a real-time one): whose number is free now?
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

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        !self.some
    }

    /// Sends SIGTERM to the leader's group; where the leader has ended, to the children that are left, each with the group that
    /// it leads.
    pub(super) fn terminate(&self) {
        if self.leader_ended.is_none() {
            let _ = killpg(self.leader, Signal::SIGTERM);
            return;
        }
        for child in children() {
            match getpgid(Some(child)) {
                Ok(group) if group == child => drop(killpg(group, Signal::SIGTERM)),
                _ => drop(kill(child, Signal::SIGTERM)),
            }
        }
    }

    /// Kills the children. What these leave behind are children the next time.
    pub(super) fn kill(&self) {
        if self.leader_ended.is_none() {
            let _ = killpg(self.leader, Signal::SIGKILL);
        }
        for child in children() {
            let _ = kill(child, Signal::SIGKILL);
        }
    }
}

/// The children of this process, as the system tells them; none where it does not.
fn children() -> impl Iterator<Item = Pid> {
    process_tree::children(std::process::id()).filter_map(|child| i32::try_from(child).ok()).map(Pid::from_raw)
}
