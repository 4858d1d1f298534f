//! A described gateway can have its own snapshots, in addition to those of OpenClaw.

use crate::gateways::described::described;
use std::os::unix::fs::PermissionsExt as _;

const CONNECT: &str =
    "scenario: A device connects\nsteps:\n  - connect: { device: laptop, role: operator, scopes: [operator.read] }\n";
const OWN: &str = "ours/family/case@2026.4.2.snap";

#[test]
fn own_snapshots_without_store() {
    let test_folder = described(&[("case", CONNECT)], "store: none\nsnapshots: ours\n");
    let run = || test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml"]);
    let first = run();
    assert_eq!(first.code, Some(1), "{}{}", first.out, first.err);
    let reviewed = test_folder.clawcheck(&["review", "--gateway", "ours.yaml"]);
    assert!(reviewed.out.contains("[1 of 1] family/case for 2026.4.2"), "{}{}", reviewed.out, reviewed.err);
    let accepted = test_folder.clawcheck(&["accept", "--gateway", "ours.yaml", "--all"]);
    assert_eq!(accepted.code, Some(0), "{}{}", accepted.out, accepted.err);
    let approved = std::fs::read_to_string(test_folder.path(OWN)).unwrap();
    assert!(approved.contains("seen: []") && approved.contains("<- hello-ok"), "{approved}");
    let second = run();
    assert_eq!(second.code, Some(0), "{}{}", second.out, second.err);
    // No snapshot is written for OpenClaw.
    assert_eq!(std::fs::read_dir(test_folder.path("snapshots")).unwrap().count(), 0);
    // The snapshot of the gateway counts: a different answer deviates.
    std::fs::write(test_folder.path(OWN), approved.replace("role operator  scopes", "role node  scopes")).unwrap();
    let third = run();
    assert_eq!(third.code, Some(1), "{}{}", third.out, third.err);
    assert!(third.out.contains("the observation differs from the"), "{}", third.out);
    test_folder.leaves_nothing();
}

/// A case that does not meet its own expectation has no observation to approve, and the run says so.
#[test]
fn unmet_expectation_cannot_be_approved() {
    let refused = "    expect: { refused: { close: 1008 } }\n";
    let unmet = CONNECT.to_owned() + refused;
    let test_folder = described(&[("case", CONNECT), ("unmet", &unmet)], "store: none\nsnapshots: ours\n");
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let says =
        "1 failing case cannot be approved as snapshots of the gateway itself: a step did not meet its expectation";
    assert!(ran.err.contains(says), "{}", ran.err);
    let reviewed = test_folder.clawcheck(&["review", "--gateway", "ours.yaml"]);
    assert!(reviewed.out.contains("[1 of 1] family/case for 2026.4.2"), "{}{}", reviewed.out, reviewed.err);
}

#[test]
fn observations_need_own_folder() {
    let test_folder = described(&[], "");
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("add `snapshots: FOLDER` to the gateway description"), "{}", ran.err);
    assert_eq!(std::fs::read_dir(test_folder.path("snapshots")).unwrap().count(), 0);
    let accepted = test_folder.clawcheck(&["accept", "--gateway", "ours.yaml", "--all"]);
    assert_eq!(accepted.code, Some(2), "{}", accepted.err);
    assert!(accepted.err.contains("ours.yaml has no snapshots of its own"), "{}", accepted.err);
    // A folder that the user names is the user's decision.
    test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml", "--snapshots", "snapshots"]);
    assert_eq!(std::fs::read_dir(test_folder.path("snapshots")).unwrap().count(), 1);
}

#[test]
fn own_snapshots_in_read_only_folder() {
    let cases = [("case", CONNECT), ("other", CONNECT)];
    let test_folder = described(&cases, "store: none\nsnapshots: ours\n");
    let own = test_folder.path("ours");
    std::fs::create_dir(&own).unwrap();
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o555)).unwrap();
    let is_root = std::fs::write(own.join("probe"), "").is_ok();
    let ended = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml"]);
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    // All cases are judged, including those after the first new observation.
    for case in ["family/case", "family/other"] {
        assert!(ended.out.contains(case), "{}{}", ended.out, ended.err);
    }
    // File permissions do not restrict root.
    let note = "observations are not saved: cannot write ";
    assert_eq!(ended.err.contains(note), !is_root, "{}", ended.err);
}

