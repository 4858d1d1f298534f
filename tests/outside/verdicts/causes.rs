//! A gateway that claims another release than it implements: the differences are grouped by cause on one screen.

use crate::harness::{ProgramOutput, TestFolder};

/// `clawcheck serve` at 2026.3.31 that claims to be 2026.4.2.
pub(crate) fn old_gateway() -> TestFolder {
    let test_folder = TestFolder::new("scenario: Nothing\nsteps: [{ open: {} }]\n");
    let program = assert_cmd::cargo::cargo_bin("clawcheck").display().to_string();
    let description = format!(
        "gateway: old\nabout: An old release that claims to be a newer one.\nclaims: 2026.4.2\ncommand: {program}\n\
         args: [serve, --release, 2026.3.31, --port, '{{port}}', --state-dir, '{{state-dir}}', --config, '{{config}}']\n\
         config: openclaw\nready: connect\nstore: openclaw\n"
    );
    std::fs::write(test_folder.path("old.yaml"), description).unwrap();
    // The cases are compared with the built-in snapshots.
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    test_folder
}

fn run(test_folder: &TestFolder, arguments: &[&str]) -> ProgramOutput {
    let ran = test_folder.clawcheck(&[&["run", "--gateway", "old.yaml", "--level", "exact"], arguments].concat());
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    ran
}

const VERSION: &str =
    "the gateway reports the version 2026.3.31 (server.version), but its answers are compared with those of 2026.4.2";

/// The three numbers in the sentence about the closest release: equal cases, all cases, and cases equal to the claimed
/// release.
fn numbers(sentence: &str, begins: &str) -> [usize; 3] {
    let rest = sentence.strip_prefix(begins).unwrap_or_else(|| panic!("{sentence}"));
    let words = rest.split([' ', ',']).filter_map(|word| word.parse().ok()).collect::<Vec<_>>();
    words.try_into().unwrap()
}

const LOCK_OUT: &str = "refused instead of let in: NOT_PAIRED PAIRING_REQUIRED role-upgrade instead of hello-ok";

#[test]
fn lock_out_leads_hundred_deviations() {
    let test_folder = old_gateway();
    let ran = run(&test_folder, &[]);
    let lines = ran.out.lines().collect::<Vec<_>>();
    assert!(lines.len() <= 50, "{} lines: {}", lines.len(), ran.out);
    assert_eq!(lines[2], VERSION);
    // Every case equals the snapshot of the actual release.
    let [equal, of, claimed] = numbers(lines[3], "its answers equal those of 2026.3.31 in ");
    assert!(equal == of && of > 200 && claimed < 100, "{}", ran.out);
    assert!(lines[5].contains(" cases fail. "), "{}", ran.out);
    assert!(lines[6].ends_with(LOCK_OUT), "{}", ran.out);
    let failed = lines[5].split(' ').next().unwrap().parse::<usize>().unwrap();
    assert!(failed > 100, "{}", ran.out);
    // A difference that nearly every case has is printed once, after the more serious causes.
    let fields = ran.out.matches("hello-ok also has snapshot.authMode, snapshot.configPath, snapshot.stateDir").count();
    assert_eq!(fields, 1, "{}", ran.out);
    test_folder.leaves_nothing();
}

#[test]
fn causes_of_lock_out() {
    let test_folder = old_gateway();
    let ran = run(&test_folder, &["empty-tokens"]);
    let closest = ran.out.split("\n\n").nth(1).unwrap().to_owned();
    assert_eq!(
        closest,
        format!(
            "{VERSION}\nits answers equal those of 2026.3.31 to 2026.4.1 in 17 of 17 cases, and those of 2026.4.2 in 1"
        )
    );
    let screen = ran.out.split("\n\n").nth(2).unwrap().to_owned();
    insta::assert_snapshot!(screen, @r#"
    16 of 17 cases fail. 3 causes, the most serious first:
    10 cases  refused instead of let in: NOT_PAIRED PAIRING_REQUIRED role-upgrade instead of hello-ok
          empty-tokens/{approve-heals,device-token,exec-client#{none,token},legacy-roles,no-scopes-asked,node} and 3 more
          at: connect laptop as operator [operator.read]
          - <- hello-ok  protocol 3  role operator  scopes operator.read  device-token <token-1>  issued now
          + <- error NOT_PAIRED PAIRING_REQUIRED role-upgrade  "pairing required"  request <request-1>
          links: openclaw/openclaw#59045, openclaw/openclaw#59092, openclaw/openclaw#59882, openclaw/openclaw#24084
          show one: clawcheck run empty-tokens/approve-heals --gateway old.yaml --level exact
     1 case   other error code or reason: NOT_PAIRED PAIRING_REQUIRED role-upgrade instead of NOT_PAIRED PAIRING_REQUIRED scope-upgrade
          at: connect near as operator [operator.admin]
          <- error NOT_PAIRED PAIRING_REQUIRED [-scope-upgrade-]{+role-upgrade+}  "pairing required"  request <request-1>
          links: openclaw/openclaw#54694, openclaw/openclaw#59092
          show one: clawcheck run empty-tokens/wider --gateway old.yaml --level exact
     5 cases  other fields: hello-ok also has snapshot.authMode, snapshot.configPath, snapshot.stateDir
          empty-tokens/{odd-token,reconnect#{absent,direct; absent,nginx; null,direct; null,nginx}}
          at: connect laptop as operator [operator.read]
          <- hello-ok  …  device-token <token-1>  issued now{+  with snapshot.authMode  with snapshot.configPath  with snapshot.stateDir+}
          links: openclaw/openclaw#59045, openclaw/openclaw#59092, openclaw/openclaw#59969, openclaw/openclaw#62767
          show one: clawcheck run 'empty-tokens/reconnect#absent,direct' --gateway old.yaml --level exact
    --trace shows every case in full
    "#);
    // The printed command shows the case and the difference.
    let command = screen.lines().find_map(|line| line.trim().strip_prefix("show one: clawcheck run ")).unwrap();
    let id = command.split(' ').next().unwrap();
    let one = run(&test_folder, &[id]);
    assert!(one.out.contains(&format!("deviates  {id}  ")), "{}", one.out);
    assert!(one.out.contains("links: openclaw/openclaw#"), "{}", one.out);
    assert!(one.out.contains("\n    +   <- error NOT_PAIRED PAIRING_REQUIRED role-upgrade"), "{}", one.out);
    test_folder.leaves_nothing();
}
