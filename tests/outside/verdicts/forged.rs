//! A gateway that accepts every forged signature: the first cause on the screen says so, also beside a score and among other
//! faults.

use crate::harness::TestFolder;
use crate::harness::forger::accepts_forged_signatures;
use rstest::rstest;

const FORGED: &str =
    "let in instead of refused: hello-ok instead of INVALID_REQUEST DEVICE_AUTH_SIGNATURE_INVALID device-signature";

/// Cases that also show other faults. They are enough for a run with a score.
const CASES: [&str; 3] = ["handshake", "empty-tokens", "revoked-tokens"];

#[rstest]
#[case::only_fault("2026.4.2", &[])]
#[case::among_others("2026.3.31", &[])]
#[case::among_more_frequent_let_ins("2026.3.13", &["scope-upgrade"])]
#[case::among_every_text("2026.3.31", &["--level", "exact"])]
fn forged_signatures_lead(#[case] release: &str, #[case] arguments: &[&str]) {
    let test_folder = TestFolder::new("");
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let gateway = accepts_forged_signatures(&test_folder, release, "2026.4.2");
    let ran = test_folder.clawcheck(&[&["run"], &CASES[..], &["--gateway", &gateway], arguments].concat());
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let lines = ran.out.lines().collect::<Vec<_>>();
    assert!(lines.len() <= 50 && lines.contains(&"ladder"), "{} lines: {}", lines.len(), ran.out);
    let heading = lines.iter().position(|line| line.contains(" cases fail. ")).unwrap();
    let causes = &lines[heading + 1..];
    assert!(causes[0].trim_start().starts_with("2 cases") && causes[0].ends_with(FORGED), "{}", ran.out);
    assert_eq!(causes[2].trim(), "at: connect signature-damaged as operator [operator.read], proof: damaged signature");
    assert!(lines.iter().any(|line| line.contains("verifies device proofs        BROKEN")), "{}", ran.out);
    test_folder.leaves_nothing();
}

/// Behind the first cause, each different decision has a line with its difference.
#[test]
fn lock_out_is_not_hidden() {
    let test_folder = TestFolder::new("");
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let gateway = accepts_forged_signatures(&test_folder, "2026.3.31", "2026.4.2");
    let ran = test_folder.clawcheck(&[&["run"], &CASES[..], &["--gateway", &gateway]].concat());
    let lines = ran.out.lines().collect::<Vec<_>>();
    let lock_out = "refused instead of let in: NOT_PAIRED PAIRING_REQUIRED role-upgrade instead of hello-ok";
    let at = lines.iter().position(|line| line.contains(lock_out)).unwrap_or_else(|| panic!("{}", ran.out));
    assert!(lines[at + 1..].iter().take(2).any(|line| line.trim().starts_with("at: connect ")), "{}", ran.out);
    test_folder.leaves_nothing();
}
