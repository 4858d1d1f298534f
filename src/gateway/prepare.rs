//! What the preparation of a gateway is asked for, and what it tells.

use super::described::DescriptionError;
use super::guard::Guard;
use super::limits::TimeLimits;
use super::openclaw::InstallError;
use crate::client::UrlError;
use openclaw_model::{Release, UnknownRelease};
use std::path::PathBuf;

/// What [`Gateway::prepare`](super::Gateway::prepare) may be told besides the gateway's name.
#[derive(Debug, Clone, Default)]
pub struct Preparation {
    /// The state directory of an attached gateway.
    pub state_dir: Option<PathBuf>,
    /// The release whose answers an attached gateway is held to.
    pub claims: Option<Release>,
    /// Where releases are installed; by default `$CLAWCHECK_CACHE`, else the platform's cache directory.
    pub cache: Option<PathBuf>,
    /// The run's guard: an install is cleared away too if we are killed.
    pub guard: Guard,
    /// How long the gateway may take, where the user has said so. They come before those of its description.
    pub limits: TimeLimits,
}

/// Something to tell the user while a gateway is prepared. Only the command line prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrepareEvent {
    /// Another process installs the same package; we wait for it.
    Waiting {
        /// `openclaw@2026.4.2`.
        package: String,
    },
    /// An install began; some hundred megabytes will be fetched.
    Installing {
        /// `openclaw@2026.4.2` or `node@24.21.0`.
        package: String,
        /// Where to.
        directory: PathBuf,
    },
    /// It goes on.
    Progress {
        /// Packages on disk so far; a release has some hundreds.
        packages: usize,
    },
    /// It is there.
    Installed {
        /// The package.
        package: String,
    },
}

/// Why a gateway cannot be launched at all.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PrepareError {
    /// The URL cannot be used.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The embedded gateway does not know the release.
    #[error(transparent)]
    UnknownRelease(#[from] UnknownRelease),
    /// The release cannot be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// Its description cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Description(#[from] DescriptionError),
    /// The gateway has no other releases.
    #[error("clawcheck cannot get another release of {gateway}")]
    NoOtherRelease {
        /// The gateway.
        gateway: String,
    },
}

impl PrepareError {
    /// Whether the user named something that cannot be, rather than something that could not be had.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Url(_) | Self::UnknownRelease(_) | Self::Description(_) => true,
            Self::Install(_) | Self::NoOtherRelease { .. } => false,
        }
    }
}

/// Hears what happens while a gateway is prepared.
pub(super) type PrepareListener<'a> = &'a (dyn Fn(PrepareEvent) + Send + Sync);
