//! The tokens in a copied state directory. Clients can send them, and no output may show them.

use openclaw_emulator::store::{MAX_FILE_BYTES, SqliteDocuments};
use openclaw_protocol::store::{Document, Documents as _, json};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use untrusted_data::plain_file::{self, Links};

/// The fields of the store's documents that contain tokens.
const SECRETS: [&str; 3] = ["token", "deviceToken", "bootstrapToken"];

/// A document of a state directory, from the database if there is one.
fn document(directory: &Path, document: Document) -> Option<Arc<Value>> {
    if SqliteDocuments::is_store(directory)
        && let Some(found) = SqliteDocuments::new(directory, false).refusing_links().read(document)
    {
        return Some(found);
    }
    let bytes = plain_file::read(&directory.join(document.path()), MAX_FILE_BYTES, Links::Refuse).ok()?;
    json::parse(&bytes).map(Arc::new)
}

/// The tokens of a device in a state directory, by role.
pub(crate) fn tokens_of(directory: &Path, device: &str) -> Vec<(String, String)> {
    let paired = document(directory, Document::DevicesPaired);
    let tokens = paired.as_ref().and_then(|paired| paired.get(device)?.get("tokens")?.as_object());
    let token = |token: &Value| token.get("token").and_then(Value::as_str).map(str::to_owned);
    tokens.into_iter().flatten().filter_map(|(role, found)| Some((role.clone(), token(found)?))).collect()
}

/// All tokens in a state directory, of all devices.
pub(crate) fn secrets(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for document in Document::ALL.into_iter().filter_map(|known| self::document(directory, known)) {
        // The key of a bootstrap token's entry is the token. The entry contains it a second time.
        collect(&document, &mut found);
    }
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| match member {
            Value::String(text) if SECRETS.contains(&name.as_str()) && !text.is_empty() => found.push(text.clone()),
            other => collect(other, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    #[test]
    fn collects_tokens_of_folder() {
        let folder = tempfile::tempdir().unwrap();
        let put = |document: Document, value: Value| {
            let path = folder.path().join(document.path());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, value.to_string()).unwrap();
        };
        put(
            Document::DevicesPaired,
            json!({
                "a": {"tokens": {"operator": {"token": "t-a", "role": "operator"}}},
                "b": {"tokens": {"node": {"token": "t-b", "role": "node"}}}
            }),
        );
        put(Document::NodesPaired, json!({"b": {"nodeId": "b", "token": "t-node"}}));
        put(Document::DevicesBootstrap, json!({"t-code": {"token": "t-code", "profile": {}}}));
        assert_eq!(tokens_of(folder.path(), "a"), [("operator".to_owned(), "t-a".to_owned())]);
        assert_eq!(secrets(folder.path()), ["t-a", "t-b", "t-code", "t-node"]);
    }
}
