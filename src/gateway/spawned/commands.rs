//! The additional commands of a description: `before` runs before each start, and `stop` stops the gateway.

use super::process::{Invocation, Process};
use super::start_error::cannot_start;
use crate::gateway::guard::Guard;
use crate::gateway::launch::{Exit, LaunchError};
use tokio::time::{Instant, timeout_at};

/// The divisor of the time for a stop: this part of it is reserved for the signal.
const SIGNAL_DIVISOR: u32 = 3;

/// Runs a command before a start and waits until it exits. Then kills the processes that the command left.
///
/// # Errors
/// The command cannot be started, does not exit before the deadline, or fails.
pub(super) async fn before(invocation: &Invocation, guard: &Guard, deadline: Instant) -> Result<(), LaunchError> {
    let command = invocation.command.to_string_lossy().into_owned();
    let mut process = Process::start(invocation, guard).await.map_err(|error| cannot_start(&command, &error))?;
    let exit = timeout_at(deadline, process.wait()).await.ok();
    if exit.is_none() {
        process.kill().await;
    }
    match exit {
        Some(exit) if exit.code == Some(0) => Ok(()),
        exit => Err(LaunchError::Before { command, exit, log: process.final_log().await }),
    }
}

/// The command that stops a gateway.
#[derive(Debug)]
pub(super) struct StopCommand {
    pub(super) invocation: Invocation,
    pub(super) guard: Guard,
}

impl StopCommand {
    /// Runs the command and waits until the gateway has exited. `None` if the gateway has not exited after most of
    /// the time until the deadline, or if the command fails or cannot be started. The caller must then stop the
    /// gateway in another way, in the rest of the time.
    pub(super) async fn run(&self, gateway: &mut Process, port: u16, deadline: Instant) -> Option<Exit> {
        if gateway.exited(port).is_some() {
            return None;
        }
        // The process is dropped at the end of the function, which ends it if it still runs.
        let mut command = Process::start(&self.invocation, &self.guard).await.ok()?;
        let left = deadline.saturating_duration_since(Instant::now());
        let exit = timeout_at(deadline - left / SIGNAL_DIVISOR, async {
            tokio::select! {
                biased;
                exit = gateway.wait_for_all() => Some(exit),
                // A command that succeeds may return before the gateway has exited, so only its failure ends the
                // wait.
                () = failure(&mut command) => None,
            }
        });
        let exit = exit.await.ok().flatten()?;
        // The gateway has exited, but its descendants can be left.
        gateway.kill().await;
        Some(exit)
    }
}

/// Waits until a command fails. Never returns if it succeeds.
async fn failure(command: &mut Process) {
    if command.wait().await.code == Some(0) {
        std::future::pending::<()>().await;
    }
}
