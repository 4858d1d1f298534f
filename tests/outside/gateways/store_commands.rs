//! Gateways with another store format: commands of the description convert it.

use crate::harness::TestFolder;
use rstest::rstest;

const SEEDED: &str = "\
scenario: A paired device connects
store: { paired: { laptop: { scopes: [operator.read] } } }
steps:
  - connect: { device: laptop, role: operator, scopes: [operator.read] }
    expect: hello
";
/// The gateway writes its own records, is stopped, gets an additional record, and starts again with all of them.
const EDITED: &str = "\
scenario: A record is added while the gateway is stopped
store: { paired: { laptop: { scopes: [operator.read] } } }
steps:
  - connect: { device: phone, role: operator, scopes: [operator.read], via: nginx }
  - stop: {}
  - edit: { paired: { tablet: { scopes: [operator.read] } } }
  - start: {}
  - connect: { device: tablet, role: operator, scopes: [operator.read] }
    expect: hello
  - connect: { device: laptop, role: operator, scopes: [operator.read] }
    expect: hello
";
/// A file that does not contain records.
const DAMAGED: &str = "\
scenario: A damaged file
store: { files: { devices/paired.json: { text: '{' } } }
steps:
  - connect: { device: laptop }
";
const WRITE: &str =
    "[sh, -c, 'mkdir -p \"$1\" && rm -rf \"$1\"/devices && cp -r \"$0\"/. \"$1\"', '{store}', '{home}/mine']";
const READ: &str = "[sh, -c, 'mkdir -p \"$1\" && cp -r \"$1\"/. \"$0\"', '{store}', '{home}/mine']";

/// A folder with these scenarios, their approved snapshots, and a gateway that keeps its store in `{home}/mine`, with
/// this `store`.
fn elsewhere(scenarios: &[(&str, &str)], store: &str) -> TestFolder {
    let test_folder = TestFolder::new(SEEDED);
    for (name, scenario) in scenarios {
        std::fs::write(test_folder.path(&format!("scenarios/family/{name}.yaml")), scenario).unwrap();
    }
    test_folder.clawcheck(&["run", "scenarios", "--gateway", "embedded@2026.4.2"]);
    let accepted = test_folder.clawcheck(&["accept", "--snapshots", "snapshots", "--all"]);
    assert_eq!(accepted.code, Some(0), "{}", accepted.err);
    let binary = assert_cmd::cargo::cargo_bin!("clawcheck");
    let description = format!(
        "gateway: ours\nabout: clawcheck serve\nclaims: 2026.4.2\ncommand: {}\n\
         args: [serve, --release, 2026.4.2, --port, '{{port}}', --state-dir, '{{home}}/mine', --config, '{{config}}']\n\
         timeouts: {{ answer: 5s }}\nstore: {store}\n",
        binary.display()
    );
    std::fs::write(test_folder.path("ours.yaml"), description).unwrap();
    test_folder
}

const PLAY: [&str; 6] = ["run", "scenarios", "--gateway", "ours.yaml", "--level", "exact"];

#[test]
fn converts_seeded_and_edited_stores() {
    let store = format!("{{ read: {READ}, write: {WRITE} }}");
    let test_folder = elsewhere(&[("edited", EDITED), ("damaged", DAMAGED)], &store);
    let ended = test_folder.clawcheck(&PLAY);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("2 conforms"), "{}", ended.out);
    assert!(ended.out.contains("1 not-applicable"), "{}", ended.out);
    assert!(ended.out.contains("commands convert only records"), "{}", ended.out);
    test_folder.leaves_nothing();
}

#[rstest]
// The gateway does not know the device and pairs it silently.
#[case::write(
    "{ read: READ, write: [sh, -c, 'mkdir -p \"$0\"', '{home}/mine', '{store}'] }",
    "+   laptop  new  cli/cli"
)]
#[case::read("{ read: [sh, -c, ':', '{store}'], write: WRITE }", "-   laptop  cli/cli")]
fn lost_record_deviates(#[case] store: &str, #[case] says: &str) {
    let test_folder = elsewhere(&[], &store.replace("READ", READ).replace("WRITE", WRITE));
    let ended = test_folder.clawcheck(&PLAY);
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("1 deviate") && !ended.out.contains("1 error"), "{}", ended.out);
    assert!(ended.out.contains(says), "{}", ended.out);
    test_folder.leaves_nothing();
}

