//! Installs packages into the cache. An install is complete or leaves nothing, and only one process installs a package at
//! a time.

use super::cache::{self, Cache, Package};
use super::catalogue::Catalogue;
use super::install_error::{INSTALL_TIMEOUT, InstallError};
use super::installer::Installer;
use super::npm;
use crate::gateway::guard::{Guard, Readers};
use crate::gateway::launch::Exit;
use crate::gateway::prepare::{Preparation, PrepareEvent, PrepareListener};
use crate::gateway::spawned::process::{InheritedEnvironment, Invocation, Process};
use openclaw_model::Release;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use untrusted_data::cut;
use untrusted_data::limits::LINE;

/// Without `--ignore-scripts`, packages build native parts that a gateway does not need for its handshake. The
/// optional dependencies have hundreds of megabytes.
pub(in crate::gateway) const RELEASE_FLAGS: [&str; 5] =
    ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"];
/// The interval of progress events, and of attempts to take a lock that another process holds.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// A part of the name of every directory that an install works in. The guard and the next install of the same package
/// remove such a directory. Packages of pip and cargo stay in it, behind a link, because they contain its path.
const PARTIAL: &str = ".clawcheck-partial-";

/// The common parameters of installs.
pub(super) struct Installation<'a> {
    pub(super) cache: Cache,
    pub(super) catalogue: Catalogue,
    pub(super) guard: &'a Guard,
    pub(super) listener: PrepareListener<'a>,
    /// When everything must be installed: a release, its Node.js, and the wait for another process that installs them.
    deadline: Instant,
    /// The time until the deadline, when the installation began.
    limit: Duration,
}

/// One package to install.
pub(in crate::gateway) struct InstallRequest<'a> {
    pub(in crate::gateway) name: &'a str,
    pub(in crate::gateway) version: &'a str,
    /// Packages that are installed next to it.
    pub(in crate::gateway) beside: &'a [&'a str],
    /// The npm `overrides`.
    pub(in crate::gateway) overrides: &'a BTreeMap<String, String>,
    /// The options of npm.
    pub(in crate::gateway) flags: &'a [&'a str],
}

impl<'a> Installation<'a> {
    /// Prepares installs into the cache that the preparation names.
    ///
    /// # Errors
    /// Returns an error if there is no usable cache directory.
    pub(super) fn new(preparation: &'a Preparation, listener: PrepareListener<'a>) -> Result<Self, InstallError> {
        let cache = Cache::locate(preparation.cache.as_deref())?;
        let limit = preparation.install.unwrap_or(INSTALL_TIMEOUT);
        let deadline = Instant::now() + limit;
        Ok(Self { cache, catalogue: Catalogue::built_in()?, guard: &preparation.guard, listener, deadline, limit })
    }
}

