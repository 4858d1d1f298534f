//! `flags` in a description: settings of a scenario reach a gateway as arguments, and others make a case not applicable.

use crate::gateways::described::described;
use std::process::Output;

const OPEN: &str = "scenario: No secret is needed\ngateway: { auth: { mode: none } }\nsteps:\n  - connect: { device: laptop, auth: none }\n    expect: hello\n";
const TAILNET: &str = "scenario: On a tailnet\ngateway: { bind: tailnet }\nsteps:\n  - connect: { device: laptop }\n";
const PROXIES: &str =
    "scenario: Behind a proxy\ngateway: { trusted-proxies: [] }\nsteps:\n  - connect: { device: laptop }\n";

/// A gateway that notes its arguments, and makes its configuration from them.
const GATEWAY: &str = r#"
PORT=$1; shift; echo "$@" >>$HERE/runs
AUTH='"mode": "none"'
[ "$1" = --token ] && AUTH="\"mode\": \"token\", \"token\": \"$2\""
echo "{\"gateway\": {\"mode\": \"local\", \"auth\": {$AUTH}}}" >$HOME/own.json
exec $SERVE --port $PORT --config $HOME/own.json
"#;

const FLAGS: &str = "\
config: none
flags:
  gateway.auth.token: [--token, \"{value}\"]
  gateway.auth.mode: { token: [], none: [--open] }
  gateway.bind: { loopback: [\"--bind=lo\"] }
";

#[test]
fn mapped_and_unmapped_settings() {
    let folder = described(&[("open", OPEN), ("tailnet", TAILNET), ("proxies", PROXIES)], "");
    let binary = assert_cmd::cargo::cargo_bin!("clawcheck");
    std::fs::write(folder.path("gateway.sh"), GATEWAY).unwrap();
    let description = format!(
        "gateway: ours\nabout: clawcheck serve\nclaims: 2026.4.2\ncommand: sh\nargs: [\"{{here}}/gateway.sh\", \"{{port}}\"]\n\
         env: {{ HERE: \"{{here}}\", SERVE: \"{} serve --release 2026.4.2 --state-dir {{state-dir}}\" }}\n{FLAGS}",
        binary.display()
    );
    std::fs::write(folder.path("ours.yaml"), description).unwrap();
    let Output { stdout, stderr, .. } =
        folder.command(&["run", "scenarios", "--gateway", "ours.yaml", "--jobs", "1"]).output().unwrap();
    let out = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    let reason = "the description of the gateway has no `flags` for";
    assert!(out.contains(&format!("not-applicable: {reason} gateway.bind: tailnet\n")), "{out}");
    assert!(out.contains(&format!("not-applicable: {reason} gateway.trustedProxies\n")), "{out}");
    assert!(
        out.contains("of the settings of the scenarios, it gets only gateway.auth.token, gateway.auth.mode"),
        "{out}"
    );
    assert_eq!(out.matches("all expectations are met, but no snapshot is approved").count(), 2, "{out}");
    let runs = std::fs::read_to_string(folder.path("runs")).unwrap();
    let mut runs = runs.lines().map(|line| line.split(' ').collect::<Vec<_>>()).collect::<Vec<_>>();
    runs.sort_by_key(Vec::len);
    let [open, plain] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!(open[..], ["--open", "--bind=lo"]);
    assert_eq!((plain.len(), plain[0], plain[2]), (3, "--token", "--bind=lo"));
}
