//! Tests of browser origins.

use super::*;
use rstest::rstest;

const REFUSED: &str = "CONTROL_UI_ORIGIN_NOT_ALLOWED origin not allowed";
const MISSING: &str = "CONTROL_UI_ORIGIN_NOT_ALLOWED origin missing or invalid";

#[rstest]
#[case::cli_without(("cli", "cli"), None, "hello")]
#[case::cli_loopback(("cli", "cli"), Some("http://localhost:5173"), "PAIRING_REQUIRED not-paired")]
#[case::cli_foreign(("cli", "cli"), Some("https://evil.example"), REFUSED)]
#[case::control_ui_without(("openclaw-control-ui", "webchat"), None, MISSING)]
#[case::control_ui_loopback(("openclaw-control-ui", "webchat"), Some("http://127.0.0.1:18789"), "hello")]
#[case::control_ui_null(("openclaw-control-ui", "webchat"), Some("null"), MISSING)]
#[case::webchat_without(("webchat-ui", "webchat"), None, MISSING)]
#[case::tui_without(("openclaw-tui", "ui"), None, "hello")]
#[case::blank(("cli", "cli"), Some("  "), "hello")]
#[case::extension(("cli", "cli"), Some("chrome-extension://abc"), REFUSED)]
fn origin_required_by_client(
    #[case] client: (&'static str, &'static str),
    #[case] origin: Option<&'static str>,
    #[case] verdict: &str,
) {
    let mut connect = cli().client(client.0, client.1);
    if let Some(origin) = origin {
        connect = connect.header("origin", origin);
    }
    assert_eq!(gateway("2026.4.2").connect(&connect).verdict(), verdict);
}

#[rstest]
#[case(&["https://ui.example"], "https://ui.example", true)]
#[case(&[" HTTPS://UI.example "], "https://UI.EXAMPLE/", true)]
#[case(&["https://ui.example/"], "https://ui.example", false)]
#[case(&["https://ui.example"], "http://ui.example", false)]
#[case(&["*"], "https://anything.example", true)]
#[case(&["*"], "nonsense", false)]
fn allowed_origins_match_exactly(#[case] allowed: &[&str], #[case] origin: &'static str, #[case] passes: bool) {
    let allowed: Vec<String> = allowed.iter().map(|origin| (*origin).to_owned()).collect();
    let mut gateway = gateway_with("2026.4.2", |config| config.allowed_origins = allowed);
    let answer = gateway.connect(&cli().client("openclaw-control-ui", "webchat").header("origin", origin));
    assert_eq!(answer.verdict() == "hello", passes, "{}", answer.reasons);
}

#[rstest]
#[case(true, "http://box.lan:18789", "hello")]
#[case(true, "http://box.lan", REFUSED)]
#[case(false, "http://box.lan:18789", REFUSED)]
fn host_header_as_origin(#[case] fallback: bool, #[case] origin: &'static str, #[case] verdict: &str) {
    let mut gateway = gateway_with("2026.4.2", |config| config.allow_host_header_origin_fallback = fallback);
    let connect =
        cli().client("openclaw-control-ui", "webchat").header("origin", origin).header("host", "Box.lan:18789");
    assert_eq!(gateway.connect(&connect).verdict(), verdict);
}

#[test]
fn loopback_origin_needs_local_client() {
    let connect = cli().client("openclaw-control-ui", "webchat").header("origin", "http://localhost").from("10.0.0.5");
    let answer = gateway("2026.4.2").connect(&connect);
    assert_eq!(answer.verdict(), REFUSED);
    assert!(answer.reasons.contains("not local: the peer 10.0.0.5 is not loopback"), "{}", answer.reasons);
}
