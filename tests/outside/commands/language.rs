//! The commands `lint`, `list` and `schema`: their output and their exit codes.

use assert_cmd::Command;

#[expect(clippy::unwrap_used, reason = "this is a test's")]
fn clawcheck(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("clawcheck").unwrap().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn built_in_scenarios_in_order() {
    let elsewhere = tempfile::tempdir().unwrap();
    let output = Command::cargo_bin("clawcheck").unwrap().arg("lint").current_dir(elsewhere.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn invalid_file_shows_position() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("name.yaml");
    std::fs::write(&file, "scenario: Title\nsteps:\n  - connect: { device: laptop, scoeps: [x] }\n").unwrap();
    for command in ["lint", "list"] {
        let (code, out, err) = clawcheck(&[command, file.to_str().unwrap()]);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.contains("name.yaml:3:32") && err.contains("did you mean `scopes`?"), "{err}");
    }
}

#[test]
fn list_with_filters() {
    let (code, out, _) = clawcheck(&["list", "--filter", "role-upgrade"]);
    assert_eq!(code, 0);
    assert!(out.lines().count() > 1 && out.lines().all(|line| line.starts_with("role-upgrade/")), "{out}");
    let (code, out, _) = clawcheck(&["list", "--filter", "role-upgrade", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &document["schema"]), (0, &serde_json::json!(1)));
    assert_eq!(document["cases"][0]["family"], "role-upgrade");
    let (code, out, _) = clawcheck(&["list", "role-upgrade/client", "--format", "markdown"]);
    assert_eq!(code, 0);
    let rows = out.lines().map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    assert_eq!((rows[0].as_str(), rows.len()), ("| case | title |", 3), "{out}");
    assert!(rows[2].starts_with("| `role-upgrade/client` | `"), "{out}");
    let (_, out, _) = clawcheck(&["list", "role-upgrade/client", "--gateway", "embedded", "--format", "markdown"]);
    assert!(out.starts_with("| case") && out.contains("| played |"), "{out}");
}

#[test]
fn empty_selection_exit_code() {
    let (code, out, err) = clawcheck(&["list", "--filter", "no-such-case"]);
    assert_eq!((code, out.as_str()), (4, ""));
    assert!(err.contains("no case matches `no-such-case`"), "{err}");
}

#[test]
fn invalid_glob_is_usage_error() {
    assert_eq!(clawcheck(&["list", "--filter", "a[b"]).0, 2);
}

#[test]
fn schema_prints_json() {
    let (code, out, _) = clawcheck(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &schema["type"]), (0, &serde_json::json!("object")));
}
