//! Determines which of the selected cases can be played on a gateway, and why the others cannot.

use super::needs;
use crate::gateway::{Capability, GatewayKind, Profile, SettingValues};
use crate::judge::Verdict;
use crate::run::bindings::identities::Identities;
use crate::run::outcome::Obstacle;
use crate::run::state_dir::openclaw_json::{self, Configuration, configuration};
use crate::run::store_recipe::recipe;
use crate::scenario::gateway::GatewaySettings;
use crate::scenario::{Case, Need, StepKind};
use openclaw_model::Release;
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Why a case is not played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotPlayed {
    /// Either not applicable or skipped.
    pub(crate) verdict: Verdict,
    /// The reason, as a sentence.
    pub(crate) reason: String,
    /// What the reason has in common with those of other cases.
    pub(crate) obstacle: Option<Obstacle>,
}

impl NotPlayed {
    pub(crate) fn new(verdict: Verdict, reason: String) -> Self {
        Self { verdict, reason, obstacle: None }
    }

    /// With what the reason has in common with those of other cases.
    pub(crate) fn with(self, obstacle: Option<Obstacle>) -> Self {
        Self { obstacle, ..self }
    }
}

/// The reason why a case is not played on a gateway that is compared with `release`. `None` if it is played.
/// `expected` is the approved snapshot of that release, which shows what the case needs. `permissions_bind` states whether
/// file permissions restrict the processes of this run ([`permissions_bind`]).
pub(crate) fn not_played(
    case: &Case,
    expected: Option<&str>,
    profile: &Profile,
    release: Release,
    permissions_bind: bool,
) -> Option<NotPlayed> {
    if let Some(releases) = case.releases().filter(|releases| !releases.contains(release)) {
        let reason = format!("the case applies only to the releases {releases}");
        return Some(NotPlayed::new(Verdict::NotApplicable, reason).with(Some(Obstacle::OtherReleases)));
    }
    let recipe = (!profile.can(Capability::StoreWrite)).then(|| recipe(case));
    let mut needs = needs::of(case, expected, matches!(recipe, Some(Ok(_))));
    let inexpressible = inexpressible_settings(case, profile);
    if inexpressible.is_empty() {
        needs.remove(&Capability::Config);
    }
    if let Some(reason) = lacked_of(&needs, profile) {
        return Some(NotPlayed::new(Verdict::NotApplicable, reason));
    }
    if let Some(missing) = needs.iter().find(|need| !profile.can(**need)) {
        let what = recipe.and_then(Result::err).filter(|_| *missing == Capability::StoreWrite);
        let (reason, obstacle) = match what {
            Some(what) => (not_created(what), Some(Obstacle::StoreNotCreated)),
            None if *missing == Capability::Config && profile.kind == GatewayKind::Spawned => {
                (not_mapped(&inexpressible), None)
            }
            None => (unavailable_reason(*missing), obstacle(*missing)),
        };
        return Some(NotPlayed::new(without(*missing, profile), reason).with(obstacle));
    }
    let edits = || case.steps().any(|step| matches!(step.kind, StepKind::Edit(_)));
    if !profile.can(Capability::StoreRead) && profile.can(Capability::StoreWrite) && edits() {
        let reason = "an `edit` step adds records to the current store, which clawcheck cannot read".to_owned();
        return Some(NotPlayed::new(without(Capability::StoreRead, profile), reason));
    }
    // The user who runs clawcheck is not a defect of the run: `--deny skipped` must not fail in a container because its
    // user is root.
    if case.needs().contains(&Need::Unprivileged) && profile.kind != GatewayKind::Attached && !permissions_bind {
        let reason = "file permissions do not restrict this user; run clawcheck as a user other than root".to_owned();
        return Some(NotPlayed::new(Verdict::NotApplicable, reason));
    }
    None
}

/// The reason why a case is not applicable to a gateway whose description says that it lacks a feature. `expected` is an
/// observation that the gateway would be compared with: the case also needs the features that it shows. `None` if the
/// gateway lacks nothing that the case needs.
pub(crate) fn lacked(case: &Case, expected: &str, profile: &Profile) -> Option<String> {
    if profile.lacks.is_empty() {
        return None;
    }
    let is_created = !profile.can(Capability::StoreWrite) && recipe(case).is_ok();
    lacked_of(&needs::of(case, Some(expected), is_created), profile)
}

