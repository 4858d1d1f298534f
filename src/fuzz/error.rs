//! Why fuzzing failed.

use crate::gateway::PrepareError;
use crate::observe::snapshot::LibraryError;
use crate::run::RunError;
use crate::scenario::ScenarioErrors;

/// Why fuzzing failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FuzzError {
    /// The rules of the gateway's release are not available.
    #[error(transparent)]
    Rules(#[from] PrepareError),
    /// The built-in snapshots are damaged.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// A run could not finish.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A story is not a valid scenario. This is a bug of the generator.
    #[error("story {index} of seed {seed} is not a valid scenario: {problems:?}")]
    Story {
        /// The seed of the stories.
        seed: u64,
        /// The story's index.
        index: u64,
        /// The errors in the scenario.
        problems: ScenarioErrors,
    },
}
