//! The options, the events and the errors of a gateway's preparation.

use super::described::DescriptionError;
use super::guard::Guard;
use super::limits::TimeLimits;
use super::openclaw::InstallError;
use crate::client::UrlError;
use openclaw_model::{Release, UnknownRelease};
use std::path::PathBuf;

/// The options of [`Gateway::prepare`](super::Gateway::prepare), besides the gateway's name.
#[derive(Debug, Clone, Default)]
pub struct Preparation {
    /// The state directory of an attached gateway.
    pub state_dir: Option<PathBuf>,
    /// The release that an attached gateway is compared with.
    pub claims: Option<Release>,
    /// The cache directory. Default: `$CLAWCHECK_CACHE`, else the cache directory of the platform.
    pub cache: Option<PathBuf>,
    /// The run's guard. It also removes an unfinished install if clawcheck is killed.
    pub guard: Guard,
    /// The time limits that the user has set. They override those of the description.
    pub limits: TimeLimits,
}

/// An event during the preparation of a gateway. Only the command line prints events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrepareEvent {
    /// Another process installs the same package, and this process waits.
    Waiting {
        /// `openclaw@2026.4.2`.
        package: String,
    },
    /// An install has started. It downloads some hundred megabytes.
    Installing {
        /// `openclaw@2026.4.2` or `node@24.21.0`.
        package: String,
        /// The directory of the install.
        directory: PathBuf,
    },
    /// An install continues.
    Progress {
        /// The number of packages on disk so far. A release has some hundreds.
        packages: usize,
    },
    /// An install has finished.
    Installed {
        /// The package.
        package: String,
    },
}

/// Why a gateway cannot be prepared.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PrepareError {
    /// The URL is not valid.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The embedded gateway does not support the release.
    #[error(transparent)]
    UnknownRelease(#[from] UnknownRelease),
    /// The release cannot be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The description is not valid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Description(#[from] DescriptionError),
    /// The gateway does not have other releases.
    #[error("clawcheck cannot get another release of {gateway}")]
    NoOtherRelease {
        /// The gateway.
        gateway: String,
    },
}

impl PrepareError {
    /// Whether the user's argument is not valid. `false`: it is valid, but the gateway could not be installed or
    /// read.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Url(_) | Self::UnknownRelease(_) | Self::Description(_) => true,
            Self::Install(_) | Self::NoOtherRelease { .. } => false,
        }
    }
}

/// Receives the events of a preparation.
pub(super) type PrepareListener<'a> = &'a (dyn Fn(PrepareEvent) + Send + Sync);
