//! Snapshots of a described gateway itself, next to those of OpenClaw.

use super::described::described;

const CONNECT: &str =
    "scenario: A device connects\nsteps:\n  - connect: { device: laptop, role: operator, scopes: [operator.read] }\n";
const OWN: &str = "ours/family/case@2026.4.2.snap";

#[test]
fn a_gateway_has_snapshots_of_its_own_also_without_a_store() {
    let test_folder = described(&[("case", CONNECT)], "store: none\nsnapshots: ours\n");
    let run = || test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml"]);
    let first = run();
    assert_eq!(first.code, Some(1), "{}{}", first.out, first.err);
    let accepted = test_folder.clawcheck(&["accept", "--snapshots", "ours", "--all"]);
    assert_eq!(accepted.code, Some(0), "{}{}", accepted.out, accepted.err);
    let approved = std::fs::read_to_string(test_folder.path(OWN)).unwrap();
    assert!(approved.contains("seen: []") && approved.contains("<- hello-ok"), "{approved}");
    let second = run();
    assert_eq!(second.code, Some(0), "{}{}", second.out, second.err);
    // Nothing of it is filed as OpenClaw's.
    assert_eq!(std::fs::read_dir(test_folder.path("snapshots")).unwrap().count(), 0);
    // The snapshot of the gateway counts: another answer deviates.
    std::fs::write(test_folder.path(OWN), approved.replace("role operator  scopes", "role node  scopes")).unwrap();
    let third = run();
    assert_eq!(third.code, Some(1), "{}{}", third.out, third.err);
    assert!(third.out.contains("the observation differs from the"), "{}", third.out);
    test_folder.leaves_nothing();
}