fn lacked_of(needs: &BTreeSet<Capability>, profile: &Profile) -> Option<String> {
    let lacked = needs.iter().find(|need| profile.lacks.contains(need))?;
    Some(format!("the description of the gateway lists `{lacked}` under `lacks`"))
}

/// The settings of a case that a gateway without `openclaw.json` does not get: those that differ from a gateway with a
/// shared token on loopback, and for which its description has no flags. Not empty if the case needs the configuration
/// of a gateway that has none.
fn inexpressible_settings(case: &Case, profile: &Profile) -> Vec<String> {
    if profile.can(Capability::Config) || openclaw_json::is_plain(&case.scenario.gateway) {
        return Vec::new();
    }
    // Only equality of the secrets matters here.
    let identities = Identities::new(&case.id);
    let values = |settings| {
        let Configuration { openclaw_json, environment } = configuration(settings, &identities);
        SettingValues::of(&openclaw_json, &environment)
    };
    profile.flags.inexpressible(&values(&case.scenario.gateway), &values(&GatewaySettings::default()))
}

/// The reason to report if the gateway does not get these settings.
fn not_mapped(settings: &[String]) -> String {
    format!("the description of the gateway has no `flags` for {}", settings.join(", "))
}

/// The verdict on a case that needs a feature which clawcheck cannot use. A description that names no store or no
/// configuration declares that there is none of OpenClaw's form. Those of a gateway at a URL are only out of reach.
pub(crate) fn without(missing: Capability, profile: &Profile) -> Verdict {
    match missing {
        Capability::StoreRead | Capability::StoreWrite | Capability::StoreFiles | Capability::Config
            if profile.kind == GatewayKind::Spawned =>
        {
            Verdict::NotApplicable
        }
        _ => Verdict::Skipped,
    }
}

/// The reason to report if the store can neither be written nor created by connections.
fn not_created(what: &str) -> String {
    format!("{}, and no connection creates {what}", Obstacle::UnwritableStore.words())
}

/// Whether file permissions restrict this process, tested on a directory below `parent`. The user id is not sufficient,
/// because a container can remove the capability from root, and another user can have it.
///
/// # Errors
/// Returns an error if the directory cannot be created.
pub(crate) fn permissions_bind(parent: &Path) -> io::Result<bool> {
    let locked =
        tempfile::Builder::new().prefix("locked-").permissions(Permissions::from_mode(0o500)).tempdir_in(parent)?;
    Ok(fs::create_dir(locked.path().join("inside")).is_err())
}

/// What all cases that need this feature of the gateway have in common.
fn obstacle(missing: Capability) -> Option<Obstacle> {
    match missing {
        Capability::StoreRead => Some(Obstacle::UnreadableStore),
        Capability::StoreWrite => Some(Obstacle::UnwritableStore),
        _ => None,
    }
}

