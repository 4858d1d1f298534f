//! Tests of the gateway's secret, device tokens, bootstrap tokens and rate limits.

use super::*;
use crate::AuthMode;
use crate::config::{RateLimit, TrustedProxy};
use rstest::rstest;

#[rstest]
#[case::right(json!({"token": TOKEN}), "hello")]
#[case::spaced(json!({"token": " right "}), "hello")]
#[case::none(json!({}), "AUTH_TOKEN_MISSING")]
#[case::wrong(json!({"token": "wrong"}), "AUTH_TOKEN_MISMATCH")]
#[case::password(json!({"password": TOKEN}), "AUTH_TOKEN_MISSING")]
#[case::device_token(json!({"deviceToken": TOKEN}), "AUTH_DEVICE_TOKEN_MISMATCH")]
#[case::wrong_beside_device_token(json!({"token": "wrong", "deviceToken": "x"}), "AUTH_DEVICE_TOKEN_MISMATCH")]
#[case::bootstrap(json!({"bootstrapToken": "x"}), "AUTH_BOOTSTRAP_TOKEN_INVALID")]
fn device_on_gateway_with_token(#[case] auth: Value, #[case] verdict: &str) {
    assert_eq!(gateway("2026.4.2").connect(&cli().auth(auth)).verdict(), verdict);
}

#[rstest]
#[case(json!({"password": "pw"}), "hello")]
#[case(json!({"password": "wrong"}), "AUTH_PASSWORD_MISMATCH")]
#[case(json!({"token": "pw"}), "AUTH_PASSWORD_MISSING")]
fn password_mode_needs_matching_password(#[case] auth: Value, #[case] verdict: &str) {
    let mut gateway = gateway_with("2026.4.2", |config| {
        config.auth_mode = AuthMode::Password;
        config.password = Some("pw".to_owned());
    });
    assert_eq!(gateway.connect(&cli().auth(auth)).verdict(), verdict);
}

#[rstest]
#[case::token(|c: &mut GatewayConfig| c.token = None, "AUTH_TOKEN_NOT_CONFIGURED")]
#[case::password(|c: &mut GatewayConfig| c.auth_mode = AuthMode::Password, "AUTH_PASSWORD_NOT_CONFIGURED")]
#[case::none(|c: &mut GatewayConfig| c.auth_mode = AuthMode::None, "hello")]
#[case::proxy(|c: &mut GatewayConfig| c.auth_mode = AuthMode::TrustedProxy, "AUTH_UNAUTHORIZED")]
fn missing_secret_of_gateway_is_reported(#[case] settings: fn(&mut GatewayConfig), #[case] verdict: &str) {
    assert_eq!(gateway_with("2026.4.2", settings).connect(&cli()).verdict(), verdict);
}

#[rstest]
#[case::cli(("cli", "cli"), "unauthorized: gateway token mismatch (set gateway.remote.token to match gateway.auth.token)")]
#[case::tui(("openclaw-tui", "ui"), "unauthorized: gateway token mismatch (open the dashboard URL and paste the token in Control UI settings)")]
#[case::other(("test", "test"), "unauthorized: gateway token mismatch (provide gateway auth token)")]
fn hints_for_each_client(#[case] client: (&'static str, &'static str), #[case] message: &str) {
    let answer = gateway("2026.4.2").connect(&cli().client(client.0, client.1).auth(json!({"token": "wrong"})));
    assert_eq!(answer.payload["message"], message);
    assert_eq!(answer.close, Some((1008, message.chars().take(120).collect())));
    assert_eq!(
        answer.payload["details"],
        json!({"code": "AUTH_TOKEN_MISMATCH", "authReason": "token_mismatch", "canRetryWithDeviceToken": true,
               "recommendedNextStep": "retry_with_device_token"})
    );
}

#[rstest]
#[case::own(json!({"deviceToken": "tok"}), "operator", "hello")]
#[case::as_token(json!({"token": "tok"}), "operator", "hello")]
#[case::wrong(json!({"deviceToken": "no"}), "operator", "AUTH_DEVICE_TOKEN_MISMATCH")]
#[case::wrong_as_token(json!({"token": "no"}), "operator", "AUTH_TOKEN_MISMATCH")]
#[case::other_role(json!({"deviceToken": "tok"}), "node", "AUTH_DEVICE_TOKEN_MISMATCH")]
fn device_token_of_paired_device(#[case] auth: Value, #[case] role: &'static str, #[case] verdict: &str) {
    let mut gateway = gateway("2026.4.2").with(Document::DevicesPaired, paired("d", &["operator.read"]));
    let scopes: &[&str] = if role == "node" { &[] } else { &["operator.read"] };
    assert_eq!(gateway.connect(&cli().auth(auth).role(role).scopes(scopes)).verdict(), verdict);
}

fn limited(release: &str) -> TestGateway {
    gateway_with(release, |config| {
        config.rate_limit =
            Some(RateLimit { max_attempts: 2, window_ms: 1_000, lockout_ms: 5_000, exempt_loopback: true });
    })
}

