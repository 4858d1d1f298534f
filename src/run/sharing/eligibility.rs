//! Determines which cases can share a gateway, and forms the groups.
//!
//! A case shares a gateway if sharing does not change what it observes: the gateway has the same configuration and
//! environment as for the other cases, and neither the store nor the steps of the case affect other cases. The cases of
//! a group are played one after another, so no other case is connected while one is played. What remains between them
//! is the store (each case sees its own records), the number of failed credentials, and what a gateway keeps in memory
//! for a while. Different display names are not necessary for this reason: releases that remove records of similar
//! clients keep those approved within the last minute, and the records of an earlier case were read before.

use crate::run::bindings::identities::Identities;
use crate::run::state_dir::openclaw_json::{Configuration, configuration};
use crate::scenario::connect::{Connect, SharedSecret, Via};
use crate::scenario::gateway::RateLimit;
use crate::scenario::step::{Await, Frame};
use crate::scenario::store::{PairedField, PairedRecord, Store, TokenRecord, Tokens};
use crate::scenario::{Case, Step, StepKind};
use indexmap::IndexMap;
use serde_json::Value;
use std::cmp::Reverse;

/// The name that the secrets of a shared gateway are derived from. All groups use the same name, so a case has the same
/// secrets in every run.
pub(crate) const GROUP_SECRETS: &str = "a shared gateway";

/// The number of failed credentials after which a gateway locks out an address by default (`auth-rate-limit.ts` in
/// 2026.4.2).
const LOCKED_OUT_AT: u32 = 10;

/// Prefixes of methods that affect only the devices that they name. They include decisions about approvals that nobody
/// requested.
const HARMLESS_METHODS: [&str; 9] = [
    "connect",
    "device.pair.",
    "device.token.",
    "node.pair.",
    "node.list",
    "node.describe",
    "health",
    "exec.approval.resolve",
    "exec.approval.waitDecision",
];

/// Groups cases that can share a gateway, in the order of play. A case that cannot share is a group of one. The largest
/// groups come first because they take longest.
pub(crate) fn together<'a>(cases: &[&'a Case]) -> Vec<Vec<&'a Case>> {
    let mut by_settings: IndexMap<String, Vec<CaseGroup<'a>>> = IndexMap::new();
    let mut alone = Vec::new();
    for case in cases {
        let (failures, most) = (Failures::of(case), most_failures(case));
        if why_alone(case).is_some() || !Failures::default().leaves_room_for(failures, most) {
            alone.push(vec![*case]);
            continue;
        }
        let groups = by_settings.entry(gateway_of(case)).or_default();
        match groups.iter_mut().find(|group| group.failures.leaves_room_for(failures, most)) {
            Some(group) => group.add(case, failures),
            None => groups.push(CaseGroup { cases: vec![case], failures }),
        }
    }
    let mut groups = by_settings.into_values().flatten().map(|group| group.cases).collect::<Vec<_>>();
    groups.sort_by_key(|group| Reverse(group.len()));
    groups.extend(alone);
    groups
}

struct CaseGroup<'a> {
    cases: Vec<&'a Case>,
    failures: Failures,
}

impl<'a> CaseGroup<'a> {
    fn add(&mut self, case: &'a Case, failures: Failures) {
        self.cases.push(case);
        self.failures.browser += failures.browser;
        self.failures.proxied += failures.proxied;
    }
}

/// The configuration and environment of a case, with the names of its secrets.
fn gateway_of(case: &Case) -> String {
    let Configuration { openclaw_json, environment } =
        configuration(&case.scenario.gateway, &Identities::in_group(&case.id, GROUP_SECRETS));
    format!("{openclaw_json} {environment:?}")
}

/// Maximum number of failed credentials of a case on a gateway that counts failures. The gateway counts all browsers
/// together and does not count plain loopback.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    browser: u32,
    proxied: u32,
}

impl Failures {
    fn of(case: &Case) -> Self {
        let mut failures = Self::default();
        for step in case.steps() {
            let StepKind::Connect(connect) = &step.kind else { continue };
            if !may_fail(connect) {
                continue;
            }
            if connect.origin.is_some() || connect.headers.keys().any(|name| name.eq_ignore_ascii_case("origin")) {
                failures.browser += step.repeat;
            } else if connect.via != Via::Direct || !connect.headers.is_empty() {
                failures.proxied += step.repeat;
            }
        }
        failures
    }

