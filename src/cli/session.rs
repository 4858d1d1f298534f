//! The common parts of `run`, `compare` and `fuzz`: a runtime, a guard, a progress bar, and the handling of signals.

use super::CommandError;
use super::options::jobs::{check_descriptors, jobs};
use super::options::timeouts::TimeoutOptions;
use super::signals::stop_requested;
use super::terminal::console;
use super::terminal::progress::Progress;
use crate::gateway::{Gateway, GatewaySpec, Guard, Preparation};
use crate::run::{Isolation, Options};
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use untrusted_data::Redactions;

/// The maximum time that the process waits for blocked threads at the end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// The minimum length of a passed variable that counts as a secret, in bytes.
const MIN_SECRET_LENGTH: usize = 8;

/// Runs the work of a command to completion, on a runtime that is suitable for its gateways.
///
/// # Errors
/// The process cannot open enough files, there is no runtime, or the work failed.
pub(super) fn block_on<'a, T>(
    gateways: impl IntoIterator<Item = &'a GatewaySpec>,
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    check_descriptors()?;
    let runtime =
        runtime(gateways).map_err(|error| CommandError::message(&format!("cannot start the run: {error}")))?;
    let ended = runtime.block_on(work);
    // At this point, everything that was started has ended.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    ended
}

/// The runtime for a run on these gateways. The embedded gateway and its clients share one thread, because their
/// messages are so short that a transfer between threads takes longer than the work itself.
fn runtime<'a>(gateways: impl IntoIterator<Item = &'a GatewaySpec>) -> io::Result<Runtime> {
    let in_process = gateways.into_iter().all(|gateway| matches!(gateway, GatewaySpec::Embedded(_)));
    let mut builder = if in_process { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.enable_all().build()
}

/// One execution of one of these commands.
pub(super) struct Session {
    pub(super) guard: Guard,
    pub(super) progress: Progress,
    /// Becomes true when a signal stops the command.
    pub(super) stop: watch::Receiver<bool>,
}

impl Session {
    /// A session that plays this number of cases and stops when `stop` becomes true.
    pub(super) fn new(cases: usize, stop: watch::Receiver<bool>) -> Self {
        Self { guard: Guard::default(), progress: Progress::new(cases), stop }
    }

    /// The settings for the preparation of gateways.
    pub(super) fn preparation(&self, timeouts: TimeoutOptions) -> Preparation {
        Preparation { guard: self.guard.clone(), limits: timeouts.time_limits(), ..Preparation::default() }
    }

    /// Prepares a gateway, and shows the progress of its installation.
    ///
    /// # Errors
    /// The gateway cannot be prepared.
    pub(super) async fn prepare(
        &self,
        gateway: &GatewaySpec,
        preparation: &Preparation,
    ) -> Result<Gateway, CommandError> {
        Ok(Gateway::prepare(gateway, preparation, &|event| self.progress.preparing(&event)).await?)
    }

    /// Runs the work before the first case. `None` if a signal arrives before its end. If the work does not succeed,
    /// the progress bar is removed.
    ///
    /// # Errors
    /// Those of the work.
    pub(super) async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, CommandError>>,
    ) -> Result<Option<T>, CommandError> {
        let done = tokio::select! {
            done = work => done.map(Some),
            () = stop_requested(self.stop.clone()) => Ok(None),
        };
        if !matches!(done, Ok(Some(_))) {
            self.progress.finish();
        }
        done
    }

    /// The default options of a run on a gateway. `given_jobs` is the number of jobs, if the user specified one.
    pub(super) fn options(gateway: &Gateway, given_jobs: Option<u16>) -> Options {
        let kind = gateway.profile().kind;
        let secrets = secrets(gateway);
        Options { jobs: jobs(given_jobs, kind), isolation: Isolation::usual(kind), secrets, ..Options::default() }
    }
}

/// The secrets that a gateway gets from the caller. No output of a command can contain them.
pub(super) fn secrets(gateway: &Gateway) -> Redactions {
    let mut secrets = console::secrets().clone();
    // A shorter value is a word such as `debug`, which the output must be able to contain.
    let passed = gateway.profile().secrets.iter().filter(|(_, value)| value.len() >= MIN_SECRET_LENGTH);
    passed.for_each(|(name, value)| secrets.add(value, name));
    secrets
}
