//! `clawcheck releases`: what changed between two releases.

use crate::harness::TestFolder;
use serde_json::Value;

#[test]
fn changes_of_configuration_and_start() {
    let test_folder = TestFolder::new("scenario: Nothing\nsteps: []\n");
    let changes = |range: &str| {
        let ran = test_folder.clawcheck(&["releases", range, "--format", "json"]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        let releases = document["releases"].as_array().unwrap().clone();
        releases.into_iter().flat_map(|release| release["changes"].as_array().unwrap().clone()).collect::<Vec<_>>()
    };
    let says =
        |changes: &[Value], words: &str| changes.iter().any(|change| change["what"].as_str().unwrap().contains(words));
    assert!(says(&changes("2026.4.5..2026.4.8"), "gateway.bind: auto"));
    assert!(says(&changes("2026.4.2..2026.4.5"), "`operator.talk.secrets` by default"));
    let upgrade = changes("2026.2.26..2026.3.13");
    assert!(
        says(&upgrade, "gateway.controlUi.allowedOrigins") && says(&upgrade, "no `gateway.auth.mode` does not start")
    );

    let origins = upgrade.iter().find(|change| change["what"].as_str().unwrap().contains("allowedOrigins")).unwrap();
    assert_eq!(origins["not_yet"], "2026.2.26");
    assert_eq!(origins["sources"][0], "src/config/gateway-control-ui-origins.ts buildDefaultControlUiAllowedOrigins");
    let link = "https://github.com/openclaw/openclaw/blob/v2026.3.13/src/config/gateway-control-ui-origins.ts";
    assert_eq!(origins["links"], serde_json::json!([link]));
    let ran = test_folder.clawcheck(&["releases", "--format", "json"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["default"], openclaw_model::releases::DEFAULT.to_string());
    // CI reads it with `sed`.
    assert!(ran.out.contains(&format!("\n  \"default\": \"{}\",\n", openclaw_model::releases::DEFAULT)), "{}", ran.out);
    test_folder.leaves_nothing();
}
