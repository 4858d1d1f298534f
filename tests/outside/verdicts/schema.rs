//! `run --schema`: frames are validated against a published schema. The test creates the package, so that nothing is
//! downloaded.

use crate::harness::{ProgramOutput, Serving, TestFolder, serve};
use rstest::rstest;
use serde_json::{Value, json};

const SCENARIO: &str = "\
scenario: An operator asks for the devices
steps:
  - connect: { device: laptop, scopes: [operator.read, operator.pairing] }
    as: laptop
  - list: { by: laptop }
";
const TOKEN: &str = "a-token-of-somebody-else-5f3a";

/// A schema in the published form, with additional required members of `hello-ok`.
fn schema(required: &Value) -> String {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "discriminator": { "propertyName": "type", "mapping": {
            "res": "#/definitions/ResponseFrame", "event": "#/definitions/EventFrame",
        } },
        "definitions": {
            "ResponseFrame": { "type": "object", "required": ["id", "ok"] },
            "EventFrame": { "type": "object", "required": ["event"] },
            "HelloOk": { "type": "object", "required": required, "properties": { "type": { "const": "hello-ok" } } },
        },
    })
    .to_string()
}

/// A folder with this schema in its cache, as version 9.9.9.
fn test_folder(schema: &str) -> TestFolder {
    let test_folder = TestFolder::new(SCENARIO);
    let package =
        test_folder.path("cache/packages/@openclaw+gateway-protocol/9.9.9/node_modules/@openclaw/gateway-protocol");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("package.json"), "{}").unwrap();
    std::fs::write(package.join("protocol.schema.json"), schema).unwrap();
    test_folder
}

