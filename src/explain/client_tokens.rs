//! The device tokens that the `openclaw` command received at earlier connects and keeps in its state directory.

use openclaw_emulator::store::{ClientToken, SqliteDocuments};
use openclaw_model::facts::client::ClientFacts;
use openclaw_protocol::store::{DATABASE, StoreFormat};
use serde_json::Value;
use std::path::Path;
use untrusted_data::plain_file::{self, Links};
use untrusted_data::printable;

/// The file of the device tokens, below the state directory.
pub(super) const CLIENT_TOKENS: &str = "identity/device-auth.json";
/// The maximum size of the file, in bytes.
const MAX_BYTES: u64 = 256 << 10;

/// A device token of the `openclaw` command, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredToken {
    /// The releases that keep the token in a file do not read the database, and the other way round.
    format: StoreFormat,
    token: ClientToken,
}

impl StoredToken {
    /// The file or the database, relative to the state directory.
    pub(super) fn place(&self) -> &'static str {
        match self.format {
            StoreFormat::Files => CLIENT_TOKENS,
            StoreFormat::Sqlite => DATABASE,
        }
    }

    /// Whether the `openclaw` command of a release reads the token.
    pub(super) fn is_read_by(&self, client: &ClientFacts) -> bool {
        client.token_store == self.format
    }

    /// The secret.
    pub(super) fn secret(&self) -> &str {
        &self.token.token
    }

    /// The role and the device that the token is for.
    pub(super) fn role_and_device(&self) -> (&str, &str) {
        (&self.token.role, &self.token.device_id)
    }

    /// The scopes of the token.
    pub(super) fn scopes(&self) -> &[String] {
        &self.token.scopes
    }

    /// How the token differs from the token in the record of the device. `None` if it is the same.
    pub(super) fn difference(&self, record: Option<&Value>) -> Option<String> {
        let ClientToken { role, token, scopes, .. } = &self.token;
        let Some(record) = record else { return Some("of a device that is not paired".to_owned()) };
        let issued = record.get("tokens").and_then(|tokens| tokens.get(role)).filter(|issued| issued.is_object());
        let Some(issued) = issued else { return Some("that the record of the device does not contain".to_owned()) };
        if issued.get("revokedAtMs").is_some_and(|at| !at.is_null()) {
            return Some("that is revoked in the record of the device".to_owned());
        }
        if issued.get("token").and_then(Value::as_str) != Some(token) {
            return Some("that is not the one in the record of the device".to_owned());
        }
        let granted = issued.get("scopes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let more = scopes.iter().filter(|scope| !granted.iter().any(|granted| granted == scope.as_str()));
        let more = more.cloned().collect::<Vec<_>>().join(", ");
        (!more.is_empty())
            .then(|| format!("with scopes that the record of the device does not contain: {}", printable::line(&more)))
    }
}

/// The device tokens in a state directory. Contents that no release would use count as absent. The notes name what cannot be
/// read.
pub(super) fn read(directory: &Path, notes: &mut Vec<String>) -> Vec<StoredToken> {
    let of_file = match plain_file::read(&directory.join(CLIENT_TOKENS), MAX_BYTES, Links::Follow) {
        Ok(bytes) => of_document(&serde_json::from_slice(&bytes).unwrap_or_default()).unwrap_or_default(),
        Err(error) => {
            notes.extend((!error.is_not_found()).then(|| format!("{CLIENT_TOKENS} is ignored: {error}")));
            Vec::new()
        }
    };
    let exists = SqliteDocuments::exists(directory);
    let of_database = match exists.then(|| SqliteDocuments::client_tokens(directory, Links::Follow)).transpose() {
        Ok(tokens) => tokens.unwrap_or_default(),
        Err(error) => {
            let is_new = !error.is_no_database();
            notes.extend(is_new.then(|| format!("the client's device tokens in {DATABASE} are ignored: {error}")));
            Vec::new()
        }
    };
    let of = |format: StoreFormat| move |token: ClientToken| StoredToken { format, token };
    let of_file = of_file.into_iter().map(of(StoreFormat::Files));
    of_file.chain(of_database.into_iter().map(of(StoreFormat::Sqlite))).collect()
}

/// The tokens of the file.
fn of_document(document: &Value) -> Option<Vec<ClientToken>> {
    let device_id = document.get("deviceId")?.as_str().filter(|_| document.get("version") == Some(&Value::from(1)))?;
    let token = |(role, entry): (&String, &Value)| {
        let scopes = entry.get("scopes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Some(ClientToken {
            device_id: device_id.to_owned(),
            role: role.clone(),
            token: entry.get("token")?.as_str()?.to_owned(),
            scopes: scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    };
    Some(document.get("tokens")?.as_object()?.iter().filter_map(token).collect())
}