impl Installation<'_> {
    /// Returns a release from the cache, or installs it.
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

    /// Returns a package from the cache, or installs it.
    pub(super) async fn package(
        &self,
        directory: &Path,
        request: &InstallRequest<'_>,
    ) -> Result<Package, InstallError> {
        let InstallRequest { name, version, .. } = request;
        check_access(directory)?;
        if let Some(package) = cache::package(directory, name) {
            return Ok(package);
        }
        let package = format!("{name}@{version}");
        let cache_error =
            |error: &io::Error| InstallError::Cache { path: directory.to_owned(), reason: error.to_string() };
        let _lock = self.lock(directory, version, &package).await?;
        // Another process may have installed the package while this one waited for the lock.
        if let Some(found) = cache::package(directory, name) {
            return Ok(found);
        }
        let partial = self.begin(directory, version, &package)?;
        self.npm(&partial, &package, request).await?;
        if cache::package(&partial.path, name).is_none() {
            return Err(incomplete(package, name));
        }
        // The rename is the last step: another process sees the package only when it is complete.
        std::fs::rename(&partial.path, directory).map_err(|error| cache_error(&error))?;
        (self.listener)(PrepareEvent::Installed { package: package.clone() });
        cache::package(directory, name).ok_or_else(|| incomplete(package, name))
    }

    /// Holds the lock on the directory of a package until dropped. `key` is the name of the directory. The lock file stays
    /// on disk. If it were removed, two processes could lock two different files of the same name.
    pub(super) async fn lock(&self, directory: &Path, key: &str, package: &str) -> Result<File, InstallError> {
        let parent = directory.parent().unwrap_or(directory);
        let path = &parent.join(format!("{key}.lock"));
        let cache_error = |error: &io::Error| InstallError::Cache { path: path.clone(), reason: error.to_string() };
        std::fs::create_dir_all(parent).map_err(|error| cache_error(&error))?;
        let file =
            File::options().create(true).truncate(false).write(true).open(path).map_err(|error| cache_error(&error))?;
        let mut reported = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(cache_error(&error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= self.deadline => {
                    return Err(InstallError::Locked { package: package.to_owned(), lock: path.clone() });
                }
                Err(TryLockError::WouldBlock) => {}
            }
            if !std::mem::replace(&mut reported, true) {
                (self.listener)(PrepareEvent::Waiting { package: package.to_owned() });
            }
            // A blocking lock could not be interrupted by Ctrl-C.
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Announces an install, and creates the directory that it works in. The caller must hold the lock.
    pub(super) fn begin(&self, directory: &Path, key: &str, package: &str) -> Result<PartialInstall, InstallError> {
        let parent = directory.parent().unwrap_or(directory);
        clear_partial(parent, key);
        let partial = self
            .partial(parent, key)
            .map_err(|error| InstallError::Cache { path: directory.to_owned(), reason: error.to_string() })?;
        (self.listener)(PrepareEvent::Installing { package: package.to_owned(), directory: directory.to_owned() });
        Ok(partial)
    }

    /// Creates a directory next to the final one, so that a rename between the two is atomic.
    fn partial(&self, parent: &Path, version: &str) -> io::Result<PartialInstall> {
        let path = self.guard.create_directory(parent, &format!("{version}{PARTIAL}"), Readers::Umask)?;
        Ok(PartialInstall { path, guard: self.guard.clone(), kept: false })
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
            // npm needs the user's settings for the registry, the proxy and the certificates.
            inherited: InheritedEnvironment::ForInstaller,
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
        let mut ticks = interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let exit = loop {
            tokio::select! {
                exit = process.wait() => break exit,
                _ = ticks.tick() => tick(),
            }
            if Instant::now() >= self.deadline {
                let log = process.log().all();
                let last = log.lines().rfind(|line| !line.trim().is_empty()).map(|line| cut::line(line.trim(), LINE));
                let last = last.map(|line| format!("; its last output: {line}")).unwrap_or_default();
                return Err(InstallError::TooSlow { installer, package: package.to_owned(), limit: self.limit, last });
            }
        };
        // npm's error lines can arrive after its exit.
        process.final_log().await;
        Ok((exit, process.log().all()))
    }
}

/// Refuses an installation that another user made and that this one cannot read. Without this check, it would count as
/// missing, and clawcheck would try to install it again.
pub(super) fn check_access(installation: &Path) -> Result<(), InstallError> {
    match std::fs::read_dir(installation) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(InstallError::Cache { path: installation.to_owned(), reason: error.to_string() })
        }
        _ => Ok(()),
    }
}

fn incomplete(package: String, name: &str) -> InstallError {
    InstallError::Incomplete { installer: Installer::Npm, package, missing: format!("node_modules/{name}") }
}

/// A directory that an install fills. A drop removes what is left of it.
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
        // If the removal fails, the directory stays registered with the guard, which tries again after the run.
        if self.kept || self.path.try_exists().is_ok_and(|there| !there) {
            self.guard.forget_directory(&self.path);
        }
    }
}

/// Removes the directories of an install that was killed together with its guard. The caller holds the lock, so no
/// process works in them.
fn clear_partial(parent: &Path, version: &str) {
    let prefix = format!("{version}{PARTIAL}");
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Counts the packages on disk. The count is cheap, and it grows while npm works.
fn packages(directory: &Path) -> usize {
    std::fs::read_dir(directory.join("node_modules")).map_or(0, |entries| entries.flatten().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installation_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let installation = folder.path().join("2026.4.8");
        check_access(&installation).unwrap();
        // A file in its place gives an error to every user. Root could read a directory of any mode.
        std::fs::write(&installation, "").unwrap();
        let refused = check_access(&installation).unwrap_err().to_string();
        assert!(refused.contains("2026.4.8: Not a directory"), "{refused}");
    }

    #[tokio::test]
    async fn wait_for_lock_ends_at_install_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let preparation = Preparation { cache: Some(folder.path().to_owned()), ..Preparation::default() };
        let mut installation = Installation::new(&preparation, &|_| {}).unwrap();
        installation.deadline = Instant::now();
        let directory = folder.path().join("packages/one");
        let _held = installation.lock(&directory, "one", "one@1").await.unwrap();
        let waited = installation.lock(&directory, "one", "one@1").await;
        assert!(matches!(waited, Err(InstallError::Locked { .. })), "{waited:?}");
    }
}