fn run(test_folder: &TestFolder, arguments: &[&str]) -> (ProgramOutput, Value) {
    let mut command = test_folder.command(&["run", "scenarios", "--report", "json=report.json"]);
    let output = command
        .args(arguments)
        .env("CLAWCHECK_CACHE", test_folder.path("cache"))
        .env("CLAWCHECK_TOKEN", TOKEN)
        .output();
    let output = output.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let ended = ProgramOutput { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    let report = std::fs::read_to_string(test_folder.path("report.json")).unwrap_or_default();
    (ended, serde_json::from_str(&report).unwrap_or_default())
}

/// The findings about frames.
fn about_frames(report: &Value) -> Vec<(&Value, &Value, &Value)> {
    let findings = report["cases"][0]["findings"].as_array().unwrap().iter();
    let frames = findings.filter(|finding| finding["kind"] == "frame");
    frames.map(|finding| (&finding["definition"], &finding["pointer"], &finding["says"])).collect()
}

/// The gateways on which the case is played, by kind. A gateway that clawcheck did not start runs until the test ends.
fn gateway(test_folder: &TestFolder, kind: &str) -> (Option<Serving>, Vec<String>) {
    let binary = assert_cmd::cargo::cargo_bin!("clawcheck");
    match kind {
        "embedded" => (None, vec!["--gateway".to_owned(), "embedded@2026.4.2".to_owned()]),
        "spawned" => {
            let description = format!(
                "gateway: ours\nabout: clawcheck serve\ncommand: {}\nclaims: 2026.4.2\n\
                 args: [serve, --release, 2026.4.2, --port, '{{port}}', --state-dir, '{{state-dir}}', --config, '{{config}}']\n",
                binary.display()
            );
            std::fs::write(test_folder.path("ours.yaml"), description).unwrap();
            (None, vec!["--gateway".to_owned(), "ours.yaml".to_owned()])
        }
        _ => {
            let auth = format!(r#"{{ gateway: {{ mode: "local", auth: {{ mode: "token", token: "{TOKEN}" }} }} }}"#);
            std::fs::write(test_folder.path("openclaw.json"), auth).unwrap();
            let mut command = serve(&test_folder.path("home"));
            command.args(["--release", "2026.4.2", "--port", "0", "--state-dir"]).arg(test_folder.path("state"));
            command.arg("--config").arg(test_folder.path("openclaw.json"));
            let serving = Serving::start(command);
            let url = format!("ws://127.0.0.1:{}", serving.port);
            let words = ["--gateway", &url, "--release", "2026.4.2", "--allow-writes"].map(str::to_owned);
            (Some(serving), words.to_vec())
        }
    }
}

#[rstest]
fn invalid_frame_on_every_kind_of_gateway(#[values("embedded", "spawned", "attached")] kind: &str) {
    let test_folder = test_folder(&schema(&json!(["protocol", "colour"])));
    let (_serving, words) = gateway(&test_folder, kind);
    let words = words.iter().map(String::as_str).chain(["--schema=9.9.9"]).collect::<Vec<_>>();
    let (ended, report) = run(&test_folder, &words);
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    let expected = (&json!("HelloOk"), &json!("/payload"), &json!("\"colour\" is a required property"));
    assert_eq!(about_frames(&report), [expected], "{}", ended.out);
    assert!(
        ended
            .out
            .contains("answer to connect on laptop breaks HelloOk of @openclaw/gateway-protocol@9.9.9 at /payload"),
        "{}",
        ended.out
    );
    assert!(
        ended.out.contains("--schema=9.9.9"),
        "the command that plays it again holds it to the same: {}",
        ended.out
    );
    assert!(!ended.out.contains(TOKEN) && !report.to_string().contains(TOKEN));
}

#[test]
fn valid_frames_are_counted() {
    let test_folder = test_folder(&schema(&json!(["protocol", "auth"])));
    let words = ["--gateway", "embedded@2026.4.2", "--schema=9.9.9"];
    let (ended, report) = run(&test_folder, &words);
    // The case has no snapshot yet, and no other finding.
    assert_eq!(about_frames(&report), [], "{}{}", ended.out, ended.err);
    assert!(report["frames"]["checked"].as_u64().unwrap() > 2, "{}", report["frames"]);
    let bare = report["frames"]["payload_not_described"].as_array().unwrap();
    assert!(bare.contains(&json!("answer to device.pair.list")), "{bare:?}");
    assert!(!bare.contains(&json!("answer to connect")), "{bare:?}");
    let accepted = test_folder.clawcheck(&["accept", "--snapshots", "snapshots", "family/case"]);
    assert_eq!(accepted.code, Some(0), "{}{}", accepted.out, accepted.err);
    assert_eq!(run(&test_folder, &words).0.code, Some(0));
    assert_eq!(run(&test_folder, &words[..2]).1["frames"], Value::Null, "nobody asked for it");
}

#[test]
fn frame_finding_proposes_nothing() {
    let test_folder = test_folder(&schema(&json!(["colour"])));
    let words = ["--gateway", "embedded@2026.4.2"];
    run(&test_folder, &words);
    assert_eq!(test_folder.clawcheck(&["accept", "--snapshots", "snapshots", "family/case"]).code, Some(0));
    let (ended, report) = run(&test_folder, &[&words[..], &["--schema=9.9.9"]].concat());
    assert_eq!(ended.code, Some(1));
    assert_eq!(report["cases"][0]["proposed"], Value::Null, "{}", ended.out);
}

#[test]
fn older_release_needs_explicit_schema() {
    let (ended, _) = run(&test_folder("{}"), &["--gateway", "embedded@2026.4.2", "--schema"]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("no schema was published for 2026.4.2"), "{}", ended.err);
    assert!(ended.err.contains("to use that version anyway, pass --schema=2026.8.1-beta.3"), "{}", ended.err);
}

#[rstest]
#[case::no_schema("{}", "--schema=9.9.9", 3, "cannot be used as a schema")]
#[case::not_json("<html>", "--schema=9.9.9", 3, "cannot be used as a schema")]
#[case::no_version("{}", "--schema=../9.9.9", 2, "expected a version on npm")]
fn invalid_schema(#[case] text: &str, #[case] word: &str, #[case] code: i32, #[case] says: &str) {
    let (ended, _) = run(&test_folder(text), &["--gateway", "embedded@2026.4.2", word]);
    assert_eq!(ended.code, Some(code), "{}", ended.err);
    assert!(ended.err.contains(says), "{}", ended.err);
}
