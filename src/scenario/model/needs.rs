//! Determines which features of a gateway a case needs, from its steps and its store.

use crate::scenario::model::connect::Via;
use crate::scenario::model::document::{Need, Scenario};
use crate::scenario::model::step::{Step, StepKind};
use crate::scenario::model::store::Store;
use std::collections::BTreeSet;

/// All features that the scenario needs: those that it lists, and those that follow from its steps and its store.
pub(crate) fn of(scenario: &Scenario) -> BTreeSet<Need> {
    let mut needs: BTreeSet<_> = scenario.needs.iter().copied().collect();
    if scenario.store != Store::default() || scenario.other_store.is_some() || scenario.written_by.is_some() {
        needs.insert(Need::WritableStore);
    }
    for step in scenario.all_steps() {
        add(step, &mut needs);
    }
    needs
}

fn add(step: &Step, needs: &mut BTreeSet<Need>) {
    match &step.kind {
        StepKind::Connect(connect) if connect.via == Via::OtherHost => needs.extend([Need::OtherHost]),
        StepKind::Open(open) if open.via == Via::OtherHost => needs.extend([Need::OtherHost]),
        StepKind::Stop(_) | StepKind::Kill(_) | StepKind::Start(_) | StepKind::Restart(_) => {
            needs.extend([Need::Restart])
        }
        StepKind::Edit(_) => needs.extend([Need::WritableStore]),
        StepKind::Advance(_) => needs.extend([Need::Clock]),
        _ => {}
    }
}