/// The reason to report if clawcheck cannot use a feature of the gateway.
fn unavailable_reason(capability: Capability) -> String {
    let reason = match capability {
        Capability::StoreRead => Obstacle::UnreadableStore.words(),
        Capability::StoreWrite => Obstacle::UnwritableStore.words(),
        Capability::StoreFiles => {
            "the case writes files of OpenClaw's store, and the gateway's store has another form; its `store` commands \
             convert only records"
        }
        Capability::Config => "clawcheck cannot change the gateway's configuration",
        Capability::Environment => "clawcheck cannot change the gateway's environment",
        Capability::Restart => "clawcheck cannot stop and start the gateway",
        Capability::OtherRelease => {
            "the case starts another release on the same store, which needs --gateway openclaw@RELEASE or embedded@RELEASE"
        }
        Capability::Clock => "clawcheck cannot move the gateway's clock",
        Capability::PeerAddress => {
            "a connection from another host needs a network namespace, which clawcheck does not create"
        }
        other => return format!("the gateway has no {other}"),
    };
    reason.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Corpus, Filter};
    use rstest::rstest;

    fn profile(kind: GatewayKind, cannot: &[Capability], lacks: &[Capability]) -> Profile {
        let lacks = lacks.iter().copied().collect::<BTreeSet<_>>();
        let can = Capability::ALL.iter().copied().filter(|can| !cannot.contains(can) && !lacks.contains(can)).collect();
        Profile { can, lacks, ..Profile::new(kind, "a gateway".to_owned(), "a gateway".to_owned()) }
    }

    fn planned(scenario: &str, profile: &Profile) -> Option<NotPlayed> {
        planned_where(scenario, profile, true)
    }

    fn planned_where(scenario: &str, profile: &Profile, permissions_bind: bool) -> Option<NotPlayed> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("case.yaml");
        std::fs::write(&file, format!("scenario: A case\n{scenario}")).unwrap();
        let corpus = Corpus::load(&[file]).unwrap();
        not_played(corpus.select(&[] as &[Filter])[0], None, profile, Release::new(2026, 4, 2), permissions_bind)
    }

    const CONNECT: &str = "steps:\n  - connect: { device: laptop }\n    as: one\n";

    #[rstest]
    #[case::environment("gateway: { handshake-timeout: 1s }\n", "", Capability::Environment)]
    #[case::restart("", "  - restart: {}\n", Capability::Restart)]
    #[case::clock("", "  - advance: 1s\n", Capability::Clock)]
    #[case::pairing("", "  - list: { by: one }\n", Capability::Pairing)]
    #[case::kept("store: { paired: { laptop: {} } }\n", "", Capability::Store)]
    #[case::decisions("", "  - approve: { device: laptop, by: one }\n", Capability::Approvals)]
    #[case::tokens("", "  - rotate: { device: laptop, role: operator, by: one }\n", Capability::Tokens)]
    #[case::seeded_token("store: { paired: { laptop: { tokens: {} } } }\n", "", Capability::Tokens)]
    #[case::sent_token("", "  - connect: { device: laptop, auth: { device-token: wrong } }\n", Capability::Tokens)]
    #[case::bootstrap(
        "",
        "  - connect: { device: laptop, auth: { bootstrap-token: wrong } }\n",
        Capability::BootstrapTokens
    )]
    #[case::proof("", "  - connect: { device: laptop, proof: { signature: damaged } }\n", Capability::Proofs)]
    #[case::nonce("", "  - connect: { device: laptop, proof: { nonce: wrong } }\n", Capability::Challenge)]
    #[case::challenge("", "  - open: {}\n    as: two\n    expect: open\n", Capability::Challenge)]
    #[case::node("", "  - connect: { device: laptop, role: node }\n", Capability::Nodes)]
    #[case::node_event("", "  - await: { event: { on: one, name: node.pair.requested } }\n", Capability::Nodes)]
    #[case::control_ui(
        "",
        "  - connect: { device: laptop, client: { id: openclaw-control-ui } }\n",
        Capability::ControlUi
    )]
    #[case::origin("", "  - connect: { device: laptop, origin: 'http://a.example' }\n", Capability::Origins)]
    #[case::proxy("", "  - connect: { device: laptop, via: caddy }\n", Capability::Proxies)]
    #[case::proxy_header("", "  - connect: { device: laptop, headers: { X-Real-IP: 1.2.3.4 } }\n", Capability::Proxies)]
    #[case::lockout("gateway: { rate-limit: { max-attempts: 3 } }\n", "", Capability::RateLimit)]
    #[case::approvals("", "  - call: { on: one, method: exec.approval.list }\n", Capability::ExecApprovals)]
    #[case::other_host("", "  - connect: { device: laptop, via: other-host }\n", Capability::PeerAddress)]
    fn skipped_or_not_applicable(#[case] before: &str, #[case] step: &str, #[case] needed: Capability) {
        let scenario = format!("{before}{CONNECT}{step}");
        let verdict = |profile: &Profile| planned(&scenario, profile).map(|not| not.verdict);
        assert_eq!(verdict(&profile(GatewayKind::Embedded, &[], &[])), None);
        assert_eq!(verdict(&profile(GatewayKind::Spawned, &[needed], &[])), Some(Verdict::Skipped));
        assert_eq!(verdict(&profile(GatewayKind::Spawned, &[], &[needed])), Some(Verdict::NotApplicable));
    }

    #[rstest]
    #[case::unmapped(
        "gateway: { trusted-proxies: [], real-ip-fallback: true }\n",
        Some("allowRealIpFallback, gateway.trustedProxies")
    )]
    #[case::same_as_plain("gateway: { bind: loopback }\n", None)]
    #[case::another_secret("gateway: { auth: { token: other } }\n", Some("gateway.auth.token"))]
    fn names_settings_without_flags(#[case] settings: &str, #[case] named: Option<&str>) {
        let not = planned(&format!("{settings}{CONNECT}"), &profile(GatewayKind::Spawned, &[Capability::Config], &[]));
        assert_eq!(not.as_ref().map(|not| not.verdict), named.map(|_| Verdict::NotApplicable));
        assert!(not.is_none_or(|not| not.reason.ends_with(named.unwrap_or_default())));
        let scenario = format!("{settings}{CONNECT}");
        let skipped =
            planned(&scenario, &profile(GatewayKind::Attached, &[Capability::Config], &[])).map(|not| not.verdict);
        assert_eq!(
            skipped,
            named.map(|_| Verdict::Skipped),
            "the settings of a gateway at a URL are only out of reach"
        );
    }

    #[test]
    fn unwritable_store_needs_recipe() {
        let missing = [Capability::StoreWrite];
        let plain = format!("store: {{ paired: {{ laptop: {{}} }} }}\n{CONNECT}");
        assert_eq!(planned(&plain, &profile(GatewayKind::Spawned, &missing, &missing)), None);
        let old = format!("store: {{ paired: {{ laptop: {{ age: 2d }} }} }}\n{CONNECT}");
        let reason = "clawcheck cannot write the gateway's store, and no connection creates a record of another time";
        for (kind, expected) in
            [(GatewayKind::Spawned, Verdict::NotApplicable), (GatewayKind::Attached, Verdict::Skipped)]
        {
            let not = planned(&old, &profile(kind, &missing, &[])).unwrap();
            let obstacle = Some(Obstacle::StoreNotCreated);
            assert_eq!((not.verdict, not.reason.as_str(), not.obstacle), (expected, reason, obstacle));
        }
    }

    #[test]
    fn release_out_of_range_is_not_applicable() {
        let scenario = format!("releases: '>=2026.4.5'\n{CONNECT}");
        let not = planned(&scenario, &profile(GatewayKind::Embedded, &[], &[])).unwrap();
        assert_eq!(
            (not.verdict, not.reason.as_str(), not.obstacle),
            (Verdict::NotApplicable, "the case applies only to the releases >=2026.4.5", Some(Obstacle::OtherReleases))
        );
    }

    #[test]
    fn needs_effective_permissions() {
        let scenario = format!("needs: [unprivileged]\n{CONNECT}");
        let verdict = |kind, bind| planned_where(&scenario, &profile(kind, &[], &[]), bind).map(|not| not.verdict);
        assert_eq!(verdict(GatewayKind::Embedded, false), Some(Verdict::NotApplicable));
        assert_eq!(verdict(GatewayKind::Spawned, false), Some(Verdict::NotApplicable));
        assert_eq!(verdict(GatewayKind::Spawned, true), None);
        // A gateway at a URL runs as its own user.
        assert_eq!(verdict(GatewayKind::Attached, false), None);
    }

    #[test]
    fn permissions_affect_user() {
        let parent = tempfile::tempdir().unwrap();
        let bind = permissions_bind(parent.path()).unwrap();
        let locked = parent.path().join("locked");
        fs::create_dir(&locked).unwrap();
        fs::set_permissions(&locked, Permissions::from_mode(0o500)).unwrap();
        assert_eq!(bind, fs::write(locked.join("file"), "").is_err());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "the trial is cleared away");
    }
}
