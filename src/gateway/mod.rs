//! A gateway under test: start it, connect to it, stop it. There is one file for each kind.
//!
//! [`GatewaySpec`] is the argument of the user. [`Gateway::prepare`] makes the gateway usable once per run: it
//! installs a release or reads a description. [`Gateway::launch`] starts one instance in its own [`Sandbox`] and
//! returns a [`Running`]. Everything that outlives a function is registered with the run's [`Guard`], which cleans up
//! even after a `kill -9`.

mod attached;
mod control_error;
mod described;
mod embedded;
pub(crate) mod guard;
mod launch;
mod openclaw;
mod prepare;
mod prepare_error;
mod prepared;
mod process_tree;
mod profile;
mod run_directory;
mod running;
mod spawned;
mod spec;
pub(crate) mod supervisor;
mod template;

pub(crate) use control_error::ControlError;
pub(crate) use described::{check_description, schema as description_schema};
pub use guard::Guard;
#[cfg(test)]
pub(crate) use launch::LogTail;
pub(crate) use launch::one_line;
pub use launch::{Exit, Launch, LaunchError};
pub(crate) use openclaw::{SchemaError, protocol_schema};
pub use prepare::{Preparation, PrepareEvent};
pub use prepare_error::PrepareError;
pub use prepared::Gateway;
pub use profile::Capability;
pub(crate) use profile::flags::SettingValues;
pub(crate) use profile::ignored::IgnoredField;
pub(crate) use profile::limits::{ChallengeSupport, TimeLimits};
pub(crate) use profile::{GatewayKind, Profile};
pub use run_directory::{RunDirectory, Sandbox};
pub use running::Running;
pub(crate) use spawned::store_commands::StoreCommandError;
pub use spec::GatewaySpec;
pub(crate) use spec::SpecError;
