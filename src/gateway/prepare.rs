//! The options and the events of a gateway's preparation.

use super::guard::Guard;
use super::profile::limits::TimeLimits;
use openclaw_model::Release;
use std::path::PathBuf;
use std::time::Duration;

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
    /// The time limit of an installation, with Node.js and the wait for another process. Default: 20 minutes.
    pub install: Option<Duration>,
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
        /// The package that is being installed.
        package: String,
    },
}

/// Receives the events of a preparation.
pub(super) type PrepareListener<'a> = &'a (dyn Fn(PrepareEvent) + Send + Sync);
