//! Turns the argument of the user into a gateway that can be launched.

use super::attached::Attached;
use super::described;
use super::embedded;
use super::launch::{Launch, LaunchError};
use super::openclaw;
use super::prepare::{Preparation, PrepareListener};
use super::prepare_error::PrepareError;
use super::profile::limits::{ChallengeSupport, TimeLimits};
use super::profile::{Capability, Profile};
use super::run_directory::Sandbox;
use super::running::{Running, RunningKind};
use super::spawned::Program;
use super::spawned::readiness::Readiness;
use super::spawned::store_commands::StoreCommandError;
use super::spec::GatewaySpec;
use openclaw_model::{Facts, Release, releases};
use tokio::time::Instant;

/// A gateway that can be launched any number of times, also at the same time.
#[derive(Debug, Clone)]
pub struct Gateway {
    profile: Profile,
    backend: Backend,
    preparation: Preparation,
    limits: TimeLimits,
}

#[derive(Debug, Clone)]
enum Backend {
    Embedded(Release),
    OpenClaw(Program),
    Described(Program),
    Attached(Attached),
}

impl Gateway {
    /// Makes a gateway usable: installs a release that is not in the cache, or reads a description.
    ///
    /// # Errors
    /// Returns the reason why the gateway is not usable.
    pub async fn prepare(
        spec: &GatewaySpec,
        preparation: &Preparation,
        listener: PrepareListener<'_>,
    ) -> Result<Self, PrepareError> {
        let preparation = preparation.clone();
        let mut limits = preparation.limits;
        let (profile, backend) = match spec {
            GatewaySpec::Attached(url) => {
                let attached = Attached::new(url, preparation.state_dir.clone())?;
                (attached.profile(preparation.claims), Backend::Attached(attached))
            }
            GatewaySpec::OpenClaw(release) => {
                let program = openclaw::prepare(*release, &preparation, listener).await?;
                (openclaw::profile(*release), Backend::OpenClaw(program))
            }
            GatewaySpec::Described(path) => {
                let (profile, program, described) = described::prepare(path, &preparation, listener).await?;
                limits = limits.or(described);
                (profile, Backend::Described(program))
            }
            GatewaySpec::Embedded(release) => {
                let release = release.unwrap_or(releases::DEFAULT);
                // A release without known rules is an error here, once, and not at every launch.
                Facts::of(release)?;
                (embedded::profile(spec.to_string(), release), Backend::Embedded(release))
            }
        };
        let backend = match backend {
            Backend::OpenClaw(program) => Backend::OpenClaw(program.with_answer_timeout(limits.answer)),
            Backend::Described(program) => Backend::Described(program.with_answer_timeout(limits.answer)),
            other => other,
        };
        Ok(Self { profile, backend, preparation, limits })
    }

    /// The properties and the capabilities of a gateway, without an installation.
    ///
    /// # Errors
    /// The argument is not a gateway.
    pub(crate) fn profile_of(spec: &GatewaySpec, preparation: &Preparation) -> Result<Profile, PrepareError> {
        match spec {
            GatewaySpec::Attached(url) => {
                Ok(Attached::new(url, preparation.state_dir.clone())?.profile(preparation.claims))
            }
            GatewaySpec::OpenClaw(release) => Ok(openclaw::profile(*release)),
            GatewaySpec::Described(path) => Ok(described::profile_of(path)?),
            GatewaySpec::Embedded(release) => {
                let release = release.unwrap_or(releases::DEFAULT);
                Facts::of(release)?;
                Ok(embedded::profile(spec.to_string(), release))
            }
        }
    }

