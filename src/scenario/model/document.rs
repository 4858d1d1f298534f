//! A scenario file, typed: what stands at its top.

use super::gateway::GatewaySettings;
use super::matrix::Matrix;
use super::step::{Step, StepKind};
use super::store::Store;
use super::text::{Releases, Version};
use crate::scenario::syntax::spans::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// One scenario: a gateway's settings, its state directory before the first start, and the steps of a story.
/// The file stands at FAMILY/NAME.yaml, and that is its id.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// The title: what happens, in a few words.
    pub scenario: Spanned<String>,
    /// What this is about, for a reader: one to three sentences.
    #[serde(default)]
    pub about: Option<String>,
    /// Issues, pull requests and pages that this comes from: `owner/repository#number` or a URL.
    #[serde(default)]
    pub links: Vec<Spanned<String>>,
    /// Words to select cases by: lower-case letters, digits and hyphens.
    #[serde(default)]
    pub tags: Vec<Spanned<String>>,
    /// Releases on which this can be asked at all, `>=2026.3.31`; on others the case is not applicable.
    #[serde(default)]
    pub releases: Option<Releases>,
    /// What the gateway under test must have besides what the steps and the store make plain.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Axes along which the scenario is repeated; each point is one case.
    #[serde(default)]
    pub matrix: Option<Matrix>,
    /// The gateway's settings.
    #[serde(default)]
    pub gateway: GatewaySettings,
    /// The state directory before the first start.
    #[serde(default)]
    pub store: Store,
    /// Lets another release live on the state directory before the gateway under test starts on it.
    #[serde(default)]
    pub written_by: Option<WrittenBy>,
    /// Another state directory, beside the gateway's own, that the gateway must not touch.
    #[serde(default)]
    pub other_store: Option<Store>,
    /// What happens, in this order. The gateway is started before, unless the first of them is `start`.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// Everything that is put into state directories, in the course of the scenario, too.
    pub fn stores(&self) -> impl Iterator<Item = &Store> {
        let earlier = self.written_by.iter().flat_map(|earlier| &earlier.steps);
        let edits = earlier.chain(&self.steps).flat_map(edits);
        std::iter::once(&self.store).chain(&self.other_store).chain(edits)
    }

    /// Whether the gateway runs when the first step is done. It does, unless a `start` comes before anything that would
    /// speak to it.
    pub fn starts_running(&self) -> bool {
        !self
            .steps
            .iter()
            .find(|step| !matches!(step.kind, StepKind::Edit(_)))
            .is_some_and(|step| matches!(step.kind, StepKind::Start(_)))
    }
}

/// What a step puts into the state directory.
fn edits(step: &Step) -> Vec<&Store> {
    match &step.kind {
        StepKind::Edit(store) => vec![store],
        StepKind::Parallel(steps) => steps.iter().flat_map(edits).collect(),
        _ => Vec::new(),
    }
}

/// Something that not every gateway under test has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The pairing store can be read afterwards.
    ReadableStore,
    /// The state directory can be filled before the start.
    WritableStore,
    /// The gateway can be stopped and started.
    Restart,
    /// A clock that the harness moves.
    Clock,
    /// Connections from an address that is not loopback.
    OtherHost,
    /// Permissions bind the gateway: it does not run as root.
    Unprivileged,
}

impl fmt::Display for Need {
    /// As it is written in a scenario.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadableStore => "readable-store",
            Self::WritableStore => "writable-store",
            Self::Restart => "restart",
            Self::Clock => "clock",
            Self::OtherHost => "other-host",
            Self::Unprivileged => "unprivileged",
        })
    }
}

/// An earlier life of the state directory. The store is filled, the release is started on it, the steps are played
/// on it, it is stopped; then the gateway under test starts on what it left.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WrittenBy {
    /// The release that lived here: of the same kind as the gateway under test, and to be had, or the case is not applicable.
    pub release: Version,
    /// What happened then.
    pub steps: Vec<Step>,
}
