//! Why a case could not be played.

use crate::gateway::{ControlError, LaunchError, PrepareError, StoreCommandError};
use crate::run::state_dir::StateDirError;
use crate::run::steps::liveness::NoAnswer;
use crate::run::steps::setup_failure::SetupFailure;
use std::time::Duration;

/// The reason why a case could not be played.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaseError {
    /// The gateway did not start.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The gateway started but answered nothing, neither in a step nor to a probe.
    #[error("{0}")]
    Silent(NoAnswer),
    /// The machine that runs clawcheck lacks a resource.
    #[error("this machine: {0}")]
    Machine(&'static str),
    /// The gateway answers, but too many answers are late.
    #[error(
        "the gateway is too slow: its slow answers took {} s in total, each more than a quarter of the answer timeout of \
         {} s (--answer-timeout)", .late.as_secs(), .answer.as_secs()
    )]
    TooSlow {
        /// The total time of late answers.
        late: Duration,
        /// The answer timeout.
        answer: Duration,
    },
    /// A signal stopped the run.
    #[error("interrupted")]
    BrokenOff,
    /// The release that the case needs is not available.
    #[error(transparent)]
    OtherRelease(#[from] PrepareError),
    /// The gateway does not support what a step needs.
    #[error(transparent)]
    Link(#[from] ControlError),
    /// The state directory could not be filled.
    #[error("the state directory: {0}")]
    Files(#[from] StateDirError),
    /// A command of the description did not convert the store.
    #[error(transparent)]
    Store(#[from] StoreCommandError),
    /// A connection or an approval did not create its part of the store.
    #[error("{0}")]
    Setup(Box<SetupFailure>),
    /// The sandbox could not be created.
    #[error("not enough disk space for the case: {0}")]
    Disk(#[from] std::io::Error),
}
