//! A gateway under test: start it, reach it, stop it. One file per kind.
//!
//! [`GatewaySpec`] is what the user named; [`Gateway::prepare`] makes it usable once per run (installs a release, reads a
//! description); [`Gateway::launch`] starts one instance on a [`Sandbox`] of its own and hands back a [`Running`].
//! Everything that outlives a function is registered with the run's [`Guard`], which clears it even after a `kill -9`.

mod attached;
mod control_error;
mod described;
mod embedded;
pub mod guard;
mod launch;
mod limits;
mod openclaw;
mod prepare;
mod prepared;
mod process_tree;
mod profile;
mod running;
mod spawned;
mod spec;
pub mod supervisor;
mod workspace;

pub use control_error::ControlError;
pub use guard::Guard;
#[cfg(test)]
pub use launch::LogTail;
pub use launch::{Exit, Launch, LaunchError, one_line};
pub use limits::{ChallengeSupport, TimeLimits};
pub use openclaw::protocol_schema;
pub use prepare::{Preparation, PrepareError, PrepareEvent, PrepareListener};
pub use prepared::Gateway;
pub use profile::{Capability, Kind, Profile};
pub use running::Running;
pub use spec::GatewaySpec;
pub use workspace::{Sandbox, Workspace};
