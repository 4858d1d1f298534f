//! Why a package cannot be installed, in words for the user.

use super::installer::Installer;
use std::path::PathBuf;
use std::time::Duration;

/// The maximum duration of an install: all its commands, and the wait for another process that installs the same package.
pub(super) const INSTALL_TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// A time limit in words.
fn in_words(limit: Duration) -> String {
    match limit.as_secs() {
        seconds if seconds < 120 => format!("{} s", limit.as_secs_f64()),
        seconds => format!("{} minutes", seconds / 60),
    }
}

/// Why a package cannot be installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// The installer is not on PATH.
    #[error("{installer} was not found on PATH; it is needed to install {package} ({})", installer.home())]
    NoInstaller {
        /// The program.
        installer: Installer,
        /// The package that npm, pip or cargo installs.
        package: String,
    },
    /// The installer cannot be started.
    #[error("{installer} cannot be run to install {package}: {reason}")]
    CannotRun {
        /// The program.
        installer: Installer,
        /// The package that npm, pip or cargo installs.
        package: String,
        /// The error of the operating system.
        reason: String,
    },
    /// The registry has no such version.
    #[error(
        "{package} does not exist on npm; `npm view {} versions` lists the versions that exist",
        without_version(package)
    )]
    NoSuchVersion {
        /// The package that npm, pip or cargo installs.
        package: String,
    },
    /// The registry cannot be reached.
    #[error(
        "{installer} cannot reach its registry to install {package} ({code}); releases in the cache do not need the network"
    )]
    Network {
        /// The program.
        installer: Installer,
        /// The package that npm, pip or cargo installs.
        package: String,
        /// The error code of the installer, or its message.
        code: &'static str,
    },
    /// The disk is full.
    #[error(
        "not enough disk space to install {package}; a release needs about 500 MB (CLAWCHECK_CACHE selects another folder)"
    )]
    DiskFull {
        /// The package that npm, pip or cargo installs.
        package: String,
    },
    /// The installer failed for another reason.
    #[error("{installer} could not install {package}:\n{log}")]
    Failed {
        /// The program.
        installer: Installer,
        /// The package that npm, pip or cargo installs.
        package: String,
        /// The error lines of the installer.
        log: String,
    },
    /// The installer did not exit in time.
    #[error(
        "{installer} did not install {package} within {}; check the network and the registry, and try again{last}",
        in_words(*limit)
    )]
    TooSlow {
        /// The program.
        installer: Installer,
        /// The time limit.
        limit: Duration,
        /// The last line that the installer wrote, as the end of a sentence.
        last: String,
        /// The package that npm, pip or cargo installs.
        package: String,
    },
    /// Another process holds the lock and did not release it in time.
    #[error("the installation timed out: another process is still installing {package} and holds the lock {}", lock.display())]
    Locked {
        /// The package that npm, pip or cargo installs.
        package: String,
        /// The lock file.
        lock: PathBuf,
    },
    /// The installer succeeded, but the package is not in the cache.
    #[error("{installer} installed {package}, but the package has no {missing}")]
    Incomplete {
        /// The program.
        installer: Installer,
        /// The package that npm, pip or cargo installs.
        package: String,
        /// The missing file or directory.
        missing: String,
    },
    /// Neither the Node.js on PATH nor the one that clawcheck installs meets the package's requirement.
    #[error("the release needs Node {range}; neither the Node on PATH nor npm's node@{offered} matches")]
    NoNode {
        /// `engines.node`.
        range: String,
        /// The version that clawcheck would install.
        offered: String,
    },
    /// The system has no cache directory.
    #[error("cannot determine the cache directory; set CLAWCHECK_CACHE")]
    NoCache,
    /// The cache cannot be read or written.
    #[error("cannot use the cache {}: {reason} (CLAWCHECK_CACHE selects another folder)", path.display())]
    Cache {
        /// The file or folder in the cache.
        path: PathBuf,
        /// The error of the operating system.
        reason: String,
    },
    /// `gateways/openclaw.yaml` is not valid. This is a bug of clawcheck.
    #[error("the built-in gateways/openclaw.yaml is invalid: {reason}")]
    Catalogue {
        /// The error.
        reason: String,
    },
}

/// Extracts `@openclaw/gateway-protocol` from `@openclaw/gateway-protocol@2026.9.1`.
fn without_version(package: &str) -> &str {
    package.rsplit_once('@').map_or(package, |(name, _)| name)
}
