//! The observation of a case that was played.

use super::report::redactions;
use super::sandbox::sandbox;
use crate::gateway::{Capability, Gateway, GatewayKind, GatewaySpec, IgnoredField, Preparation};
use crate::observe::{Evidence, Observation, StepEvidence, normalise_redacted};
use crate::run::run_state::RunState;
use crate::run::steps::actions::create_store::OPERATOR;
use crate::run::steps::approval_ids;
use crate::run::steps::context::CaseContext;
use crate::run::tenant_view;
use crate::scenario::Case;
use openclaw_model::Release;
use untrusted_data::Redactions;

/// The normalized observation of a case, without the messages to other devices of a gateway at a URL and without the
/// fields that the description of the gateway names.
pub(crate) fn observe(
    context: &CaseContext<'_>,
    mut steps: Vec<StepEvidence>,
    gateway: &Gateway,
    secrets: &Redactions,
) -> Observation {
    let devices = context.bindings.identities.device_names();
    let is_operator = |id: &str| devices.iter().any(|(own, name)| own == id && name == OPERATOR);
    if gateway.profile().kind == GatewayKind::Attached {
        let is_own = |id: &str| devices.iter().any(|(own, _)| own == id);
        tenant_view::retain_received(&mut steps, &|id: &str| is_own(id) && !is_operator(id));
        approval_ids::remove(&mut steps, &context.approval_prefix());
    } else if context.recipe.is_some() {
        tenant_view::retain_received(&mut steps, &|id: &str| !is_operator(id));
    }
    ignore(&mut steps, &gateway.profile().ignore);
    // Records that connections created differ from written ones in fields that no answer shows.
    let reachable = gateway.profile().can(Capability::StoreRead) && context.recipe.is_none();
    let mut redactions = redactions(context);
    redactions.extend(secrets);
    let evidence = Evidence {
        known: context.known(),
        started_at: context.started_at(),
        steps_began: context.steps_began().to_vec(),
        steps,
        before: context.before().clone(),
        after: reachable.then(|| context.files()),
    };
    normalise_redacted(&evidence, &|text| redactions.apply_known(text))
}

/// Removes the fields that the description of the gateway names.
fn ignore(steps: &mut [StepEvidence], fields: &[IgnoredField]) {
    for step in steps.iter_mut().filter(|_| !fields.is_empty()) {
        for received in &mut step.received {
            if let Some(frame) = received.message.json_mut() {
                fields.iter().for_each(|field| field.remove_from(frame));
            }
        }
        ignore(&mut step.parallel, fields);
    }
}

/// The observation of a case that the rules of a release predict, from a run on the embedded gateway. `None` if the
/// rules cannot predict it.
pub(crate) async fn predicted(case: &Case, release: Release, shared: &RunState<'_>) -> Option<String> {
    let rules = GatewaySpec::Embedded(Some(release));
    let rules = Gateway::prepare(&rules, &Preparation::default(), &|_| {}).await.ok()?;
    let release = crate::run::release::release_of(&rules);
    let mut context =
        CaseContext::new(case, &rules, sandbox(case, &rules, release, &shared.run_directory).ok()?, release, None);
    let steps = context.perform().await.ok()?;
    let observation = observe(&context, steps, &rules, &shared.options.secrets);
    context.end().await;
    Some(observation.text().to_owned())
}
