//! A case: one scenario at one point of its matrix.

use super::document::{Need, Scenario};
use super::identity;
use super::needs;
use super::step::Step;
use super::text::Releases;
use crate::scenario::syntax::source::Source;
use crate::scenario::syntax::spans::{Name, Span};
use openclaw_protocol::identity::DeviceKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One scenario at one point of its matrix. A case is the unit of execution and of reports.
#[derive(Debug, Clone)]
pub struct Case {
    /// `family/name`, or `family/name#point`.
    pub id: String,
    /// The name of the folder that contains the scenario file.
    pub family: String,
    /// The name of the scenario file, without `.yaml`.
    pub name: String,
    /// The names of the values at this point, joined with `,` in the order of the axes. Empty without a matrix.
    pub point: Option<String>,
    /// The scenario with every reference replaced. It has no `matrix`.
    pub scenario: Scenario,
    /// The file that the case was read from.
    pub source: Arc<Source>,
    /// The folders that the scenario's stores are copied from, by the value of `from`. Each holds its files by relative
    /// path.
    pub folders: BTreeMap<String, Arc<BTreeMap<String, Vec<u8>>>>,
}

impl Case {
    /// The title of the scenario, for reports.
    pub fn title(&self) -> &str {
        &self.scenario.scenario
    }

    /// Every step, in the order of the numbers.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.scenario.all_steps()
    }

    /// Releases on which the case can be played. `None` means all releases.
    pub fn releases(&self) -> Option<&Releases> {
        self.scenario.releases.as_ref()
    }

    /// Features that the gateway under test must have: those that the scenario lists, and those that follow from its
    /// steps and its store.
    pub fn needs(&self) -> BTreeSet<Need> {
        needs::of(&self.scenario)
    }

    /// Devices of copied state directories that play with their own keys.
    pub fn identities(&self) -> impl Iterator<Item = (&Name, DeviceKey)> {
        self.scenario.stores().filter_map(|store| {
            let folder = self.folders.get(&store.from.as_ref()?.value)?;
            Some((store.identity.as_ref()?, identity::of(folder).ok()?))
        })
    }

    /// The case's tags.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.scenario.tags.iter().map(|tag| tag.value.as_str())
    }

    /// The requirements that the expectations of its steps stand for.
    pub fn requirements(&self) -> impl Iterator<Item = &str> {
        self.steps().filter_map(|step| step.requires.as_ref()).map(|id| id.value.as_str())
    }

    /// The line of a position in the case's file, counted from 1.
    pub fn line(&self, span: Span) -> usize {
        self.source.line(span)
    }
}