    fn leaves_room_for(self, more: Self, most: u32) -> bool {
        let fits = |have: u32, more: u32| more == 0 || have + more <= most;
        fits(self.browser, more.browser) && fits(self.proxied, more.proxied)
    }
}

/// The largest number of failed credentials of one group that the gateway counts for one address.
fn most_failures(case: &Case) -> u32 {
    let limit = case.scenario.gateway.rate_limit.as_ref().and_then(|limit| limit.max_attempts);
    limit.unwrap_or(LOCKED_OUT_AT).saturating_sub(1)
}

/// Whether a gateway can find the credentials of a connect wrong.
fn may_fail(connect: &Connect) -> bool {
    let Some(auth) = &connect.auth else { return false };
    let right = |secret: &Option<SharedSecret>| matches!(secret, None | Some(SharedSecret::Right));
    !right(&auth.token) || !right(&auth.password) || auth.device_token.is_some() || auth.bootstrap_token.is_some()
}

/// The reason why a case needs its own gateway. `None` if it can share one.
pub(crate) fn why_alone(case: &Case) -> Option<&'static str> {
    let scenario = &case.scenario;
    if scenario.written_by.is_some() || scenario.other_store.is_some() {
        return Some("it uses a second gateway or a second store");
    }
    // A limit on plain loopback applies to all cases together. Other limits are counted.
    let limits_everybody = |limit: &RateLimit| limit.exempt_loopback == Some(false);
    if scenario.gateway.rate_limit.as_ref().is_some_and(limits_everybody)
        || scenario.gateway.handshake_timeout.is_some()
    {
        return Some("it tests a limit of the gateway");
    }
    why_store(&scenario.store).or_else(|| case.steps().find_map(why_step))
}

/// One invalid record can break every list, pending requests expire after five minutes for all cases, and the contents
/// of raw files cannot be assigned to a case.
fn why_store(store: &Store) -> Option<&'static str> {
    if store.from.is_some() || !store.files.is_empty() {
        return Some("its store has files of its own");
    }
    if store.kept_as.is_some() {
        return Some("it tests the format of the store");
    }
    if !store.pending.is_empty() || !store.nodes.pending.is_empty() {
        return Some("its store has pending requests, which expire after five minutes");
    }
    let odd = !store.copied_pending.is_empty()
        || !store.nodes.paired.is_empty()
        || store.paired.values().any(affects_other_cases)
        || store.bootstrap.values().any(|token| token.age.is_some() || !token.set.is_empty());
    odd.then_some("its store has an unusual record")
}

/// Whether a record can break what other cases observe. Lists are sorted by times and ids and read every token. Other
/// fields can be absent because only calls for the device itself read them.
fn affects_other_cases(record: &PairedRecord) -> bool {
    use PairedField::{ApprovedAt, CreatedAt, DeviceId, PublicKey};
    let odd_token = |token: &Option<TokenRecord>| {
        token.as_ref().is_none_or(|token| token.role.is_some() || !token.without.is_empty() || !token.set.is_empty())
    };
    let odd_tokens = matches!(&record.tokens, Tokens::Map(tokens) if tokens.values().any(odd_token));
    let lacks = |field: &PairedField| matches!(field, DeviceId | PublicKey | CreatedAt | ApprovedAt);
    odd_tokens || record.without.iter().any(lacks) || !record.set.is_empty()
}

