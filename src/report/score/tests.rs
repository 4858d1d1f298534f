use super::*;
use crate::judge::Difference;
use crate::observe::Observation;
use crate::report::fixtures;
use rstest::rstest;

fn case(id: &str, verdict: Verdict, kinds: &[CauseKind]) -> CaseReport {
    let played = !matches!(verdict, Verdict::NotApplicable | Verdict::Skipped | Verdict::Error);
    CaseReport {
        differences: kinds.iter().map(|kind| Difference::test(*kind, "what", "", "")).collect(),
        observation: played.then(Observation::default),
        rerun: format!("clawcheck run {id}"),
        ..fixtures::case(id, verdict)
    }
}

#[rstest]
#[case::nothing_differs(&[], Some(Level::Exact))]
#[case::text(&[CauseKind::Text, CauseKind::Fields], Some(Level::Wire))]
#[case::code(&[CauseKind::Text, CauseKind::ErrorCode], Some(Level::Decisions))]
#[case::let_in(&[CauseKind::Text, CauseKind::LetIn], None)]
#[case::no_snapshot(&[CauseKind::Unapproved], None)]
fn level_of_least_strict_difference(#[case] kinds: &[CauseKind], #[case] conforms_at: Option<Level>) {
    assert_eq!(case("a/b", Verdict::Conforms, kinds).conforms_at(), conforms_at);
}

#[test]
fn unplayed_case_has_no_level() {
    assert_eq!(case("a/b", Verdict::Error, &[]).conforms_at(), None);
    assert_eq!(case("a/b", Verdict::Skipped, &[]).conforms_at(), None);
}

#[test]
fn next_rung_and_case() {
    let mut score = Score::default();
    score.add(&case("handshake/params", Verdict::Conforms, &[CauseKind::Text]));
    score.add(&case("handshake/path", Verdict::Skipped, &[]));
    score.add(&case("fresh-install/no-token", Verdict::NotApplicable, &[]));
    score.add(&case("handshake/proof", Verdict::Deviates, &[CauseKind::ErrorCode]));
    score.add(&case("handshake/replayed-nonce", Verdict::Deviates, &[CauseKind::Text, CauseKind::LetIn]));
    score.add(&case("revoked-tokens/all", Verdict::Deviates, &[CauseKind::LetIn]));
    score.add(&case("scope-upgrade/retry", Verdict::KnownDeviation, &[CauseKind::LetIn]));
    score.add(&case("control-ui/origin", Verdict::Conforms, &[]));
    insta::assert_snapshot!(score.lines(Level::Wire).join("\n"), @r"
    score              cases    played decisions      wire     exact
    handshake              4         3         2         1         0
    revoked-tokens         1         1         0         0         0
    scope-upgrade          1         1         0         0         0
    all cases              7         6         3         2         1
    every case conforms at wire: control-ui (1)
    ladder
      1. completes the handshake       holds (1 of 2 cases played)
      2. refuses wrong secrets         not played
      3. verifies device proofs        BROKEN in 2 of 2 cases
      4. remembers paired devices      not played
      5. enforces roles and scopes     holds in 1 case, with 1 known deviation
      6. refuses revoked tokens        BROKEN in 1 of 1 case
      7. survives restarts and damage  not played
    next: rung 3; start with handshake/replayed-nonce (let in instead of refused):
      clawcheck run handshake/replayed-nonce
    ");
    let json = score.json();
    assert_eq!(json["next"], "verifies device proofs");
    let states = json["ladder"].as_array().unwrap().iter().map(|rung| rung["state"].as_str().unwrap());
    let states = states.collect::<Vec<_>>().join(" ");
    assert_eq!(states, "holds not-played broken not-played holds broken not-played");
    assert_eq!(json["ladder"][2]["first"], "handshake/replayed-nonce");
    assert_eq!(json["families"][1]["family"], "handshake");
    let numbers = ["cases", "played", "decisions", "wire", "exact"].map(|name| json["families"][1][name].as_u64());
    assert_eq!(numbers.map(Option::unwrap), [4, 3, 2, 1, 0]);
}

/// A snapshot of the gateway itself can approve a security hole that the claimed release does not have.
#[test]
fn own_snapshots_do_not_hold_for_release() {
    let own = |id: &str, kinds: &[CauseKind]| {
        let CaseReport { differences: release_differences, .. } = case(id, Verdict::Conforms, kinds);
        CaseReport { release_differences, ..case(id, Verdict::Conforms, &[]) }
    };
    let mut score = Score::default();
    score.add(&case("handshake/params", Verdict::Conforms, &[]));
    score.add(&own("handshake/path", &[CauseKind::ErrorCode]));
    score.add(&own("handshake/size", &[CauseKind::Text]));
    score.add(&case("handshake/proof-first", Verdict::Conforms, &[]));
    score.add(&own("handshake/proof", &[CauseKind::ErrorCode, CauseKind::LetIn]));
    score.add(&case("role-upgrade/a", Verdict::Deviates, &[CauseKind::ErrorCode]));
    score.add(&own("role-upgrade/b", &[CauseKind::LetIn]));
    insta::assert_snapshot!(score.lines(Level::Wire).join("\n"), @r"
    score            cases    played decisions      wire     exact       own
    handshake            5         5         4         3         2         2
    role-upgrade         2         2         1         0         0         1
    all cases            7         7         5         3         2         3
    ladder
      1. completes the handshake       holds in 3 cases, 1 by its own snapshots
      2. refuses wrong secrets         not played
      3. verifies device proofs        DIFFERS from the claimed release in 1 of 2 cases, approved by own snapshots
      4. remembers paired devices      not played
      5. enforces roles and scopes     BROKEN in 1 of 2 cases; own snapshots approve 1 more
      6. refuses revoked tokens        not played
      7. survives restarts and damage  not played
    next: rung 3; start with handshake/proof (let in instead of refused; only its own snapshot approves this):
      clawcheck run handshake/proof
    ");
    let json = score.json();
    let rung = &json["ladder"][2];
    assert_eq!((&rung["state"], &rung["own"], &rung["first"]), (&json!("own"), &json!(1), &json!("handshake/proof")));
    assert_eq!(json["ladder"][4]["first"], "role-upgrade/a");
    assert_eq!((&json["families"][0]["own"], &json["next"]), (&json!(2), &json!("verifies device proofs")));
}

#[test]
fn gateway_without_start_has_no_score() {
    let mut score = Score::default();
    score.add(&case("handshake/params", Verdict::Error, &[]));
    score.add(&case("handshake/role", Verdict::Skipped, &[]));
    assert!(score.lines(Level::Wire).is_empty());
}

/// At `exact`, almost every case of another gateway fails because of its texts.
#[test]
fn texts_and_fields_break_no_rung() {
    let mut score = Score::default();
    score.add(&case("handshake/params", Verdict::Deviates, &[CauseKind::Text, CauseKind::Fields]));
    score.add(&case("handshake/proof", Verdict::Deviates, &[CauseKind::ErrorCode]));
    let json = score.json();
    assert_eq!((&json["ladder"][0]["state"], &json["next"]), (&json!("holds"), &json!("verifies device proofs")));
}
