use super::*;
use openclaw_model::config::AuthMode;
use rstest::rstest;
use serde_json::json;

const NEWEST: Release = Release::new(2026, 4, 8);

fn env(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The settings of a `gateway` section with `mode: "local"` added.
fn resolve(release: Release, mut gateway: Value, variables: &[(&str, &str)]) -> Result<Settings, StartRefusal> {
    if let Some(members) = gateway.as_object_mut() {
        members.entry("mode").or_insert(json!("local"));
    }
    Settings::resolve(release, &json!({ "gateway": gateway }), &env(variables))
}

fn refusal(release: Release, gateway: Value, variables: &[(&str, &str)]) -> String {
    let refusal = resolve(release, gateway, variables).unwrap_err();
    assert_eq!(refusal.exit_code, 1);
    refusal.lines.join("\n")
}

const TOKEN: (&str, &str) = ("OPENCLAW_GATEWAY_TOKEN", " from-env ");
const PASSWORD: (&str, &str) = ("OPENCLAW_GATEWAY_PASSWORD", "pw-env");

#[rstest]
#[case::token_in_file(json!({"token": " a "}), &[], AuthMode::Token, Some("a"), None)]
#[case::file_before_environment(json!({"token": "a"}), &[TOKEN], AuthMode::Token, Some("a"), None)]
#[case::environment(json!({}), &[TOKEN], AuthMode::Token, Some("from-env"), None)]
#[case::password_decides(json!({"password": "p"}), &[TOKEN], AuthMode::Password, Some("from-env"), Some("p"))]
#[case::password_in_environment(json!({}), &[PASSWORD, TOKEN], AuthMode::Password, Some("from-env"), Some("pw-env"))]
#[case::explicit_token(json!({"mode": "token", "token": "a", "password": "p"}), &[], AuthMode::Token, Some("a"), Some("p"))]
#[case::explicit_none(json!({"mode": "none"}), &[TOKEN], AuthMode::None, Some("from-env"), None)]
#[case::reference(json!({"token": {"source": "env", "provider": "default", "id": "MY"}}), &[("MY", "x")], AuthMode::Token, Some("x"), None)]
#[case::template(json!({"token": "${MY}-${MY}"}), &[("MY", "x")], AuthMode::Token, Some("x-x"), None)]
#[case::missing_in_a_longer_text(json!({"token": "a-${MY}"}), &[TOKEN], AuthMode::Token, Some("from-env"), None)]
#[case::reference_beside_the_environment(json!({"token": "${MY}"}), &[TOKEN], AuthMode::Token, Some("from-env"), None)]
fn authentication(
    #[case] auth: Value,
    #[case] variables: &[(&str, &str)],
    #[case] mode: AuthMode,
    #[case] token: Option<&str>,
    #[case] password: Option<&str>,
) {
    let settings = resolve(NEWEST, json!({ "auth": auth }), variables).unwrap();
    let found = (settings.gateway.auth_mode, settings.gateway.token.as_deref(), settings.gateway.password.as_deref());
    assert_eq!(found, (mode, token, password));
    assert_eq!(settings.generated_token, None);
}

#[test]
fn generates_missing_token() {
    let settings = resolve(NEWEST, json!({}), &[]).unwrap();
    let token = settings.generated_token.unwrap();
    assert_eq!((token.len(), Some(&token)), (48, settings.gateway.token.as_ref()));
    assert_ne!(Some(token), resolve(NEWEST, json!({}), &[]).unwrap().generated_token);
}

#[rstest]
#[case::both(json!({"auth": {"token": "a", "password": "b"}}), "are both configured, but gateway.auth.mode is unset")]
#[case::no_password(json!({"auth": {"mode": "password"}}), "Gateway auth is set to password, but no password is configured.")]
#[case::unresolved(json!({"auth": {"token": "${MY}"}}), "SecretRef is unresolved (env:default:MY)")]
#[case::open_to_the_network(json!({"bind": "lan", "auth": {"mode": "none"}}), "Refusing to bind gateway to lan without auth.")]
#[case::custom_without_host(json!({"bind": "custom"}), "gateway.bind=custom requires gateway.customBindHost")]
#[case::custom_with_a_name(json!({"bind": "custom", "customBindHost": "here"}), "requires a valid IPv4 customBindHost (got here)")]
#[case::proxy_unnamed(json!({"auth": {"mode": "trusted-proxy"}}), "no trustedProxy config was provided")]
#[case::proxy_nowhere(json!({"auth": {"mode": "trusted-proxy", "trustedProxy": {"userHeader": "x-user"}}}), "at least one proxy IP")]
#[case::funnel(json!({"tailscale": {"mode": "funnel"}}), "tailscale funnel requires gateway auth mode=password")]
#[case::serve_beyond_loopback(json!({"bind": "lan", "tailscale": {"mode": "serve"}}), "requires gateway bind=loopback")]
#[case::remote(json!({"mode": "remote"}), "Gateway start blocked: set gateway.mode=local (current: remote)")]
#[case::old_bind(json!({"bind": "0.0.0.0"}), "host aliases")]
fn refused_starts(#[case] gateway: Value, #[case] says: &str) {
    let lines = refusal(NEWEST, gateway, &[]);
    assert!(lines.contains(says), "{lines}");
}

#[rstest]
#[case(Release::new(2026, 4, 2), "(current: unset)")]
#[case(Release::new(2026, 4, 5), "existing config is missing gateway.mode")]
fn unset_mode_prevents_start(#[case] release: Release, #[case] says: &str) {
    let refusal = Settings::resolve(release, &json!({ "gateway": {} }), &[]).unwrap_err();
    assert!(refusal.to_string().contains(says), "{refusal}");
}

#[test]
fn trusted_proxy_with_token_since_2026_3_31() {
    let auth = json!({"mode": "trusted-proxy", "token": "a", "trustedProxy": {"userHeader": "x-user"}});
    let gateway = json!({ "auth": auth, "trustedProxies": ["127.0.0.1"] });
    let settings = resolve(Release::new(2026, 3, 28), gateway.clone(), &[]).unwrap();
    assert_eq!(settings.gateway.trusted_proxy.unwrap().user_header, "x-user");
    assert!(refusal(Release::new(2026, 3, 31), gateway, &[]).contains("mutually exclusive"));
}

#[test]
fn shape_errors_match_release() {
    let gateway = json!({
        "mode": "locl", "port": "x", "foo": 1, "bar-x": 2, "trustedProxies": "127.0.0.1",
        "controlUi": { "enabled": 1, "allowedOrigins": [1, "a", null], "foo": 1 },
        "auth": { "token": 12, "password": { "source": "env" }, "rateLimit": { "maxAttempts": "a", "z": 1 },
                  "trustedProxy": { "userHeader": "" } },
        "channelHealthCheckMinutes": 1.5,
    });
    let refusal = Settings::resolve(NEWEST, &json!({ "gateway": gateway }), &[]).unwrap_err();
    // The output of 2026.4.2.
    let expected = [
        "Config invalid",
        "Problem:",
        "  - gateway.port: Invalid input: expected number, received string",
        "  - gateway.mode: Invalid input (allowed: \"local\", \"remote\")",
        "  - gateway.controlUi.enabled: Invalid input: expected boolean, received number (allowed: true, false)",
        "  - gateway.controlUi.allowedOrigins.0: Invalid input: expected string, received number",
        "  - gateway.controlUi.allowedOrigins.2: Invalid input: expected string, received null",
        "  - gateway.controlUi: Unrecognized key: \"foo\"",
        "  - gateway.auth.token: Invalid input",
        "  - gateway.auth.password: Invalid input",
        "  - gateway.auth.rateLimit.maxAttempts: Invalid input: expected number, received string",
        "  - gateway.auth.rateLimit: Unrecognized key: \"z\"",
        "  - gateway.auth.trustedProxy.userHeader: userHeader is required for trusted-proxy mode",
        "  - gateway.trustedProxies: Invalid input: expected array, received string",
        "  - gateway.channelHealthCheckMinutes: Invalid input: expected int, received number",
        "  - gateway: Unrecognized keys: \"foo\", \"bar-x\"",
    ];
    assert_eq!(refusal.lines, expected);
}

#[rstest]
#[case(&[], json!({}), 18789)]
#[case(&[], json!({"port": 7}), 7)]
#[case(&[("OPENCLAW_GATEWAY_PORT", "8")], json!({"port": 7}), 8)]
#[case(&[("OPENCLAW_GATEWAY_PORT", "localhost:9")], json!({}), 9)]
#[case(&[("OPENCLAW_GATEWAY_PORT", "[::1]:9")], json!({}), 9)]
#[case(&[("OPENCLAW_GATEWAY_PORT", "::1:9")], json!({"port": 7}), 7)]
#[case(&[("OPENCLAW_GATEWAY_PORT", "0")], json!({"port": 7}), 7)]
fn port_of_variable_or_configuration(#[case] variables: &[(&str, &str)], #[case] gateway: Value, #[case] port: u16) {
    assert_eq!(resolve(NEWEST, gateway, variables).unwrap().gateway.port, port);
}

#[rstest]
#[case("2500", Some(2500))]
#[case("0", None)]
#[case("-1", None)]
#[case("soon", None)]
fn handshake_timeouts(#[case] value: &str, #[case] timeout: Option<u64>) {
    let settings = resolve(NEWEST, json!({}), &[("OPENCLAW_HANDSHAKE_TIMEOUT_MS", value)]).unwrap();
    assert_eq!(settings.gateway.handshake_timeout_ms, timeout);
}

#[test]
fn lan_bind_gets_local_origins() {
    let settings = resolve(NEWEST, json!({"bind": "lan", "auth": {"token": "a"}, "port": 7}), &[]).unwrap();
    assert_eq!(settings.gateway.allowed_origins, ["http://localhost:7", "http://127.0.0.1:7"]);
    assert!(settings.bind.host.is_unspecified());
    let auto = |release| resolve(release, json!({"bind": "auto"}), &[]).unwrap().gateway.allowed_origins.len();
    assert_eq!((auto(Release::new(2026, 4, 5)), auto(NEWEST)), (0, 2));
}

#[test]
fn partial_rate_limit_gets_defaults() {
    let limit = resolve(NEWEST, json!({"auth": {"rateLimit": {"maxAttempts": 3}}}), &[]).unwrap().gateway.rate_limit;
    let limit = limit.unwrap();
    assert_eq!(
        (limit.max_attempts, limit.window_ms, limit.lockout_ms, limit.exempt_loopback),
        (3, 60_000, 300_000, true)
    );
    assert_eq!(resolve(NEWEST, json!({}), &[]).unwrap().gateway.rate_limit, None);
}

#[rstest]
#[case(json!({}), false)]
#[case(json!({"tailscale": {"mode": "serve"}}), true)]
#[case(json!({"tailscale": {"mode": "serve"}, "auth": {"password": "p"}}), false)]
#[case(json!({"auth": {"allowTailscale": true}}), true)]
fn tailscale(#[case] gateway: Value, #[case] allowed: bool) {
    assert_eq!(resolve(NEWEST, gateway, &[]).unwrap().gateway.allow_tailscale, allowed);
}

#[test]
fn keeps_other_sections_and_escapes() {
    let config = json!({ "gateway": { "mode": "local", "auth": { "token": "x$${A}y$z" } }, "nonsense": [1] });
    let settings = Settings::resolve(NEWEST, &config, &[]).unwrap();
    // The rest looks like a reference, so the release does not treat it as a secret (`trimCredentialToUndefined`).
    assert!(settings.generated_token.is_some());
    assert!(settings.warnings.iter().all(|line| !line.contains("missing env var")));
}