#[rstest]
#[case::read_only("{ read: READ }", "2 conforms")]
#[case::write_only("{ write: WRITE }", "1 not-applicable")]
fn one_command_is_enough(#[case] store: &str, #[case] says: &str) {
    let store = store.replace("READ", READ).replace("WRITE", WRITE);
    let test_folder = elsewhere(
        &[("unseeded", "scenario: Nobody is paired\nsteps:\n  - connect: { device: laptop }\n"), ("edited", EDITED)],
        &store,
    );
    let ended = test_folder.clawcheck(&PLAY);
    assert!(ended.out.contains(says), "{}{}", ended.out, ended.err);
    test_folder.leaves_nothing();
}

#[rstest]
#[case::write_fails(
    "{ read: READ, write: [sh, -c, 'echo no such table; exit 7', '{store}'] }",
    "the `store.write` command `sh` (ours.yaml:7) ended with exit code 7; from its log"
)]
#[case::says_why("{ read: READ, write: [sh, -c, 'echo no such table; exit 7', '{store}'] }", "no such table")]
#[case::read_fails(
    "{ read: [sh, -c, 'exit 3', '{store}'], write: WRITE }",
    "`store.read` command `sh` (ours.yaml:7) ended with exit code 3"
)]
#[case::hangs(
    "{ read: [sh, -c, 'exec sleep 600', '{store}'], write: WRITE }",
    "`store.read` command `sh` (ours.yaml:7) did not exit in time"
)]
#[case::not_there("{ read: READ, write: ['{here}/missing', '{store}'] }", "(ours.yaml:7) cannot be started: `")]
#[case::rubbish(
    "{ read: [sh, -c, 'mkdir \"$0/devices\"; echo ERROR: no database >\"$0/devices/paired.json\"', '{store}'], write: WRITE }",
    "the `store.read` command `sh` (ours.yaml:7) wrote devices/paired.json, which is not JSON (expected value at line 1 column 1); \
     it begins with: ERROR: no database"
)]
#[case::printed(
    "{ read: [sh, -c, 'echo \"{}\"', '{store}'], write: WRITE }",
    "the `store.read` command `sh` (ours.yaml:7) wrote no file to `{store}`; it printed: {}"
)]
fn failed_command_shows_position(#[case] store: &str, #[case] says: &str) {
    let test_folder = elsewhere(&[], &store.replace("READ", READ).replace("WRITE", WRITE));
    let began = std::time::Instant::now();
    let ended = test_folder.clawcheck(&PLAY);
    assert!(ended.out.contains(says), "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("1 error"), "{}", ended.out);
    assert!(began.elapsed() < std::time::Duration::from_secs(300));
    test_folder.leaves_nothing();
}

#[rstest]
#[case::port("{ read: [x, '{port}', '{store}'] }", "`{port}` has no value while the gateway is stopped")]
#[case::misspelled("{ read: [x, '{stor}', '{store}'] }", "unknown placeholder `{stor}`")]
#[case::without_store("{ read: [x, '{stor}'] }", "`store.read` does not contain `{store}`")]
#[case::another_word("sqlite", "read: [CMD")]
#[case::no_command("{}", "`store` needs `read`, `write` or both")]
#[case::no_program("{ write: [] }", "`store.write` must name a program")]
#[case::unknown_key("{ list: [x] }", "list")]
fn rejects_invalid_store_output(#[case] store: &str, #[case] says: &str) {
    let test_folder = elsewhere(&[], store);
    let ended = test_folder.clawcheck(&PLAY);
    assert_eq!(ended.code, Some(2), "{}{}", ended.out, ended.err);
    assert!(ended.err.contains(says) && ended.err.contains("ours.yaml:7"), "{}", ended.err);
}