#[rstest]
#[case::remote("10.0.0.5", "AUTH_RATE_LIMITED")]
#[case::loopback("127.0.0.1", "AUTH_TOKEN_MISMATCH")]
fn lock_out_after_wrong_secrets(#[case] address: &'static str, #[case] verdict: &str) {
    let mut gateway = limited("2026.4.2");
    let wrong = cli().without_device().from(address).auth(json!({"token": "wrong"}));
    for _ in 0..2 {
        assert_eq!(gateway.connect(&wrong).verdict(), "AUTH_TOKEN_MISMATCH");
    }
    assert_eq!(gateway.connect(&wrong).verdict(), verdict);
    gateway.now += 5_000;
    assert_eq!(gateway.connect(&wrong).verdict(), "AUTH_TOKEN_MISMATCH");
}

#[rstest]
#[case("2026.3.28", "AUTH_TOKEN_MISMATCH")]
#[case("2026.3.31", "AUTH_RATE_LIMITED")]
fn wrong_secret_with_device_counts_since_2026_3_31(#[case] release: &str, #[case] verdict: &str) {
    let mut gateway = limited(release);
    let wrong = cli().from("10.0.0.5").auth(json!({"token": "wrong"}));
    gateway.connect(&wrong);
    gateway.connect(&wrong);
    // Without a device, only the count of the secret matters.
    assert_eq!(gateway.connect(&wrong.clone().without_device()).verdict(), verdict);
}

#[rstest]
#[case("2026.2.26", "AUTH_RATE_LIMITED")]
#[case("2026.3.13", "hello")]
fn missing_secret_counts_until_2026_2_26(#[case] release: &str, #[case] verdict: &str) {
    let mut gateway = limited(release);
    let nothing = cli().without_device().from("10.0.0.5").auth(json!({}));
    for _ in 0..3 {
        gateway.connect(&nothing);
    }
    assert_eq!(gateway.connect(&nothing.auth(json!({"token": TOKEN}))).verdict(), verdict);
}

#[rstest]
#[case("2026.4.2", "AUTH_RATE_LIMITED")]
#[case("2026.4.5", "hello")]
fn lock_out_spares_device_tokens_since_2026_4_5(#[case] release: &str, #[case] verdict: &str) {
    let mut gateway = limited(release).with(Document::DevicesPaired, paired("d", &["operator.read"]));
    let wrong = cli().without_device().from("10.0.0.5").auth(json!({"token": "wrong"}));
    gateway.connect(&wrong);
    gateway.connect(&wrong);
    let with_both = cli().from("10.0.0.5").auth(json!({"token": "wrong", "deviceToken": "tok"}));
    assert_eq!(gateway.connect(&with_both).verdict(), verdict);
}

#[rstest]
#[case("2026.4.2", "AUTH_RATE_LIMITED")]
#[case("2026.4.5", "AUTH_TOKEN_MISMATCH")]
fn loopback_browsers_share_limit_until_2026_4_2(#[case] release: &str, #[case] verdict: &str) {
    let mut gateway = gateway(release);
    let page = |origin| cli().without_device().header("origin", origin).auth(json!({"token": "wrong"}));
    for _ in 0..10 {
        assert_eq!(gateway.connect(&page("http://localhost:1")).verdict(), "AUTH_TOKEN_MISMATCH");
    }
    assert_eq!(gateway.connect(&page("http://localhost:1")).verdict(), "AUTH_RATE_LIMITED");
    assert_eq!(gateway.connect(&page("http://localhost:2")).verdict(), verdict);
}

#[rstest]
#[case::vouched("10.0.0.1", vec![("x-user", "ann")], "hello")]
#[case::not_listed("10.0.0.9", vec![("x-user", "ann")], "trusted_proxy_untrusted_source")]
#[case::loopback("127.0.0.1", vec![("x-user", "ann")], "trusted_proxy_loopback_source")]
#[case::nobody("10.0.0.1", vec![], "trusted_proxy_user_missing")]
#[case::stranger("10.0.0.1", vec![("x-user", "eve")], "trusted_proxy_user_not_allowed")]
fn trusted_proxy_authenticates_users(
    #[case] address: &'static str,
    #[case] headers: Vec<(&'static str, &'static str)>,
    #[case] expected: &str,
) {
    let mut gateway = gateway_with("2026.4.2", |config| {
        config.auth_mode = AuthMode::TrustedProxy;
        config.trusted_proxies = vec!["10.0.0.1".to_owned(), "127.0.0.1".to_owned()];
        config.trusted_proxy = Some(TrustedProxy {
            user_header: "X-User".to_owned(),
            required_headers: Vec::new(),
            allow_users: vec!["ann".to_owned()],
            allow_loopback: false,
            auto_approve: None,
        });
        config.allowed_origins = vec!["*".to_owned()];
    });
    let mut connect = cli()
        .client("openclaw-control-ui", "webchat")
        .from(address)
        .header("origin", "https://ui.example")
        .auth(json!({}));
    connect.headers.extend(headers);
    let answer = gateway.connect(&connect);
    match expected {
        "hello" => assert_eq!(answer.verdict(), "hello"),
        reason => assert_eq!(answer.payload["details"]["authReason"], reason),
    }
}