#[test]
fn own_snapshot_determines_needs() {
    let test_folder = described(&[("case", CONNECT)], "lacks: [pairing]\nsnapshots: ours\n");
    test_folder.clawcheck(&["run", "scenarios", "--gateway", "embedded@2026.4.2"]);
    assert_eq!(test_folder.clawcheck(&["accept", "--snapshots", "snapshots", "--all"]).code, Some(0));
    let listed = || {
        let listed = test_folder.clawcheck(&["list", "scenarios", "--gateway", "ours.yaml"]);
        listed.out.lines().find(|line| line.starts_with("family/case")).unwrap().to_owned()
    };
    // The release pairs the device.
    assert!(listed().contains("not-applicable"), "{}", listed());

    std::fs::create_dir_all(test_folder.path("ours/family")).unwrap();
    let own = "---\nexpression: family/case\ninfo:\n  release: \"2026.4.2\"\n  seen: []\n---\n\
               connect laptop as operator [operator.read]\n  <- hello-ok  protocol 3\n";
    std::fs::write(test_folder.path(OWN), own).unwrap();
    assert!(listed().contains("played"), "{}", listed());
    let ended = test_folder.clawcheck(&["run", "family/case", "scenarios", "--gateway", "ours.yaml"]);
    assert!(ended.out.contains("the observation differs from the"), "{}{}", ended.out, ended.err);
}

/// The gateway conforms to its own snapshot. The claimed release refuses the device, which is not hidden.
#[test]
fn own_snapshot_that_lets_in_is_told_apart() {
    let test_folder = described(&[("case", CONNECT)], "store: none\nsnapshots: ours\n");
    let run = |more: &[&str]| {
        test_folder.clawcheck(&[&["run", "scenarios", "--gateway", "ours.yaml", "--score"], more].concat())
    };
    assert_eq!(run(&[]).code, Some(1));
    let refused = "---\nexpression: family/case\ninfo:\n  release: \"2026.4.2\"\n  seen:\n    - \"2026.4.2\"\n---\n\
                   connect laptop as operator [operator.read]\n  <- error NOT_PAIRED PAIRING_REQUIRED not-paired  \
                   \"pairing required\"  request <request-1>\n  <- close 1008 \"pairing required\"  clean\n";
    std::fs::create_dir_all(test_folder.path("snapshots/family")).unwrap();
    std::fs::write(test_folder.path("snapshots/family/case@2026.4.2.snap"), refused).unwrap();
    assert_eq!(test_folder.clawcheck(&["accept", "--gateway", "ours.yaml", "--all"]).code, Some(0));
    let approved = run(&["--report", "json=report.json"]);
    assert_eq!(approved.code, Some(0), "{}{}", approved.out, approved.err);
    let says = "only by the gateway's own snapshot; compared with 2026.4.2: let in instead of refused: hello-ok";
    assert!(approved.out.contains(says), "{}", approved.out);
    let report = std::fs::read_to_string(test_folder.path("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["cases"][0]["release_differences"][0]["kind"], "let-in", "{report}");
    assert_eq!(report["score"]["families"][0]["own"], 1);
    assert_eq!(report["score"]["families"][0]["decisions"], 0);
}

/// Approving the answer of a gateway can approve a security hole. `accept` and `review` know the snapshots of OpenClaw.
#[test]
fn approval_of_let_in_prints_warning() {
    let test_folder = described(&[], "store: none\nsnapshots: ours\n");
    let of_release = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/handshake/proof@2026.3.28.snap");
    let of_release = std::fs::read_to_string(of_release).unwrap();
    let refusal = of_release.lines().find(|line| line.starts_with("  <- error ")).unwrap();
    let propose = |text: &str| {
        let path = test_folder.path("ours/handshake/proof@2026.3.28.snap.new");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    propose(&of_release.replacen(refusal, "  <- hello-ok  protocol 3", 1));
    let warning = "warning: handshake/proof differs from 2026.3.28 in a decision: let in instead of refused: hello-ok";
    for command in [&["review", "--gateway", "ours.yaml"][..], &["accept", "--gateway", "ours.yaml", "--all"]] {
        let ended = test_folder.clawcheck(command);
        assert!(ended.code == Some(0) && ended.out.contains(warning), "{command:?}: {}{}", ended.out, ended.err);
    }
    propose(&of_release.replacen(refusal, "  <- error OTHER", 1));
    let accepted = test_folder.clawcheck(&["accept", "--gateway", "ours.yaml", "--all"]);
    assert!(accepted.out.contains("wrote ") && !accepted.out.contains("warning"), "{}{}", accepted.out, accepted.err);
}
