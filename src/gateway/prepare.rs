//! From what the user named to a gateway that can be launched.

use super::attached::Attached;
use super::described::{self, DescriptionError};
use super::embedded;
use super::guard::Guard;
use super::launch::{Launch, LaunchError};
use super::limits::{Challenges, TimeLimits};
use super::openclaw::{self, InstallError};
use super::profile::{Capability, Profile};
use super::running::Running;
use super::spawned::Program;
use super::spawned::probe::Readiness;
use super::spec::GatewaySpec;
use crate::client::UrlError;
use openclaw_model::{Facts, Release, UnknownRelease, releases};
use std::path::PathBuf;

/// What [`Gateway::prepare`] may be told besides the gateway's name.
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

/// A gateway that can be launched, any number of times and at once.
#[derive(Debug, Clone)]
pub struct Gateway {
    profile: Profile,
    means: Means,
    preparation: Preparation,
    limits: TimeLimits,
}

#[derive(Debug, Clone)]
enum Means {
    Embedded(Release),
    OpenClaw(Program),
    Described(Program),
    Attached(Attached),
}

/// Hears what happens while a gateway is prepared.
pub type Listener<'a> = &'a (dyn Fn(PrepareEvent) + Send + Sync);

impl Gateway {
    /// Makes a gateway usable: installs a release that is not in the cache, reads a description.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub async fn prepare(
        spec: &GatewaySpec,
        preparation: &Preparation,
        listener: Listener<'_>,
    ) -> Result<Self, PrepareError> {
        let preparation = preparation.clone();
        let mut limits = preparation.limits;
        let (profile, means) = match spec {
            GatewaySpec::Attached(url) => {
                let attached = Attached::new(url, preparation.state_dir.clone())?;
                (attached.profile(preparation.claims), Means::Attached(attached))
            }
            GatewaySpec::OpenClaw(release) => {
                let program = openclaw::prepare(*release, &preparation, listener).await?;
                (openclaw::profile(*release), Means::OpenClaw(program))
            }
            GatewaySpec::Described(path) => {
                let (profile, program, described) = described::prepare(path, &preparation, listener).await?;
                limits = limits.or(described);
                (profile, Means::Described(program))
            }
            GatewaySpec::Embedded(release) => {
                let release = release.unwrap_or(releases::DEFAULT);
                // A release without known rules is found here, once, and not by every launch.
                Facts::of(release)?;
                (embedded::profile(spec.to_string(), release), Means::Embedded(release))
            }
        };
        let means = match means {
            Means::OpenClaw(program) => Means::OpenClaw(program.answering_within(limits.answer)),
            Means::Described(program) => Means::Described(program.answering_within(limits.answer)),
            other => other,
        };
        Ok(Self { profile, means, preparation, limits })
    }

    /// The same gateway as another release, for a case that starts two on one state directory.
    ///
    /// # Errors
    /// When it cannot be had: the case is not applicable then.
    pub async fn at_release(&self, release: Release, listener: Listener<'_>) -> Result<Self, PrepareError> {
        let spec = match &self.means {
            Means::Embedded(_) => GatewaySpec::Embedded(Some(release)),
            Means::OpenClaw(_) => GatewaySpec::OpenClaw(release),
            Means::Described(_) | Means::Attached(_) => {
                return Err(PrepareError::NoOtherRelease { gateway: self.profile.name.clone() });
            }
        };
        Self::prepare(&spec, &self.preparation, listener).await
    }

    /// What it is and what can be done with it.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// How long it may take, as far as the user or its description has said so.
    pub fn limits(&self) -> TimeLimits {
        self.limits
    }

    /// Whether it sends a challenge on every new connection.
    pub fn challenges(&self) -> Challenges {
        let shown_at_start = |program: &Program| matches!(program.readiness, Readiness::Challenge | Readiness::Connect);
        match &self.means {
            _ if self.profile.lacks.contains(&Capability::Challenge) => Challenges::Absent,
            Means::Embedded(_) | Means::OpenClaw(_) => Challenges::Sent,
            Means::Described(program) if shown_at_start(program) => Challenges::Sent,
            Means::Described(_) | Means::Attached(_) => Challenges::Unknown,
        }
    }

    /// Whether it is a program whose manners are known, the embedded gateway or OpenClaw itself: where it is slow, its machine
    /// is.
    pub fn is_known(&self) -> bool {
        matches!(self.means, Means::Embedded(_) | Means::OpenClaw(_))
    }

    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    /// Why it is not running. Nothing of it is left then.
    pub async fn launch(&self, launch: Launch<'_>) -> Result<Running, LaunchError> {
        match &self.means {
            Means::Embedded(release) => embedded::launch(*release, &launch),
            Means::OpenClaw(program) | Means::Described(program) => program.launch(&launch).await,
            Means::Attached(attached) => attached.launch(launch.deadline).await,
        }
    }
}
