//! What a description says, after it was read.

use super::flags::FlagEntries;
use super::foreign::{Cargo, Pip};
use super::raw::Npm;
use super::store::Store;
use crate::gateway::profile::Capability;
use crate::gateway::profile::ignored::IgnoredField;
use crate::gateway::profile::limits::TimeLimits;
use crate::gateway::spawned::readiness::Readiness;
use crate::scenario::connect::ProofVersion;
use indexmap::IndexMap;
use openclaw_model::Release;
use serde_json::Value;
use serde_saphyr::Spanned;

/// A gateway that a description file describes.
#[derive(Debug, Clone)]
pub(super) struct Description {
    pub(super) gateway: String,
    pub(super) links: Vec<String>,
    pub(super) claims: Spanned<Release>,
    pub(super) lacks: Vec<Capability>,
    pub(super) ran: bool,
    pub(super) npm: Option<Npm>,
    pub(super) pip: Option<Pip>,
    pub(super) cargo: Option<Cargo>,
    pub(super) command: Spanned<String>,
    pub(super) args: Vec<Spanned<String>>,
    pub(super) flags: FlagEntries,
    pub(super) env: IndexMap<String, Spanned<String>>,
    pub(super) pass_env: Vec<Spanned<String>>,
    pub(super) config: Spanned<Config>,
    pub(super) defaults: Value,
    pub(super) files: IndexMap<String, Spanned<String>>,
    pub(super) before: Vec<Spanned<String>>,
    pub(super) stop: Vec<Spanned<String>>,
    pub(super) ready: Spanned<Readiness>,
    pub(super) path: Spanned<String>,
    pub(super) store: Store,
    pub(super) snapshots: Option<Spanned<String>>,
    pub(super) proof: Option<ProofVersion>,
    pub(super) timeouts: TimeLimits,
    pub(super) ignore: Vec<IgnoredField>,
}

impl Description {
    /// Returns the command, the arguments, the variables and the other short texts that can contain placeholders.
    pub(super) fn placeholder_texts(&self) -> impl Iterator<Item = &Spanned<String>> {
        let commands = std::iter::once(&self.command).chain(&self.args).chain(&self.before).chain(&self.stop);
        commands.chain(self.env.values()).chain(std::iter::once(&self.path))
    }
}

/// The source of the settings that the gateway reads at `{config}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Config {
    /// The `openclaw.json` of the scenario.
    OpenClaw,
    /// The gateway reads no file.
    None,
    /// The gateway reads this text.
    Text(String),
}
