//! The top level of a scenario file.

use super::gateway::GatewaySettings;
use super::matrix::Matrix;
use super::step::{Step, StepKind};
use super::store::Store;
use super::text::{Releases, Version};
use crate::scenario::syntax::spans::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// One scenario: the settings of a gateway, its state directory before the first start, and the steps. The id is
/// FAMILY/NAME if the file is FAMILY/NAME.yaml.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// The title: what happens, in a few words.
    pub scenario: Spanned<String>,
    /// A description for the reader, in one to three sentences.
    #[serde(default)]
    pub about: Option<String>,
    /// Issues, pull requests and pages that the scenario is based on: `owner/repository#number` or a URL.
    #[serde(default)]
    pub links: Vec<Spanned<String>>,
    /// Tags: lower-case letters, digits and hyphens.
    #[serde(default)]
    pub tags: Vec<Spanned<String>>,
    /// Releases that can play the scenario, such as `>=2026.3.31`. On other releases, the case is not applicable.
    #[serde(default)]
    pub releases: Option<Releases>,
    /// Features that the gateway must have in addition to those that follow from the steps and the store.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Axes of variation. Each point of the matrix is one case.
    // Absent in a case, because the expansion removes it. The field is here for the JSON Schema and for the list of known keys.
    #[serde(default)]
    pub matrix: Option<Matrix>,
    /// The settings of the gateway.
    #[serde(default)]
    pub gateway: GatewaySettings,
    /// The state directory before the first start.
    #[serde(default)]
    pub store: Store,
    /// Another release that uses the state directory before the gateway under test starts on it.
    #[serde(default)]
    pub written_by: Option<WrittenBy>,
    /// A second state directory that the gateway must not change.
    #[serde(default)]
    pub other_store: Option<Store>,
    /// The steps, in this order. The gateway runs before the first step, unless the first step is `start`.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// Every store of the scenario, including the stores of its `edit` steps.
    pub fn stores(&self) -> impl Iterator<Item = &Store> {
        let edits = self.all_steps().filter_map(|step| match &step.kind {
            StepKind::Edit(store) => Some(store.as_ref()),
            _ => None,
        });
        std::iter::once(&self.store).chain(&self.other_store).chain(edits)
    }

    /// Every step in the order of the numbers: those of the earlier release first, and a step before the parallel steps in it.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        let earlier = self.written_by.iter().flat_map(|earlier| &earlier.steps);
        let mut open = earlier.chain(&self.steps).collect::<Vec<_>>();
        open.reverse();
        std::iter::from_fn(move || {
            let step = open.pop()?;
            open.extend(step.parallel().iter().rev());
            Some(step)
        })
    }

    /// Numbers the steps from 0. An observation and the verdict on it refer to a step by its number.
    pub(crate) fn number_steps(&mut self) {
        let mut next = 0;
        let earlier = self.written_by.iter_mut().flat_map(|earlier| &mut earlier.steps);
        earlier.chain(&mut self.steps).for_each(|step| number(step, &mut next));
    }

    /// Whether the gateway runs before the first step. It does, unless a `start` comes before every step that needs a
    /// running gateway.
    pub fn starts_running(&self) -> bool {
        !self
            .steps
            .iter()
            .find(|step| !matches!(step.kind, StepKind::Edit(_)))
            .is_some_and(|step| matches!(step.kind, StepKind::Start(_)))
    }
}

/// Gives a step the next number, and the parallel steps in it the numbers after that.
fn number(step: &mut Step, next: &mut usize) {
    step.number = *next;
    *next += 1;
    if let StepKind::Parallel(branches) = &mut step.kind {
        branches.iter_mut().for_each(|branch| number(branch, next));
    }
}

/// A feature that not every gateway has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The pairing store is readable after the case.
    ReadableStore,
    /// The state directory is writable before the start.
    WritableStore,
    /// The gateway can be stopped and started.
    Restart,
    /// The harness can move the gateway's clock.
    Clock,
    /// Connections can come from an address other than loopback.
    OtherHost,
    /// File permissions restrict the gateway: it does not run as root.
    Unprivileged,
}

impl fmt::Display for Need {
    /// Writes the feature as in a scenario.
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

/// An earlier release on the same state directory. clawcheck fills the store, starts the release on it, plays the steps
/// and stops the release. Then the gateway under test starts on the result.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WrittenBy {
    /// The earlier release. It must be of the same kind as the gateway under test and available. Otherwise, the case is
    /// not applicable.
    pub release: Version,
    /// The steps that the earlier release plays.
    pub steps: Vec<Step>,
}
