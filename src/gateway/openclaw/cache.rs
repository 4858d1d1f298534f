//! The cache of installed releases.

use super::install_error::InstallError;
use openclaw_model::Release;
use std::path::{Path, PathBuf};

/// The environment variable that overrides the cache directory of the platform.
const VARIABLE: &str = "CLAWCHECK_CACHE";

/// The cache: `openclaw/RELEASE/node_modules/openclaw` and `node/VERSION/node_modules/node` below one directory.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    root: PathBuf,
}

/// An npm package on disk.
#[derive(Debug, Clone)]
pub(super) struct Package {
    /// The directory of the package, which contains its `package.json`.
    pub(super) directory: PathBuf,
}

impl Cache {
    /// Uses the given directory, else that of the environment variable, else that of the platform.
    pub(super) fn locate(named: Option<&Path>) -> Result<Self, InstallError> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = || variable("HOME");
        let platform = if cfg!(target_os = "macos") {
            home().map(|home| home.join("Library/Caches"))
        } else {
            variable("XDG_CACHE_HOME").or_else(|| home().map(|home| home.join(".cache")))
        };
        let root = named
            .map(Path::to_owned)
            .or_else(|| variable(VARIABLE))
            .or_else(|| platform.map(|cache| cache.join("clawcheck")))
            .ok_or(InstallError::NoCache)?;
        // Gateways run in directories of their own, where a relative path would mean something else.
        let root = std::path::absolute(&root)
            .map_err(|error| InstallError::Cache { path: root.clone(), reason: error.to_string() })?;
        Ok(Self { root })
    }

    /// The directory of a release, whether or not it is installed.
    pub(super) fn release(&self, release: Release) -> PathBuf {
        self.root.join("openclaw").join(release.to_string())
    }

    /// The directory of another package, whether or not it is installed.
    pub(super) fn other(&self, name: &str, version: &str) -> PathBuf {
        // A scoped name contains a slash.
        self.root.join("packages").join(name.replace('/', "+")).join(version)
    }

    /// The directory of a virtual environment with Python packages, whether or not it is installed.
    pub(super) fn pip(&self, key: &str) -> PathBuf {
        self.root.join("pip").join(key)
    }

    /// The directory of a Rust program, whether or not it is installed.
    pub(super) fn cargo(&self, name: &str, version: &str) -> PathBuf {
        self.root.join("cargo").join(name).join(version)
    }

    /// The directory of a Node.js version, whether or not it is installed.
    pub(super) fn node(&self, version: &str) -> PathBuf {
        self.root.join("node").join(version)
    }

    /// The directory of Node's compile cache.
    pub(super) fn compile_cache(&self) -> PathBuf {
        self.root.join("compiled")
    }

    /// The directory of jiti's cache of translated plugins.
    pub(super) fn jiti_cache(&self) -> PathBuf {
        self.root.join("translated")
    }

    /// Every installed Node.js, by version.
    pub(super) fn nodes(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.root.join("node")).into_iter().flatten().flatten();
        let mut found: Vec<_> = entries.map(|entry| node_binary(&entry.path())).filter(|path| path.is_file()).collect();
        found.sort();
        found
    }
}

/// The package of this name below an installation. `None` if the installation is incomplete: `package.json` is
/// missing.
pub(super) fn package(installation: &Path, name: &str) -> Option<Package> {
    let directory = installation.join("node_modules").join(name);
    directory.join("package.json").is_file().then_some(Package { directory })
}

/// The executable in npm's `node` package.
pub(super) fn node_binary(installation: &Path) -> PathBuf {
    installation.join("node_modules/node/bin/node")
}
