//! Tests of connects without a device, and of device proofs.

use super::*;
use rstest::rstest;

#[rstest]
#[case::cli(("cli", "cli"), json!({"token": TOKEN}), "hello")]
#[case::wrong_token(("cli", "cli"), json!({"token": "wrong"}), "AUTH_TOKEN_MISMATCH")]
#[case::no_token(("cli", "cli"), json!({}), "DEVICE_IDENTITY_REQUIRED")]
#[case::blank_token(("cli", "cli"), json!({"token": " "}), "AUTH_TOKEN_MISSING")]
#[case::device_token_only(("cli", "cli"), json!({"deviceToken": TOKEN}), "DEVICE_IDENTITY_REQUIRED")]
#[case::tui(("openclaw-tui", "ui"), json!({"token": TOKEN}), "CONTROL_UI_DEVICE_IDENTITY_REQUIRED")]
fn clients_without_device(#[case] client: (&'static str, &'static str), #[case] auth: Value, #[case] verdict: &str) {
    let connect = cli().without_device().client(client.0, client.1).auth(auth);
    assert_eq!(gateway("2026.4.2").connect(&connect).verdict(), verdict);
}

#[rstest]
#[case::none(false, false, "127.0.0.1", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED", 0)]
#[case::insecure(true, false, "127.0.0.1", "hello", 1)]
#[case::insecure_remote(true, false, "10.0.0.5", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED", 0)]
#[case::disabled(false, true, "10.0.0.5", "hello", 1)]
fn control_ui_flags(
    #[case] insecure: bool,
    #[case] disabled: bool,
    #[case] address: &'static str,
    #[case] verdict: &str,
    #[case] scopes: usize,
) {
    let mut gateway = gateway_with("2026.4.2", |config| {
        config.control_ui_allow_insecure_auth = insecure;
        config.control_ui_disable_device_auth = disabled;
        config.allowed_origins = vec!["*".to_owned()];
    });
    let connect = cli()
        .without_device()
        .client("openclaw-control-ui", "webchat")
        .header("origin", "http://localhost:18789")
        .from(address);
    assert_eq!(gateway.connect(&connect).verdict(), verdict);
    assert_eq!(gateway.model.clients().iter().map(|(_, client)| client.scopes.len()).sum::<usize>(), scopes);
}

#[test]
fn node_needs_device() {
    let connect = cli().without_device().role("node").scopes(&[]);
    assert_eq!(gateway("2026.4.2").connect(&connect).verdict(), "DEVICE_IDENTITY_REQUIRED");
}

#[test]
fn scopes_are_cleared_without_device() {
    let mut gateway = gateway("2026.4.2");
    assert_eq!(gateway.connect(&cli().without_device()).verdict(), "hello");
    assert_eq!(gateway.model.clients()[0].1.scopes, Vec::<String>::new());
}

#[test]
fn scopes_remain_without_auth() {
    let mut gateway = gateway_with("2026.4.2", |config| config.auth_mode = crate::AuthMode::None);
    assert_eq!(gateway.connect(&cli().without_device().auth(json!({}))).verdict(), "DEVICE_IDENTITY_REQUIRED");
}

#[rstest]
#[case::as_it_is(|_: &mut Value| {}, "hello")]
#[case::other_id(|p: &mut Value| p["device"]["id"] = json!("00"), "DEVICE_AUTH_DEVICE_ID_MISMATCH device-id-mismatch")]
#[case::no_key(|p: &mut Value| p["device"]["publicKey"] = json!("!"), "DEVICE_AUTH_DEVICE_ID_MISMATCH device-id-mismatch")]
#[case::old_edge(|p: &mut Value| p["device"]["signedAt"] = json!(NOW - 120_000), "DEVICE_AUTH_SIGNATURE_INVALID device-signature")]
#[case::old(|p: &mut Value| p["device"]["signedAt"] = json!(NOW - 120_001), "DEVICE_AUTH_SIGNATURE_EXPIRED device-signature-stale")]
#[case::early(|p: &mut Value| p["device"]["signedAt"] = json!(NOW + 120_001), "DEVICE_AUTH_SIGNATURE_EXPIRED device-signature-stale")]
#[case::blank_nonce(|p: &mut Value| p["device"]["nonce"] = json!(" "), "DEVICE_AUTH_NONCE_REQUIRED device-nonce-missing")]
#[case::wrong_nonce(|p: &mut Value| p["device"]["nonce"] = json!("x"), "DEVICE_AUTH_NONCE_MISMATCH device-nonce-mismatch")]
#[case::wrong_signature(|p: &mut Value| p["device"]["signature"] = json!("AAAA"), "DEVICE_AUTH_SIGNATURE_INVALID device-signature")]
#[case::more_scopes(|p: &mut Value| p["scopes"] = json!(["operator.admin"]), "DEVICE_AUTH_SIGNATURE_INVALID device-signature")]
#[case::other_platform(|p: &mut Value| p["client"]["platform"] = json!("darwin"), "DEVICE_AUTH_SIGNATURE_INVALID device-signature")]
#[case::pem(|p: &mut Value| p["device"]["publicKey"] = json!(DeviceKey::from_name("d").public_key_pem()), "hello")]
#[case::id_before_age(|p: &mut Value| { p["device"]["id"] = json!("00"); p["device"]["signedAt"] = json!(1) }, "DEVICE_AUTH_DEVICE_ID_MISMATCH device-id-mismatch")]
fn order_of_proof_checks(#[case] tamper: fn(&mut Value), #[case] verdict: &str) {
    let answer = gateway("2026.4.2").connect(&cli().tampered(tamper));
    assert_eq!(answer.verdict(), verdict);
    assert_eq!(answer.close_code(), (verdict != "hello").then_some(1008));
}

#[rstest]
#[case(ProofVersion::V3, "hello")]
#[case(ProofVersion::V2, "hello")]
#[case(ProofVersion::V1, "DEVICE_AUTH_SIGNATURE_INVALID device-signature")]
fn accepts_v2_and_v3_proofs(#[case] version: ProofVersion, #[case] verdict: &str) {
    assert_eq!(gateway("2026.4.2").connect(&Connect { version, ..cli() }).verdict(), verdict);
}

#[test]
fn proof_without_platform() {
    let connect = Connect { version: ProofVersion::V2, ..cli() };
    let answer = gateway("2026.4.2").connect(&connect.tampered(|p| p["client"]["platform"] = json!("darwin")));
    assert_eq!(answer.verdict(), "hello");
}
