//! Whether connections create the store of a case, according to the rules of a release: the case is played twice on the
//! rules, once with the written store and once with the recipe. Only a case with equal answers is played, so a gateway that
//! behaves like the release conforms in both ways.

use super::observe::observe;
use super::sandbox::sandbox;
use crate::gateway::{Gateway, GatewaySpec, Preparation, RunDirectory};
use crate::run::outcome::Obstacle;
use crate::run::steps::context::{CaseContext, CaseError};
use crate::run::store_recipe::Recipe;
use crate::scenario::Case;
use openclaw_model::Release;
use untrusted_data::Redactions;

/// Plays the case on the embedded gateway, once with the written store and once with the recipe. Returns why the recipe
/// cannot replace the store, with what this has in common with other cases, or `None` if the answers are equal.
pub(crate) async fn recipe_difference(
    case: &Case,
    recipe: &Recipe,
    release: Release,
    run_directory: &RunDirectory,
) -> Option<(String, Option<Obstacle>)> {
    let not_created = |why: &str| {
        let reason = format!("{}, and on {release} {why}", Obstacle::UnwritableStore.words());
        Some((reason, Some(Obstacle::StoreNotCreated)))
    };
    match answers(case, None, release, run_directory).await {
        Err(error) => Some((format!("clawcheck cannot determine what the store of the case leads to: {error}"), None)),
        Ok(written) => match answers(case, Some(recipe), release, run_directory).await {
            Ok(created) if created == written => None,
            Ok(_) => not_created("the records that connections create lead to other answers"),
            Err(_) => not_created("connections and approvals do not create it"),
        },
    }
}

/// The answers of the steps, without the store.
async fn answers(
    case: &Case,
    recipe: Option<&Recipe>,
    release: Release,
    run_directory: &RunDirectory,
) -> Result<String, CaseError> {
    let rules = GatewaySpec::Embedded(Some(release));
    let rules = Gateway::prepare(&rules, &Preparation::default(), &|_| {}).await?;
    let release = crate::run::release::release_of(&rules);
    let mut context = CaseContext::new(case, &rules, sandbox(case, &rules, release, run_directory)?, release, None);
    context.recipe = recipe.cloned();
    let played = context.perform().await;
    let observed = played.map(|steps| observe(&context, steps, &rules, &Redactions::default()));
    context.end().await;
    let observation = observed?;
    let steps = observation.text().split_once("\n\n").map_or(observation.text(), |(steps, _)| steps);
    Ok(steps.trim_end().to_owned())
}
