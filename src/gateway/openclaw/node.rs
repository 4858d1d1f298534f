//! Selects the Node.js that runs a release.

use super::cache::{self, Package};
use super::install::{InstallRequest, Installation};
use super::install_error::InstallError;
use super::range;
use crate::gateway::spawned::process::{InheritedEnvironment, Invocation, Process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use untrusted_data::limits::MANIFEST_BYTES;
use untrusted_data::plain_file::{self, Links};

/// Maximum wait for `node --version`. It takes a tenth of a second, and some seconds on a cold disk.
const VERSION_TIMEOUT: Duration = Duration::from_secs(30);

impl Installation<'_> {
    /// Returns the Node.js on PATH if it meets the package's requirement, else one from the cache, else one from
    /// npm's `node` package.
    pub(super) async fn node_for(&self, package: &Package) -> Result<PathBuf, InstallError> {
        let range = engines(package);
        let on_path =
            std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
        let on_path = on_path.map(|directory| directory.join("node")).find(|node| node.is_file());
        for node in on_path.into_iter().chain(self.cache.nodes()) {
            if self.version(&node).await.is_some_and(|version| range::holds(&range, version)) {
                return Ok(node);
            }
        }
        let wanted = &self.catalogue.node;
        if !range::version(wanted).is_some_and(|version| range::holds(&range, version)) {
            return Err(InstallError::NoNode { range, offered: wanted.clone() });
        }
        let directory = self.cache.node(wanted);
        let request = InstallRequest {
            name: "node",
            version: wanted,
            beside: &[],
            overrides: &BTreeMap::new(),
            flags: &["--no-audit", "--no-fund"],
        };
        self.package(&directory, &request).await?;
        Ok(cache::node_binary(&directory))
    }

    async fn version(&self, node: &Path) -> Option<range::NodeVersion> {
        let invocation = Invocation {
            command: node.into(),
            arguments: vec!["--version".into()],
            environment: Vec::new(),
            directory: std::env::temp_dir(),
            inherited: InheritedEnvironment::Minimal,
        };
        let mut process = Process::start(&invocation, self.guard).await.ok()?;
        timeout_at(Instant::now() + VERSION_TIMEOUT, process.wait()).await.ok()?;
        range::version(process.final_log().await.0.lines().last()?)
    }
}

/// The value of `engines.node`. A missing value allows every version.
fn engines(package: &Package) -> String {
    let text = plain_file::read(&package.directory.join("package.json"), MANIFEST_BYTES, Links::Follow);
    let manifest: Value = serde_json::from_slice(&text.unwrap_or_default()).unwrap_or_default();
    manifest["engines"]["node"].as_str().unwrap_or("*").to_owned()
}
