//! The options that name the state directory of `openclaw`.

use crate::explain::StatePaths;
use std::path::PathBuf;

/// The state directory of `openclaw`, and its configuration.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct StateDirectoryOptions {
    /// State directory [default: the one that `openclaw` uses: OPENCLAW_STATE_DIR, ~/.openclaw or ~/.clawdbot]
    #[arg(value_name = "DIR", conflicts_with = "state_dir")]
    directory: Option<PathBuf>,
    /// State directory; the same as DIR
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Configuration file [default: OPENCLAW_CONFIG_PATH or openclaw.json in the state directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl StateDirectoryOptions {
    /// The places to read.
    pub(in crate::cli) fn places(self) -> StatePaths {
        StatePaths { state_dir: self.directory.or(self.state_dir), config: self.config, env: environment() }
    }
}

/// The environment, which determines the files that `openclaw` itself would use. Variables that are not Unicode are
/// ignored.
pub(in crate::cli) fn environment() -> Vec<(String, String)> {
    let texts =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    texts.collect()
}
