//! `schema report`: every report is valid, and a report contains no member that the schema does not name.

use crate::harness::{SCENARIO, TestFolder};
use serde_json::{Value, json};

/// The printed schema, changed so that it refuses members that it does not name.
fn schema() -> Value {
    let printed = TestFolder::new(SCENARIO).clawcheck(&["schema", "report"]);
    assert_eq!(printed.code, Some(0), "{}", printed.err);
    let mut schema = serde_json::from_str(&printed.out).unwrap();
    close(&mut schema);
    schema
}

fn close(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(object) => {
            object.values_mut().for_each(close);
            if object.get("properties").is_some_and(Value::is_object) && object.contains_key("type") {
                object.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        _ => {}
    }
}

/// The errors of the schema for a report.
fn refused(report: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let refused = validator.iter_errors(report).take(5);
    refused.map(|error| format!("{}: {error}", error.instance_path()).chars().take(400).collect()).collect()
}

fn report(test_folder: &TestFolder, arguments: &[&str]) -> Value {
    let ran = test_folder.clawcheck(&[&["run", "--report", "json=-"], arguments].concat());
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.err))
}

#[test]
fn report_of_built_in_cases() {
    let test_folder = TestFolder::new(SCENARIO);
    let report = report(&test_folder, &["--gateway", "embedded@2026.3.31", "--trace"]);
    assert!(report["cases"].as_array().unwrap().len() > 100);
    assert_eq!(refused(&report), Vec::<String>::new());
}

#[test]
fn reports_with_findings() {
    let test_folder = TestFolder::new(&format!("{SCENARIO}    expect: hello\n"));
    let first = report(&test_folder, &["scenarios"]);
    assert_eq!(first["cases"][0]["findings"][0]["kind"], "expectation");
    assert_eq!(
        (&first["cases"][0]["differences"][0]["kind"], &first["causes"][0]["kind"]),
        (&json!("refused"), &json!("refused"))
    );
    assert_eq!(refused(&first), Vec::<String>::new());

    let explained = report(&test_folder, &["scenarios", "--explain"]);
    assert_eq!(explained["cases"][0]["explanation"]["steps"][0]["refused"], true);
    assert_eq!(refused(&explained), Vec::<String>::new());
    let mut broken = explained.clone();
    broken["cases"][0]["explanation"]["steps"][0]["trace"][0]["found"] = json!(1);
    assert!(!refused(&broken).is_empty(), "a trace without a text is accepted");

    let test_folder = TestFolder::new(SCENARIO);
    let first = report(&test_folder, &["scenarios"]);
    assert_eq!(first["cases"][0]["findings"][0]["kind"], "no-snapshot");
    assert_eq!(first["causes"][0]["kind"], "unapproved");
    assert_eq!(refused(&first), Vec::<String>::new());
    assert_eq!(test_folder.clawcheck(&["accept", "--all"]).code, Some(0));
    std::fs::write(test_folder.path("scenarios/family/case.yaml"), SCENARIO.replace(", via: nginx", "")).unwrap();
    let second = report(&test_folder, &["scenarios"]);
    assert_eq!(second["cases"][0]["findings"][0]["kind"], "snapshot");
    assert_eq!(second["causes"][0]["example"]["case"], "family/case");
    assert_eq!(refused(&second), Vec::<String>::new());
}

#[test]
fn rejects_other_documents() {
    let test_folder = TestFolder::new(SCENARIO);
    let good = report(&test_folder, &["scenarios"]);
    let changes: [(&str, Value); 8] = [
        ("/causes/0/kind", json!("unheard-of")),
        ("/cases/0/differences", json!([{ "kind": "let-in" }])),
        ("/schema", json!(2)),
        ("/cases/0/verdict", json!("fine")),
        ("/cases/0/findings/0/kind", json!("other")),
        ("/cases/0/observation/steps/0/seen/0/what", json!({ "unheard-of": 1 })),
        ("/gateway", json!({ "kind": "embedded" })),
        ("/cases/0/observation", json!({ "text": [], "steps": [], "store": null, "more": 1 })),
    ];
    for (pointer, value) in changes {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        assert!(!refused(&changed).is_empty(), "{pointer} is accepted");
    }
}
