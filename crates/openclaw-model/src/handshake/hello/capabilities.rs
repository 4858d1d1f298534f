//! The capabilities that gateways declare, and the parts of `hello-ok` that contain them.

use crate::facts::capabilities::MODEL_CATALOG;
use crate::handshake::HandshakeRules;
use serde_json::{Value, json};

/// The payload of `connect.challenge`.
pub(crate) fn challenge(rules: &HandshakeRules, nonce: &str, now: i64) -> Value {
    match rules.capabilities.contains(&MODEL_CATALOG) {
        true => json!({ "nonce": nonce, "ts": now, "capabilities": [MODEL_CATALOG] }),
        false => json!({ "nonce": nonce, "ts": now }),
    }
}

/// `controlUiWidgetKinds`: what may stand on a dashboard. The browser's widget is for administrators.
pub(in crate::handshake) fn widget_kinds(admin: bool) -> Value {
    let kind = |plugin: &str, kind: &str, label: &str| json!({ "pluginId": plugin, "kind": kind, "label": label });
    let browser = admin.then(|| kind("browser", "browser:dashboard", "Browser"));
    let session = [("report", "Report"), ("progress", "Session progress"), ("website", "Website")]
        .map(|(name, label)| kind("session", &format!("session:{name}"), label));
    Value::Array(browser.into_iter().chain(session).collect())
}

/// `controlUiLinkReaders`: which links a page may open in a reader.
pub(in crate::handshake) fn link_readers() -> Value {
    let issues = "^/[^/]+/[^/]+/(?:issues/[1-9][0-9]{0,9}|pull/[1-9][0-9]{0,9}(?:/files)?)/?$";
    let commits = "^/[^/]+/[^/]+/commit/[a-fA-F0-9]{7,40}/?$";
    let reader = |id: &str, reader: Value| json!({ "pluginId": "github", "id": id, "label": "GitHub", "icon": "github", "linkReader": reader });
    json!([
        reader(
            "github",
            json!({
                "hosts": ["github.com"],
                "pathPattern": issues,
                "detailMethod": "github.detail",
                "previewMethod": "github.preview",
                "imageMethod": "github.image",
            })
        ),
        reader(
            "github-commit",
            json!({
                "hosts": ["github.com"],
                "pathPattern": commits,
                "detailMethod": "github.detail",
                "imageMethod": "github.image",
            })
        ),
    ])
}
