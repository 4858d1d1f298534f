//! Why a planned case is not played: it would write to a gateway at a URL, or connections do not create its store.

use super::leaves_no_trace::leaves_no_trace;
use super::recipe_check;
use crate::gateway::{Capability, Gateway, GatewayKind, GatewaySpec, Preparation, Profile, Workspace};
use crate::judge::Verdict;
use crate::run::plan::{self, NotPlayed};
use crate::run::shared::Shared;
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

/// The reason why a case must not be played. `None` if it can be played.
pub(super) async fn not_played(
    case: &Case,
    recipe: Option<&Recipe>,
    gateway: &Gateway,
    release: Release,
    shared: &Shared<'_>,
) -> Option<NotPlayed> {
    if gateway.profile().kind == GatewayKind::Attached
        && let Some(reason) = not_played_at_url(case, recipe, release, shared).await
    {
        return Some(NotPlayed { verdict: Verdict::Skipped, reason });
    }
    not_created(case, recipe?, gateway.profile(), release, &shared.workspace).await
}

/// The reason why connections do not replace the written store of a case, according to the rules of the release.
async fn not_created(
    case: &Case,
    recipe: &Recipe,
    profile: &Profile,
    release: Release,
    workspace: &Workspace,
) -> Option<NotPlayed> {
    let reason = recipe_check::recipe_difference(case, recipe, release, workspace).await?;
    Some(NotPlayed { verdict: plan::without(Capability::StoreWrite, profile), reason })
}

/// The verdict on a planned case that is not played because connections do not create its store, and the reason. It takes two starts of the
/// embedded gateway to find out.
pub(crate) async fn store_not_created(
    case: &Case,
    profile: &Profile,
    release: Release,
    workspace: &Workspace,
) -> Option<(Verdict, String)> {
    let not = not_created(case, &created_store(case, profile)?, profile, release, workspace).await?;
    Some((not.verdict, not.reason))
}

/// The reason why a case must not be played on a gateway at a URL.
async fn not_played_at_url(
    case: &Case,
    recipe: Option<&Recipe>,
    release: Release,
    shared: &Shared<'_>,
) -> Option<String> {
    if shared.options.token.is_none() && (recipe.is_some() || case.steps().any(knows_the_secret)) {
        return Some("the case sends the gateway's shared token; set CLAWCHECK_TOKEN".to_owned());
    }
    if shared.options.allow_writes {
        return None;
    }
    if recipe.is_some() {
        return Some(WRITES.to_owned());
    }
    let predicted = async {
        let rules = GatewaySpec::Embedded(Some(release));
        let rules = Gateway::prepare(&rules, &Preparation::default(), &|_| {}).await?;
        let release = crate::run::release::release_of(&rules);
        leaves_no_trace(case, &rules, &shared.workspace, release).await
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
