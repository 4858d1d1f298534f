//! Why a planned case is not played: it would write to a gateway at a URL, or connections do not create its store.

use super::read_only::is_read_only;
use super::recipe_check;
use crate::gateway::{Capability, Gateway, GatewayKind, GatewaySpec, Preparation, Profile, RunDirectory};
use crate::judge::Verdict;
use crate::run::plan::{self, NotPlayed};
use crate::run::store_recipe::{Recipe, recipe};
use crate::scenario::connect::SharedSecret;
use crate::scenario::{Case, Step, StepKind};
use openclaw_model::Release;

/// The reason for not playing a case on a gateway at a URL.
const WRITES: &str = "the case writes to a gateway that clawcheck did not start; --allow-writes allows this";

/// The connections that create the store of a case. `None` if clawcheck writes the store, or if there is none.
pub(super) fn created_store(case: &Case, profile: &Profile) -> Option<Recipe> {
    let writes = profile.can(Capability::StoreWrite);
    recipe(case).ok().filter(|recipe| !writes && !recipe.is_empty())
}

/// What a run may do to a gateway at a URL, and where the rules are played to find out what a case does.
pub(crate) struct AttachedAccess<'a> {
    /// Whether the run has the shared token of the gateway.
    pub(crate) has_token: bool,
    /// Whether the run may write to the gateway.
    pub(crate) allow_writes: bool,
    pub(crate) run_directory: &'a RunDirectory,
}

/// The reason why a planned case must not be played. `None` if it can be played. It can take some starts of the embedded
/// gateway to find out.
pub(crate) async fn why_not_playable(
    case: &Case,
    profile: &Profile,
    release: Release,
    access: &AttachedAccess<'_>,
) -> Option<NotPlayed> {
    let recipe = created_store(case, profile);
    if profile.kind == GatewayKind::Attached
        && let Some(reason) = not_played_at_url(case, recipe.as_ref(), release, access).await
    {
        return Some(NotPlayed::new(Verdict::Skipped, reason));
    }
    let difference = recipe_check::recipe_difference(case, &recipe?, release, access.run_directory).await?;
    let (reason, obstacle) = difference;
    Some(NotPlayed::new(plan::without(Capability::StoreWrite, profile), reason).with(obstacle))
}

/// The reason why a case must not be played on a gateway at a URL.
async fn not_played_at_url(
    case: &Case,
    recipe: Option<&Recipe>,
    release: Release,
    access: &AttachedAccess<'_>,
) -> Option<String> {
    if !access.has_token && (recipe.is_some() || case.steps().any(knows_the_secret)) {
        return Some("the case sends the gateway's shared token; set CLAWCHECK_TOKEN".to_owned());
    }
    if access.allow_writes {
        return None;
    }
    if recipe.is_some() {
        return Some(WRITES.to_owned());
    }
    let predicted = async {
        let rules = GatewaySpec::Embedded(Some(release));
        let rules = Gateway::prepare(&rules, &Preparation::default(), &|_| {}).await?;
        let release = crate::run::release::release_of(&rules);
        is_read_only(case, &rules, access.run_directory, release).await
    };
    match predicted.await {
        Ok(true) => None,
        Ok(false) => Some(WRITES.to_owned()),
        Err(error) => Some(format!("clawcheck cannot determine what the case writes to the gateway: {error}")),
    }
}

/// Whether a step uses the shared secret of the gateway.
fn knows_the_secret(step: &Step) -> bool {
    let StepKind::Connect(connect) = &step.kind else { return false };
    let right = |secret: &Option<SharedSecret>| matches!(secret, Some(SharedSecret::Right | SharedSecret::Secret(_)));
    connect.auth.as_ref().is_none_or(|auth| right(&auth.token) || right(&auth.password))
}
