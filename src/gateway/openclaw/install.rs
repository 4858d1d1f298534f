//! Installs packages into the cache: whole or not at all, and by one process at a time.

use super::cache::{self, Cache, Package};
use super::catalogue::Catalogue;
use super::installer::Installer;
use super::npm;
use crate::gateway::guard::Guard;
use crate::gateway::launch::Exit;
use crate::gateway::prepare::{PrepareEvent, PrepareListener};
use crate::gateway::spawned::process::{InheritedEnvironment, Invocation, Process};
use openclaw_model::Release;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Without `--ignore-scripts` packages build native parts that no gateway needs for its handshake; optional dependencies are
/// hundreds of megabytes of them.
pub(in crate::gateway) const RELEASE_FLAGS: [&str; 5] =
    ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"];
/// How long an install may take; also how long one waits for another process that does it.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(20 * 60);
/// How often progress is told, and a lock that somebody else holds is tried again.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// In the name of every directory that an install works in; the guard removes it, and so does the next install.
const PARTIAL: &str = ".clawcheck-partial-";

/// Why a release cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// The installer is not on PATH.
    #[error("{installer} was not found on PATH; it is needed to install {package} ({})", installer.home())]
    NoInstaller {
        /// The program.
        installer: Installer,
        /// What was to be installed.
        package: String,
    },
    /// The installer cannot be run.
    #[error("{installer} cannot be run to install {package}: {reason}")]
    CannotRun {
        /// The program.
        installer: Installer,
        /// What was to be installed.
        package: String,
        /// The operating system's words.
        reason: String,
    },
    /// npm knows no such version.
    #[error("{package} does not exist on npm; `npm view {} versions` lists what does", without_version(package))]
    NoSuchVersion {
        /// What was to be installed.
        package: String,
    },
    /// The registry cannot be reached.
    #[error(
        "{installer} cannot reach its registry to install {package} ({code}); releases in the cache do not need the network"
    )]
    Network {
        /// The program.
        installer: Installer,
        /// What was to be installed.
        package: String,
        /// Its error code, or its words.
        code: &'static str,
    },
    /// There is no room.
    #[error(
        "not enough disk space to install {package}; a release needs about 500 MB (CLAWCHECK_CACHE selects another folder)"
    )]
    DiskFull {
        /// What was to be installed.
        package: String,
    },
    /// The installer failed in another way.
    #[error("{installer} could not install {package}:\n{log}")]
    Failed {
        /// The program.
        installer: Installer,
        /// What was to be installed.
        package: String,
        /// Its error lines.
        log: String,
    },
    /// The installer did not come to an end.
    #[error("installing {package} took longer than {} minutes", INSTALL_TIMEOUT.as_secs() / 60)]
    TooSlow {
        /// What was to be installed.
        package: String,
    },
    /// Another process holds the lock.
    #[error("another process has been installing {package} for more than {} minutes; it holds {}", INSTALL_TIMEOUT.as_secs() / 60, lock.display())]
    Locked {
        /// What was to be installed.
        package: String,
        /// The lock file.
        lock: PathBuf,
    },
    /// The installer was content, and yet the package is not there.
    #[error("{installer} installed {package}, but the package has no {missing}")]
    Incomplete {
        /// The program.
        installer: Installer,
        /// What was installed.
        package: String,
        /// What is not there.
        missing: String,
    },
    /// Neither the one Node nor the other fits.
    #[error("the release needs Node {range}; neither the Node on PATH nor npm's node@{offered} matches")]
    NoNode {
        /// `engines.node`.
        range: String,
        /// The version that we would install.
        offered: String,
    },
    /// No cache directory is known.
    #[error("cannot determine the cache directory; set CLAWCHECK_CACHE")]
    NoCache,
    /// The cache cannot be written or read.
    #[error("cannot use the cache {}: {reason} (CLAWCHECK_CACHE selects another folder)", path.display())]
    Cache {
        /// Where.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// `gateways/openclaw.yaml` is wrong: a fault of this program.
    #[error("the built-in gateways/openclaw.yaml is invalid: {reason}")]
    Catalogue {
        /// What is wrong.
        reason: String,
    },
}

