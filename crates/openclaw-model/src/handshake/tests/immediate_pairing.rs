//! Tests of devices that are paired immediately: with a setup code that has a purpose, or for the user of a reverse
//! proxy (2026.9.6).

use super::*;
use crate::AuthMode;
use crate::config::{AutoApprove, TrustedProxy};
use rstest::rstest;

const NEW: &str = "2026.9.6";
const LIMITED: [&str; 5] =
    ["operator.approvals", "operator.questions", "operator.read", "operator.talk.secrets", "operator.write"];
const OWNER: [&str; 7] = [
    "operator.admin",
    "operator.approvals",
    "operator.pairing",
    "operator.questions",
    "operator.read",
    "operator.talk.secrets",
    "operator.write",
];

/// A gateway on a network with one setup code, `code`.
fn with_code(profile: Value) -> TestGateway {
    let code = json!({"code": {"token": "code", "profile": profile, "issuedAtMs": NOW, "ts": NOW}});
    let settings = |config: &mut GatewayConfig| {
        config.trusted_proxies = vec!["127.0.0.1".to_owned()];
        config.allowed_origins = vec!["*".to_owned()];
    };
    gateway_with(NEW, settings).with(Document::DevicesBootstrap, code)
}

fn by_code(connect: Connect) -> Connect {
    let remote = connect.header("x-forwarded-for", "203.0.113.7").auth(json!({"bootstrapToken": "code"}));
    remote.tampered(|params| params["maxProtocol"] = json!(4))
}

fn phone() -> Connect {
    by_code(cli().client("openclaw-ios", "node").machine("iOS 26.1", "iPhone").role("node").scopes(&[]))
}

fn voice() -> Connect {
    by_code(cli().client("node-host", "node").machine("ESP32 S3", "ESP32").role("node").scopes(&[]))
}

fn page(scopes: &[&'static str]) -> Connect {
    let page = cli().client("openclaw-control-ui", "webchat").scopes(scopes).header("origin", "https://ui.example");
    by_code(page)
}

fn full() -> Vec<&'static str> {
    std::iter::once("operator.admin").chain(LIMITED).collect()
}

#[rstest]
#[case::limited(phone(), json!({"roles": ["node", "operator"], "scopes": LIMITED}), json!(LIMITED))]
#[case::full(phone(), json!({"roles": ["node", "operator"], "scopes": full(), "purpose": "mobile-full"}), json!(full()))]
#[case::voice(
    voice(),
    json!({"roles": ["node", "operator"], "scopes": ["operator.read", "operator.talk"], "purpose": "voice-node"}),
    json!(["operator.read", "operator.talk"])
)]
fn setup_code_scopes_by_purpose(#[case] connect: Connect, #[case] profile: Value, #[case] scopes: Value) {
    let answer = with_code(profile).connect(&connect);
    assert_eq!(answer.verdict(), "hello", "{}", answer.reasons);
    assert_eq!(answer.payload["auth"]["deviceTokens"][0]["scopes"], scopes);
}

#[rstest]
#[case::without_its_purpose(phone(), json!({"roles": ["node", "operator"], "scopes": full()}))]
#[case::of_another_client(voice(), json!({"roles": ["node", "operator"], "scopes": full(), "purpose": "mobile-full"}))]
#[case::too_few_scopes(phone(), json!({"roles": ["node", "operator"], "scopes": LIMITED, "purpose": "mobile-full"}))]
fn mismatched_setup_code_needs_approval(#[case] connect: Connect, #[case] profile: Value) {
    let answer = with_code(profile).connect(&connect);
    assert_eq!(answer.verdict(), "PAIRING_REQUIRED not-paired", "{}", answer.reasons);
}

#[rstest]
#[case::owner("control-ui-owner", &OWNER, &OWNER, "hello")]
#[case::owner_with_less("control-ui-owner", &OWNER, &["operator.read"], "AUTH_BOOTSTRAP_TOKEN_INVALID")]
#[case::page("control-ui", &["operator.read", "operator.write"], &["operator.read"], "hello")]
#[case::page_of_an_admin("control-ui", &OWNER, &["operator.read"], "PAIRING_REQUIRED not-paired")]
#[case::no_page("fancy", &["operator.read"], &["operator.read"], "PAIRING_REQUIRED not-paired")]
fn link_pairs_control_ui(
    #[case] purpose: &str,
    #[case] held: &[&str],
    #[case] requested: &[&'static str],
    #[case] expected: &str,
) {
    let mut gateway = with_code(json!({"roles": ["operator"], "scopes": held, "purpose": purpose}));
    let answer = gateway.connect(&page(requested));
    assert_eq!(answer.verdict(), expected, "{}", answer.reasons);
}

#[rstest]
#[case::unsaid(None, &["operator.admin", "operator.read"], json!(["operator.questions", "operator.read"]))]
#[case::given(Some(vec!["operator.read".to_owned()]), &["operator.admin", "operator.read"], json!(["operator.read"]))]
#[case::nothing(Some(vec!["operator.read".to_owned()]), &["operator.admin"], json!([]))]
fn pairs_page_of_proxy_user(
    #[case] granted: Option<Vec<String>>,
    #[case] requested: &[&'static str],
    #[case] scopes: Value,
) {
    let mut gateway = gateway_with(NEW, |config| {
        config.auth_mode = AuthMode::TrustedProxy;
        config.trusted_proxies = vec!["127.0.0.1".to_owned()];
        config.allowed_origins = vec!["*".to_owned()];
        config.trusted_proxy = Some(TrustedProxy {
            user_header: "X-User".to_owned(),
            required_headers: Vec::new(),
            allow_users: Vec::new(),
            allow_loopback: true,
            auto_approve: Some(AutoApprove { scopes: granted }),
        });
    });
    let answer = gateway.connect(&page(requested).header("x-user", "ann").auth(json!({})));
    assert_eq!(answer.verdict(), "hello", "{}", answer.reasons);
    assert_eq!(answer.payload["auth"]["scopes"], scopes);
    let record = gateway.document(Document::DevicesPaired);
    let record = record.as_object().unwrap().values().next().unwrap();
    assert_eq!((&record["approvedVia"], &record["approvedScopes"]), (&json!("trusted-proxy"), &scopes));
}
