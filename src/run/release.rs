//! The release that a gateway plays and is compared with.

use crate::gateway::{Gateway, GatewayKind, Profile};
use openclaw_model::{Facts, Release, releases};

/// The release that a gateway is compared with.
pub(crate) fn release_of(gateway: &Gateway) -> Release {
    release_of_profile(gateway.profile())
}

/// The release that the gateway of a profile is compared with. Default: the default release.
pub(crate) fn release_of_profile(profile: &Profile) -> Release {
    compared_release(profile, profile.claims.unwrap_or(releases::DEFAULT))
}

/// The release that a gateway plays if this release is requested. The embedded gateway has the rules of known releases
/// only. A release between two known ones plays as the earlier one in every respect, including which cases apply.
pub(crate) fn compared_release(profile: &Profile, release: Release) -> Release {
    match profile.kind {
        GatewayKind::Embedded => Facts::of(release).map_or(release, |rules| rules.described()),
        GatewayKind::Spawned | GatewayKind::Attached => release,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn release_between_known_ones_equals_earlier() {
        for (named, played) in [("2026.5.12", "2026.5.7"), ("2026.9.5", "2026.7.35"), ("2026.9.6", "2026.9.6")] {
            let named: Release = named.parse().unwrap();
            let spec = crate::gateway::GatewaySpec::Embedded(Some(named));
            let gateway = Gateway::prepare(&spec, &crate::gateway::Preparation::default(), &|_| {}).await.unwrap();
            assert_eq!(release_of(&gateway).to_string(), played);
        }
    }
}