fn why_step(step: &Step) -> Option<&'static str> {
    match &step.kind {
        StepKind::Stop(_) | StepKind::Kill(_) | StepKind::Start(_) | StepKind::Restart(_) => {
            Some("it stops or starts the gateway")
        }
        StepKind::Edit(_) => Some("it edits the store while the gateway runs"),
        StepKind::Advance(_) | StepKind::Await(Await::HandshakeTimeout(_)) => Some("it waits for time to pass"),
        StepKind::Parallel(_) => Some("its steps run in parallel"),
        StepKind::Connect(connect) if connect.via == Via::OtherHost => Some("it comes from another host"),
        StepKind::Open(open) if open.via == Via::OtherHost => Some("it comes from another host"),
        StepKind::Call(call) => why_method(&call.method),
        StepKind::Send(send) => match &send.frame {
            Frame::Json(frame) => frame.get("method").and_then(Value::as_str).and_then(why_method),
            Frame::Text(_) | Frame::Base64(_) | Frame::Filler(_) => None,
        },
        _ => None,
    }
}

fn why_method(method: &str) -> Option<&'static str> {
    let harmless = HARMLESS_METHODS.iter().any(|harmless| method.starts_with(harmless));
    (!harmless).then_some("it calls a method that can affect other clients")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Corpus, Filter};
    use rstest::rstest;

    fn corpus(scenarios: &[&str]) -> Corpus {
        let folder = tempfile::tempdir().unwrap();
        for (number, scenario) in scenarios.iter().enumerate() {
            let file = folder.path().join(format!("case-{number}.yaml"));
            std::fs::write(file, format!("scenario: A case\n{scenario}")).unwrap();
        }
        Corpus::trusting(&[folder.path().to_owned()]).unwrap()
    }

    /// The groups, by the index of each scenario.
    fn groups(scenarios: &[&str]) -> Vec<Vec<usize>> {
        let corpus = corpus(scenarios);
        let number = |case: &&Case| case.id.rsplit('-').next().unwrap().parse().unwrap();
        let groups = together(&corpus.select(&[] as &[Filter]));
        groups.iter().map(|group| group.iter().map(number).collect()).collect()
    }

    const CONNECT: &str = "steps:\n  - connect: { device: laptop }\n    as: one\n";

    fn alone(before: &str, step: &str) -> Option<&'static str> {
        let corpus = corpus(&[&format!("{before}{CONNECT}{step}")]);
        why_alone(corpus.select(&[] as &[Filter])[0])
    }

    #[rstest]
    #[case::plain("", "")]
    #[case::paired("store: { paired: { laptop: { scopes: [operator.read], age: 1h } } }\n", "")]
    #[case::empty_tokens("store: { paired: { laptop: { tokens: {} } } }\n", "")]
    #[case::null_tokens("store: { paired: { laptop: { tokens: null } } }\n", "")]
    #[case::without("store: { paired: { laptop: { without: [tokens, roles, approved-scopes, client-id] } } }\n", "")]
    #[case::foreign_key("store: { paired: { laptop: { key: phone } } }\n", "")]
    #[case::rate_limit("gateway: { rate-limit: { max-attempts: 3 } }\n", "")]
    #[case::revoked_token(
        "store: { paired: { laptop: { tokens: { operator: { revoked: true, used: true } } } } }\n",
        ""
    )]
    #[case::bootstrap("store: { bootstrap: { code: {} } }\n", "")]
    #[case::settings("gateway: { trusted-proxies: [127.0.0.1] }\n", "")]
    #[case::list("", "  - list: { by: one }\n")]
    #[case::pairing("", "  - call: { on: one, method: device.pair.approve, params: { requestId: x } }\n")]
    #[case::odd_frame("", "  - send: { on: one, frame: { json: { type: req, id: '1', method: health } } }\n")]
    fn shareable_cases(#[case] before: &str, #[case] step: &str) {
        assert_eq!(alone(before, step), None);
    }

    #[rstest]
    #[case::restart("", "  - restart: {}\n", "stops or starts")]
    #[case::kill("", "  - kill: {}\n", "stops or starts")]
    #[case::edit("", "  - edit: { paired: { phone: {} } }\n", "edits the store")]
    #[case::advance("", "  - advance: 1s\n", "time")]
    #[case::handshake_timeout("", "  - await: { handshake-timeout: one }\n", "time")]
    #[case::parallel("", "  - parallel:\n    - connect: { device: phone }\n", "in parallel")]
    #[case::other_host("", "  - connect: { device: phone, via: other-host }\n", "another host")]
    #[case::approval("", "  - call: { on: one, method: exec.approval.request }\n", "affect other clients")]
    #[case::presence("", "  - call: { on: one, method: system-presence }\n", "affect other clients")]
    #[case::settings("", "  - send: { on: one, frame: { json: { method: config.set } } }\n", "affect other clients")]
    #[case::pending("store: { pending: { phone: {} } }\n", "", "five minutes")]
    #[case::copied_pending("store: { copied-pending: { phone: {} } }\n", "", "unusual record")]
    #[case::null_token("store: { paired: { laptop: { tokens: { node: null } } } }\n", "", "unusual record")]
    #[case::without_time("store: { paired: { laptop: { without: [created-at] } } }\n", "", "unusual record")]
    #[case::without_id("store: { paired: { laptop: { without: [device-id] } } }\n", "", "unusual record")]
    #[case::token_without(
        "store: { paired: { laptop: { tokens: { node: { without: [role] } } } } }\n",
        "",
        "unusual record"
    )]
    #[case::set("store: { paired: { laptop: { set: { x: 1 } } } }\n", "", "unusual record")]
    #[case::nodes("store: { nodes: { paired: { laptop: { x: 1 } } } }\n", "", "unusual record")]
    #[case::files("store: { files: { devices/x: { text: x } } }\n", "", "files of its own")]
    #[case::other_store("other-store: { paired: { laptop: {} } }\n", "", "a second store")]
    #[case::limit_on_loopback("gateway: { rate-limit: { exempt-loopback: false } }\n", "", "a limit")]
    #[case::timeout("gateway: { handshake-timeout: 1s }\n", "", "a limit")]
    fn unshareable_cases(#[case] before: &str, #[case] step: &str, #[case] why: &str) {
        let found = alone(before, step).unwrap_or_default();
        assert!(found.contains(why), "{found}");
    }

    #[test]
    fn groups_by_settings() {
        let password = format!("gateway: {{ auth: {{ mode: password }} }}\n{CONNECT}");
        let environment = format!("gateway: {{ env: {{ A: b }} }}\n{CONNECT}");
        let restart = format!("{CONNECT}  - restart: {{}}\n");
        let found = groups(&[&restart, &password, CONNECT, &environment, &password, CONNECT, CONNECT]);
        assert_eq!(found, [vec![2, 5, 6], vec![1, 4], vec![3], vec![0]]);
    }

    #[rstest]
    #[case::from_loopback("", 30, vec![vec![0, 1]])]
    #[case::browsers(", origin: 'https://a.example'", 4, vec![vec![0, 1]])]
    #[case::too_many_browsers(", origin: 'https://a.example'", 5, vec![vec![0], vec![1]])]
    #[case::too_many_for_one_gateway(", origin: 'https://a.example'", 10, vec![vec![0], vec![1]])]
    #[case::too_many_behind_a_proxy(", via: nginx", 5, vec![vec![0], vec![1]])]
    fn group_stays_below_lock_out(#[case] from: &str, #[case] repeat: u32, #[case] expected: Vec<Vec<usize>>) {
        let wrong = format!(
            "steps:\n  - connect: {{ device: laptop, auth: {{ token: wrong }}{from} }}\n    repeat: {repeat}\n"
        );
        assert_eq!(groups(&[&wrong, &wrong]), expected);
    }

    #[rstest]
    #[case::fewer(2, vec![vec![0], vec![1]])]
    #[case::more(100, vec![vec![0, 1]])]
    fn lock_out_depends_on_configuration(#[case] most: u32, #[case] expected: Vec<Vec<usize>>) {
        let wrong = format!(
            "gateway: {{ rate-limit: {{ max-attempts: {most} }} }}\n\
             steps:\n  - connect: {{ device: laptop, auth: {{ token: wrong }}, via: nginx }}\n"
        );
        assert_eq!(groups(&[&wrong, &wrong]), expected);
    }

    #[test]
    fn failures_do_not_affect_other_cases() {
        let wrong = "steps:\n  - connect: { device: laptop, auth: { token: wrong }, via: nginx }\n    repeat: 9\n";
        assert_eq!(groups(&[wrong, CONNECT, wrong, CONNECT]), [vec![0, 1, 3], vec![2]]);
    }
}
