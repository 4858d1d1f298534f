//! The device tokens that the `openclaw` command keeps in the database of its own machine.

use super::SqliteDocuments;
use super::error::SqliteError;
use super::open::{has_table, is_plain, open_to_read};
use openclaw_protocol::store::DATABASE;
use std::path::Path;
use untrusted_data::plain_file::Links;

/// The table, which the newer releases have.
const TABLE: &str = "device_auth_tokens";
/// The maximum number of tokens. A client has one for each role.
const MAX_TOKENS: u32 = 64;

/// A device token of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientToken {
    /// The device of the client.
    pub device_id: String,
    /// The role that the token is for.
    pub role: String,
    /// The token.
    pub token: String,
    /// The scopes of the token.
    pub scopes: Vec<String>,
}

impl SqliteDocuments {
    /// The device tokens that the `openclaw` command keeps in the database. Empty if the database has no table for them.
    ///
    /// # Errors
    /// Returns an error of SQLite, or an error if the table is not an ordinary table.
    pub fn client_tokens(state_dir: &Path, links: Links) -> Result<Vec<ClientToken>, SqliteError> {
        let connection = open_to_read(&state_dir.join(DATABASE), links)?;
        if !has_table(&connection, TABLE)? {
            return Ok(Vec::new());
        }
        is_plain(&connection, TABLE)?;
        let sql = format!("SELECT device_id, role, token, scopes_json FROM {TABLE} LIMIT {MAX_TOKENS}");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut tokens = Vec::new();
        while let Some(row) = rows.next()? {
            tokens.extend(token(row)?);
        }
        Ok(tokens)
    }
}

/// The token in a row. `None` if a cell is no text or if the scopes are not a list: the releases ignore such a row.
fn token(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<ClientToken>> {
    let mut cells = Vec::new();
    for at in 0..4 {
        let Ok(text) = row.get_ref(at)?.as_str() else { return Ok(None) };
        cells.push(text.to_owned());
    }
    let Ok([device_id, role, token, scopes]) = <[String; 4]>::try_from(cells) else { return Ok(None) };
    let scopes = serde_json::from_str(&scopes).ok();
    Ok(scopes.map(|scopes| ClientToken { device_id, role, token, scopes }))
}
