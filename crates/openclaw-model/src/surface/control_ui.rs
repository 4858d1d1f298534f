//! The widgets and links for the Control UI in `hello-ok`.

use serde_json::{Value, json};

/// `controlUiWidgetKinds`: the widgets that a dashboard can show. Only administrators get the browser's widget.
pub(crate) fn widget_kinds(admin: bool) -> Value {
    let kind = |plugin: &str, kind: &str, label: &str| json!({ "pluginId": plugin, "kind": kind, "label": label });
    let browser = admin.then(|| kind("browser", "browser:dashboard", "Browser"));
    let session = [("report", "Report"), ("progress", "Session progress"), ("website", "Website")]
        .map(|(name, label)| kind("session", &format!("session:{name}"), label));
    Value::Array(browser.into_iter().chain(session).collect())
}

/// `controlUiLinkReaders`: the links that a page can open in a reader.
pub(crate) fn link_readers() -> Value {
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
