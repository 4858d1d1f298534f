//! The state that the cases of a run share.

use super::breaker::Breaker;
use super::closest::ClosestReleaseCollector;
use super::options::{Options, RunError};
use super::outcome::GatewayStarts;
use super::rerun_policy::RerunPolicy;
use super::timeouts::Timeouts;
use crate::counted::counted;
use crate::gateway::{Gateway, GatewayKind, Guard, Profile, RunDirectory};
use crate::locked::locked;
use crate::observe::StepEvidence;
use crate::observe::snapshot::{Library, LibraryError, Origin};
use crate::scenario::Case;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::{mpsc, watch};
use untrusted_data::Redactions;
use untrusted_data::limits::{Budget, KEPT_BYTES, RUN_BYTES};

/// The state that the cases of a run share.
pub(super) struct RunState<'a> {
    pub(super) run_directory: RunDirectory,
    pub(super) library: &'a Library,
    /// The gateway's own snapshots, if its description names a folder.
    pub(super) own_library: Option<Library>,
    /// Why observations cannot be saved in that folder.
    pub(super) own_protected: Option<String>,
    pub(super) options: &'a Options,
    pub(super) breaker: Breaker,
    pub(super) timeouts: Timeouts,
    /// The first error of the snapshot library.
    pub(super) error: Mutex<Option<LibraryError>>,
    /// What could not be removed from a gateway at a URL.
    pub(super) left_behind: Mutex<Vec<String>>,
    pub(super) boots: Mutex<GatewayStarts>,
    /// Secrets that can occur in the output of more than one case.
    pub(super) secrets: Mutex<Redactions>,
    pub(super) rerun_policy: RerunPolicy,
    /// Memory for what running cases keep of the gateway's messages.
    pub(super) received: Budget,
    /// Memory for cases whose reports are not printed yet.
    pub(super) kept: Budget,
    /// Receives events while a task runs.
    pub(super) progress: mpsc::UnboundedSender<ProgressEvent>,
    /// The closest release of the gateway, collected from the cases.
    pub(super) closest: Mutex<ClosestReleaseCollector>,
    /// Whether the run has to remove what it writes.
    pub(super) attached: bool,
    /// Becomes true when the run must stop.
    pub(super) stop: watch::Receiver<bool>,
}

/// Events while a task runs.
pub(super) enum ProgressEvent {
    /// A case of a group starts.
    Playing(String),
    /// A gateway is ready, so other gateways can be started too.
    Ready,
}

impl<'a> RunState<'a> {
    pub(super) fn new(
        gateway: &Gateway,
        library: &'a Library,
        guard: &Guard,
        options: &'a Options,
        progress: mpsc::UnboundedSender<ProgressEvent>,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, RunError> {
        let kind = gateway.profile().kind;
        let run_directory = match kind {
            GatewayKind::Embedded => RunDirectory::in_memory(guard),
            GatewayKind::Spawned | GatewayKind::Attached => RunDirectory::new(guard),
        };
        let mut own_library = own_library(gateway.profile(), library)?;
        let own_protected = own_library.as_mut().map(Library::freeze_if_unwritable).transpose()?.flatten();
        let mut secrets = options.secrets.clone();
        if let Some(token) = &options.token {
            secrets.add(token, "gateway token");
        }
        Ok(Self {
            run_directory: run_directory.map_err(RunError::RunDirectory)?,
            library,
            own_library,
            own_protected,
            options,
            breaker: Breaker::default(),
            timeouts: Timeouts::of(gateway),
            error: Mutex::default(),
            left_behind: Mutex::default(),
            boots: Mutex::default(),
            secrets: Mutex::new(secrets),
            rerun_policy: RerunPolicy::default(),
            received: Budget::new("one run", RUN_BYTES),
            kept: Budget::new("one run", KEPT_BYTES),
            progress,
            closest: Mutex::default(),
            attached: kind == GatewayKind::Attached,
            stop,
        })
    }

    /// Whether a case removes what it left on the gateway, also if it is interrupted.
    pub(super) fn cleans_up(&self) -> bool {
        self.attached && self.options.allow_writes
    }

    /// Records the first error of the snapshot library. The run ends with it.
    pub(super) fn note_error(&self, error: LibraryError) {
        locked(&self.error).get_or_insert(error);
    }

    /// Records what could not be removed from a gateway at a URL.
    pub(super) fn left_behind(&self, left: Vec<String>) {
        locked(&self.left_behind).extend(left);
    }

    /// Records the secrets of a case whose failure can be the reason of other cases.
    pub(super) fn keep_secret(&self, secrets: &Redactions) {
        self.secrets().extend(secrets);
    }

    pub(super) fn secrets(&self) -> MutexGuard<'_, Redactions> {
        locked(&self.secrets)
    }

    pub(super) fn take_left_behind(&self) -> Vec<String> {
        merged(&std::mem::take(&mut *locked(&self.left_behind)))
    }

    pub(super) fn take_library_error(&self) -> Option<LibraryError> {
        locked(&self.error).take()
    }

    /// Counts started gateways.
    pub(super) fn booted(&self, boots: usize) {
        self.boots().made += boots;
    }

    pub(super) fn boots(&self) -> MutexGuard<'_, GatewayStarts> {
        locked(&self.boots)
    }

    pub(super) fn collected(&self) -> MutexGuard<'_, ClosestReleaseCollector> {
        locked(&self.closest)
    }

    /// Records the versions that the gateway names. A case in which another release plays a part is ignored.
    pub(super) fn note_versions(&self, case: &Case, steps: &[StepEvidence]) {
        if case.scenario.written_by.is_none() {
            self.collected().note_versions(steps);
        }
    }

    pub(super) fn playing(&self, case: &str) {
        // The receiver is gone if the run is being interrupted.
        let _ = self.progress.send(ProgressEvent::Playing(case.to_owned()));
    }

    pub(super) fn ready(&self) {
        let _ = self.progress.send(ProgressEvent::Ready);
    }
}

/// What several cases left behind, each once. A sentence begins with the id of its case.
fn merged(left: &[String]) -> Vec<String> {
    let mut cases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for sentence in left {
        let (case, what) = sentence.rsplit_once(": ").unwrap_or(("", sentence));
        cases.entry(what).or_default().push(case);
    }
    let line = |(what, cases): (&str, Vec<&str>)| match cases.as_slice() {
        [""] => what.to_owned(),
        [only] => format!("{only}: {what}"),
        [first, ..] => format!("{what} of {}, for example {first}", counted(cases.len(), "case")),
        [] => what.to_owned(),
    };
    cases.into_iter().map(line).collect()
}

/// The gateway's own snapshots, if its description names a folder. They add to the snapshots of a run that has some.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn own_library(profile: &Profile, library: &Library) -> Result<Option<Library>, LibraryError> {
    let own = profile.snapshots.as_deref().filter(|_| *library.origin() != Origin::Nowhere);
    own.map(Library::open).transpose()
}

/// Waits until the run must stop. Waits forever if the sender is gone.
pub(super) async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::merged;

    #[test]
    fn each_thing_is_left_behind_once() {
        let left =
            ["a/b: possibly the device laptop", "a/c: possibly the device phone", "a/d: possibly the device laptop"];
        let expected = ["possibly the device laptop of 2 cases, for example a/b", "a/c: possibly the device phone"];
        assert_eq!(merged(&left.map(str::to_owned)), expected);
    }
}
