//! Generates the gateway configurations of a seed. There are few, so that many stories can share one gateway.

use super::rng::Rng;
use serde_json::{Map, Value, json};

/// The maximum number of configurations of a seed.
pub(super) const CONFIGURATIONS: u32 = 20;
/// The limit of failed credentials. It is high, so that stories on one gateway do not lock each other out. The
/// built-in scenarios test the limit itself.
const MAX_ATTEMPTS: u32 = 1_000_000;
/// The origin of the Control UI page.
pub(super) const PANEL: &str = "https://panel.example";

/// Returns the `gateway` section for one configuration of a seed. The first configuration is the default.
pub(super) fn settings(seed: u64, number: u32) -> Value {
    let rng = &mut Rng::new(seed, "configuration", number.into());
    let mut fields = Map::new();
    fields.insert("rate-limit".to_owned(), json!({ "max-attempts": MAX_ATTEMPTS }));
    if number == 0 {
        return Value::Object(fields);
    }
    match rng.pick(&[(10, "token"), (4, "none"), (4, "password"), (2, "both")]) {
        "token" => {}
        "both" => {
            fields.insert("auth".to_owned(), json!({ "mode": "token", "token": "shared", "password": "second" }));
        }
        mode => {
            fields.insert("auth".to_owned(), json!({ "mode": mode }));
        }
    }
    if let Some(proxies) = proxies(rng) {
        fields.insert("trusted-proxies".to_owned(), proxies);
    }
    if rng.chance(20) {
        fields.insert("real-ip-fallback".to_owned(), json!(true));
    }
    let control_ui = control_ui(rng);
    if !control_ui.is_empty() {
        fields.insert("control-ui".to_owned(), Value::Object(control_ui));
    }
    Value::Object(fields)
}

fn proxies(rng: &mut Rng) -> Option<Value> {
    rng.pick(&[
        (8, None),
        (5, Some(json!(["127.0.0.1"]))),
        (2, Some(json!(["127.0.0.0/8", "::1"]))),
        (1, Some(json!(["127.0.0.1", "203.0.113.7"]))),
        (2, Some(json!(["10.0.0.0/8"]))),
        (1, Some(json!([]))),
    ])
}

fn control_ui(rng: &mut Rng) -> Map<String, Value> {
    let mut fields = Map::new();
    for (flag, percent) in
        [("allow-insecure-auth", 25), ("disable-device-auth", 15), ("host-header-origin-fallback", 10)]
    {
        if rng.chance(percent) {
            fields.insert(flag.to_owned(), json!(true));
        }
    }
    if let Some(origins) = rng.pick(&[(6, None), (5, Some(json!([PANEL]))), (1, Some(json!(["*"])))]) {
        fields.insert("allowed-origins".to_owned(), origins);
    }
    fields
}