    /// The file that describes the gateway, and its text. `None` for other gateways.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn description_of(spec: &GatewaySpec) -> Result<Option<(String, String)>, PrepareError> {
        match spec {
            GatewaySpec::Described(path) => Ok(Some(described::text_of(path)?)),
            GatewaySpec::Attached(_) | GatewaySpec::OpenClaw(_) | GatewaySpec::Embedded(_) => Ok(None),
        }
    }

    /// Another release of the same gateway, for a case that starts two releases on one state directory.
    ///
    /// # Errors
    /// Returns an error if the release is not available. The case is then not applicable.
    pub async fn at_release(&self, release: Release, listener: PrepareListener<'_>) -> Result<Self, PrepareError> {
        let spec = match &self.backend {
            Backend::Embedded(_) => GatewaySpec::Embedded(Some(release)),
            Backend::OpenClaw(_) => GatewaySpec::OpenClaw(release),
            Backend::Described(_) | Backend::Attached(_) => {
                return Err(PrepareError::NoOtherRelease { gateway: self.profile.name.clone() });
            }
        };
        Self::prepare(&spec, &self.preparation, listener).await
    }

    /// The same gateway, compared with this release. Only for a gateway at a URL, whose release can be detected.
    pub(crate) fn with_release(&self, release: Release) -> Self {
        let profile = match &self.backend {
            Backend::Attached(attached) => attached.profile(Some(release)),
            Backend::Embedded(_) | Backend::OpenClaw(_) | Backend::Described(_) => self.profile.clone(),
        };
        Self { profile, ..self.clone() }
    }

    /// The properties and the capabilities of the gateway.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The time limits from the user or the description.
    pub fn limits(&self) -> TimeLimits {
        self.limits
    }

    /// Whether the gateway sends a challenge on every new connection.
    pub fn challenges(&self) -> ChallengeSupport {
        let shown_at_start = |program: &Program| matches!(program.readiness, Readiness::Challenge | Readiness::Connect);
        match &self.backend {
            _ if self.profile.lacks.contains(&Capability::Challenge) => ChallengeSupport::Absent,
            Backend::Embedded(_) | Backend::OpenClaw(_) => ChallengeSupport::Sent,
            Backend::Described(program) if shown_at_start(program) => ChallengeSupport::Sent,
            Backend::Described(_) | Backend::Attached(_) => ChallengeSupport::Unknown,
        }
    }

    /// Whether the behavior of the program is known: the embedded gateway or OpenClaw itself. If such a program is
    /// slow, the machine is the cause.
    pub fn is_known(&self) -> bool {
        matches!(self.backend, Backend::Embedded(_) | Backend::OpenClaw(_))
    }

    /// Writes the gateway's store to the state directory of the sandbox, if its description has a command for it.
    ///
    /// # Errors
    /// The command cannot be started, fails, or does not exit before the deadline.
    pub(crate) async fn read_store(&self, sandbox: &Sandbox, deadline: Instant) -> Result<(), StoreCommandError> {
        match &self.backend {
            Backend::Described(program) => program.read_store(sandbox, deadline).await,
            Backend::Embedded(_) | Backend::OpenClaw(_) | Backend::Attached(_) => Ok(()),
        }
    }

    /// Replaces the gateway's store with the one in the state directory of the sandbox, if its description has a command
    /// for it.
    ///
    /// # Errors
    /// As [`Gateway::read_store`].
    pub(crate) async fn write_store(&self, sandbox: &Sandbox, deadline: Instant) -> Result<(), StoreCommandError> {
        match &self.backend {
            Backend::Described(program) => program.write_store(sandbox, deadline).await,
            Backend::Embedded(_) | Backend::OpenClaw(_) | Backend::Attached(_) => Ok(()),
        }
    }

    /// Starts a gateway and waits until it is ready.
    ///
    /// # Errors
    /// Returns the reason why the gateway does not run. No part of it is left.
    pub async fn launch(&self, launch: Launch<'_>) -> Result<Running, LaunchError> {
        match &self.backend {
            Backend::Embedded(release) => {
                let embedded = embedded::launch(*release, &launch)?;
                Ok(Running { inner: RunningKind::Embedded(Box::new(embedded)), path: "/".to_owned() })
            }
            Backend::OpenClaw(program) | Backend::Described(program) => {
                let spawned = program.launch(&launch).await?;
                let path = spawned.path().to_owned();
                Ok(Running { inner: RunningKind::Spawned(Box::new(spawned)), path })
            }
            Backend::Attached(attached) => {
                attached.check(launch.deadline).await?;
                Ok(Running { inner: RunningKind::Attached(attached.clone()), path: attached.path().to_owned() })
            }
        }
    }
}
