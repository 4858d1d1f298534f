//! `--trust`: the actions that a scenario must not perform without it.

use crate::harness::TestFolder;
use rstest::rstest;

const PRELOADED: &str = "\
scenario: A scenario that brings code
gateway: { env: { LD_PRELOAD: /tmp/evil.so } }
steps:
  - connect: { device: laptop, role: operator, scopes: [operator.read] }
    expect: hello
";

#[rstest]
#[case::run(&["run", "scenarios"])]
#[case::spawned(&["run", "scenarios", "--gateway", "gateway.yaml"])]
#[case::compare(&["compare", "embedded", "gateway.yaml", "--scenarios", "scenarios"])]
#[case::lint(&["lint", "scenarios"])]
fn rejects_code_variable_before_start(#[case] arguments: &[&str]) {
    let test_folder = TestFolder::new(PRELOADED);
    let started = test_folder.path("started");
    let description = format!(
        "gateway: x\nabout: x\nclaims: 2026.4.2\ncommand: /bin/sh\nargs: [-c, \"touch {}\"]\n",
        started.display()
    );
    std::fs::write(test_folder.path("gateway.yaml"), description).unwrap();
    let refused = test_folder.clawcheck(arguments);
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{}", refused.err);
    for part in ["the variable `LD_PRELOAD` may run code", "case.yaml:2:19", "needs --trust", "SECURITY.md"] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    assert!(!started.exists());
}

#[test]
fn trust_allows_scenario() {
    let test_folder = TestFolder::new(&PRELOADED.replace("expect: hello", "expect: refused"));
    let ran = test_folder.clawcheck(&["run", "scenarios", "--trust"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("--trust"), "{}", ran.out);
    assert_eq!(test_folder.clawcheck(&["lint", "scenarios", "--trust"]).code, Some(0));
    assert_eq!(test_folder.clawcheck(&["list", "scenarios"]).code, Some(0));
}

#[test]
fn shown_problems_are_limited() {
    let tags = vec!["X"; 40_000].join(", ");
    let test_folder = TestFolder::new(&format!("scenario: Tags\ntags: [{tags}]\nsteps:\n  - open: {{}}\n"));
    let linted = test_folder.clawcheck(&["lint", "scenarios"]);
    assert_eq!(linted.code, Some(2));
    for part in ["41 problems in the scenarios", "and 79959 more problems in this file"] {
        assert!(linted.err.contains(part), "{part}: {}", linted.err);
    }
    assert!(linted.err.len() < 200_000, "{} bytes", linted.err.len());
}