/// `@openclaw/gateway-protocol` of `@openclaw/gateway-protocol@2026.9.1`.
fn without_version(package: &str) -> &str {
    package.rsplit_once('@').map_or(package, |(name, _)| name)
}

/// What installing needs.
pub(super) struct Installation<'a> {
    pub(super) cache: &'a Cache,
    pub(super) catalogue: &'a Catalogue,
    pub(super) guard: &'a Guard,
    pub(super) listener: PrepareListener<'a>,
}

/// One package.
pub(in crate::gateway) struct InstallRequest<'a> {
    pub(in crate::gateway) name: &'a str,
    pub(in crate::gateway) version: &'a str,
    /// Installed with it.
    pub(in crate::gateway) beside: &'a [&'a str],
    pub(in crate::gateway) overrides: &'a BTreeMap<String, String>,
    /// For npm.
    pub(in crate::gateway) flags: &'a [&'a str],
}

impl Installation<'_> {
    /// A release, from the cache or from npm.
    pub(super) async fn release(&self, release: Release) -> Result<Package, InstallError> {
        let beside = self.catalogue.beside(release);
        let request = InstallRequest {
            name: "openclaw",
            version: &release.to_string(),
            beside: &beside,
            overrides: &self.catalogue.overrides,
            flags: &RELEASE_FLAGS,
        };
        self.package(&self.cache.release(release), &request).await
    }

    /// A package at its place in the cache.
    pub(super) async fn package(
        &self,
        directory: &Path,
        request: &InstallRequest<'_>,
    ) -> Result<Package, InstallError> {
        let InstallRequest { name, version, .. } = request;
        if let Some(package) = cache::package(directory, name) {
            return Ok(package);
        }
        let package = format!("{name}@{version}");
        let cache_error =
            |error: &io::Error| InstallError::Cache { path: directory.to_owned(), reason: error.to_string() };
        let _lock = self.lock(directory, version, &package).await?;
        // Whoever held the lock before us may have installed it.
        if let Some(found) = cache::package(directory, name) {
            return Ok(found);
        }
        let partial = self.begin(directory, version, &package)?;
        self.npm(&partial, &package, request).await?;
        if cache::package(&partial.path, name).is_none() {
            return Err(incomplete(package, name));
        }
        std::fs::rename(&partial.path, directory).map_err(|error| cache_error(&error))?;
        (self.listener)(PrepareEvent::Installed { package: package.clone() });
        cache::package(directory, name).ok_or_else(|| incomplete(package, name))
    }

    /// Holds the lock file of a directory to be until dropped. The file stays on disk: removing it would let two processes
    /// lock two files of one name. `key` is the name of the directory.
    pub(super) async fn lock(&self, directory: &Path, key: &str, package: &str) -> Result<File, InstallError> {
        let parent = directory.parent().unwrap_or(directory);
        let path = &parent.join(format!("{key}.lock"));
        let cache_error = |error: &io::Error| InstallError::Cache { path: path.clone(), reason: error.to_string() };
        std::fs::create_dir_all(parent).map_err(|error| cache_error(&error))?;
        let file =
            File::options().create(true).truncate(false).write(true).open(path).map_err(|error| cache_error(&error))?;
        let deadline = Instant::now() + INSTALL_TIMEOUT;
        let mut reported = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(cache_error(&error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(InstallError::Locked { package: package.to_owned(), lock: path.clone() });
                }
                Err(TryLockError::WouldBlock) => {}
            }
            if !std::mem::replace(&mut reported, true) {
                (self.listener)(PrepareEvent::Waiting { package: package.to_owned() });
            }
            // A blocking lock could not be given up on Ctrl-C.
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Announces an install, and makes the directory that it works in. The lock must be held.
    pub(super) fn begin(&self, directory: &Path, key: &str, package: &str) -> Result<PartialInstall, InstallError> {
        let parent = directory.parent().unwrap_or(directory);
        clear_partial(parent, key);
        let partial = self
            .partial(parent, key)
            .map_err(|error| InstallError::Cache { path: directory.to_owned(), reason: error.to_string() })?;
        (self.listener)(PrepareEvent::Installing { package: package.to_owned(), directory: directory.to_owned() });
        Ok(partial)
    }

    /// A directory beside the one to be: a rename between the two is atomic.
    fn partial(&self, parent: &Path, version: &str) -> io::Result<PartialInstall> {
        let directory = tempfile::Builder::new().prefix(&format!("{version}{PARTIAL}")).tempdir_in(parent)?;
        self.guard.watch_directory(directory.path())?;
        Ok(PartialInstall { path: directory.keep(), guard: self.guard.clone(), kept: false })
    }

    async fn npm(
        &self,
        partial: &PartialInstall,
        package: &str,
        request: &InstallRequest<'_>,
    ) -> Result<(), InstallError> {
        let manifest = json!({ "name": "clawcheck-cache", "private": true, "overrides": request.overrides });
        std::fs::write(partial.path.join("package.json"), manifest.to_string())
            .map_err(|error| InstallError::Cache { path: partial.path.clone(), reason: error.to_string() })?;
        let words = ["install", package];
        let arguments = words.iter().chain(request.beside).chain(request.flags);
        let invocation = Invocation {
            command: "npm".into(),
            arguments: arguments.map(Into::into).collect(),
            environment: vec![("npm_config_progress".into(), "false".into())],
            directory: partial.path.clone(),
            // npm needs its user's registry, proxy and certificates.
            inherited: InheritedEnvironment::All,
        };
        let tick = || (self.listener)(PrepareEvent::Progress { packages: packages(&partial.path) });
        let (exit, log) = self.run(Installer::Npm, &invocation, package, &tick).await?;
        if exit.code == Some(0) { Ok(()) } else { Err(npm::failure(package, &log)) }
    }

    /// Runs an installer until it exits, and returns its log. `tick` is called several times a second.
    pub(super) async fn run(
        &self,
        installer: Installer,
        invocation: &Invocation,
        package: &str,
        tick: &(dyn Fn() + Send + Sync),
    ) -> Result<(Exit, String), InstallError> {
        let mut process = Process::start(invocation, self.guard).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => InstallError::NoInstaller { installer, package: package.to_owned() },
            _ => InstallError::CannotRun { installer, package: package.to_owned(), reason: error.to_string() },
        })?;
        let deadline = Instant::now() + INSTALL_TIMEOUT;
        let mut ticks = interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let exit = loop {
            tokio::select! {
                exit = process.wait() => break exit,
                _ = ticks.tick() => tick(),
            }
            if Instant::now() >= deadline {
                return Err(InstallError::TooSlow { package: package.to_owned() });
            }
        };
        process.final_log().await;
        Ok((exit, process.log().all()))
    }
}

fn incomplete(package: String, name: &str) -> InstallError {
    InstallError::Incomplete { installer: Installer::Npm, package, missing: format!("node_modules/{name}") }
}

/// A directory that is being filled. Whatever is left of it when it is dropped goes.
pub(super) struct PartialInstall {
    pub(super) path: PathBuf,
    guard: Guard,
    kept: bool,
}

impl PartialInstall {
    /// Leaves the directory where it is.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for PartialInstall {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_dir_all(&self.path);
        }
        // What could not be removed stays with the guard, which tries again when we are gone.
        if self.kept || self.path.try_exists().is_ok_and(|there| !there) {
            self.guard.forget_directory(&self.path);
        }
    }
}

/// Removes what an install that was killed with its guard left behind. The lock is held: nobody works in there.
fn clear_partial(parent: &Path, version: &str) {
    let prefix = format!("{version}{PARTIAL}");
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// How many packages are on disk: cheap to count, and it grows while npm works.
fn packages(directory: &Path) -> usize {
    std::fs::read_dir(directory.join("node_modules")).map_or(0, |entries| entries.flatten().count())
}
