//! Where installed releases are kept.

use super::install::InstallError;
use openclaw_model::Release;
use std::path::{Path, PathBuf};

/// Overrides the platform's cache directory.
const VARIABLE: &str = "CLAWCHECK_CACHE";

/// `openclaw/RELEASE/node_modules/openclaw` and `node/VERSION/node_modules/node` below one directory.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    root: PathBuf,
}

/// An npm package on disk.
#[derive(Debug, Clone)]
pub(super) struct Package {
    /// Its own directory, which holds its `package.json`.
    pub(super) directory: PathBuf,
}

impl Cache {
    /// The directory that was named, else the one of the environment, else the platform's.
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
        // Gateways run in directories of their own: a relative path would mean something else there.
        let root = std::path::absolute(&root)
            .map_err(|error| InstallError::Cache { path: root.clone(), reason: error.to_string() })?;
        Ok(Self { root })
    }

    /// Where a release is, or is to be.
    pub(super) fn release(&self, release: Release) -> PathBuf {
        self.root.join("openclaw").join(release.to_string())
    }

    /// Where another package is, or is to be.
    pub(super) fn other(&self, name: &str, version: &str) -> PathBuf {
        // A scoped name has a slash in it.
        self.root.join("packages").join(name.replace('/', "+")).join(version)
    }

    /// Where the virtual environment with these Python packages is, or is to be.
    pub(super) fn pip(&self, key: &str) -> PathBuf {
        self.root.join("pip").join(key)
    }

    /// Where a Rust program is, or is to be.
    pub(super) fn cargo(&self, name: &str, version: &str) -> PathBuf {
        self.root.join("cargo").join(name).join(version)
    }

    /// Where a Node is, or is to be.
    pub(super) fn node(&self, version: &str) -> PathBuf {
        self.root.join("node").join(version)
    }

    /// Where Node keeps what it has compiled.
    pub(super) fn compile_cache(&self) -> PathBuf {
        self.root.join("compiled")
    }

    /// Where jiti keeps what it has translated.
    pub(super) fn jiti_cache(&self) -> PathBuf {
        self.root.join("translated")
    }

    /// Every Node that is there, by version.
    pub(super) fn nodes(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.root.join("node")).into_iter().flatten().flatten();
        let mut found: Vec<_> = entries.map(|entry| node_binary(&entry.path())).filter(|path| path.is_file()).collect();
        found.sort();
        found
    }
}

/// The package of this name below an installation, if it is whole: its `package.json` is there.
pub(super) fn package(installation: &Path, name: &str) -> Option<Package> {
    let directory = installation.join("node_modules").join(name);
    directory.join("package.json").is_file().then_some(Package { directory })
}

/// The binary that npm's `node` package brings.
pub(super) fn node_binary(installation: &Path) -> PathBuf {
    installation.join("node_modules/node/bin/node")
}
