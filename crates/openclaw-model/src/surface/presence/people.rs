//! Who comes, and whom clients stand for.

use openclaw_protocol::connect::ConnectParams;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

/// Somebody whom clients stand for: the gateway's owner, or a user whom a reverse proxy vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// The profile's id.
    pub id: String,
    /// What the proxy calls them, in its own letters.
    pub email: Option<String>,
    /// What the profile calls them.
    pub name: Option<String>,
    /// When the profile was written, milliseconds since the epoch.
    pub written_at: i64,
}

impl Person {
    /// As `authenticated-presence-user.ts` shows them.
    pub(super) fn shown(&self) -> Value {
        let mut shown = Record::new();
        js::set(&mut shown, "id", Some(self.id.as_str()));
        js::set(&mut shown, "identity", Some(json!({"type": "profile", "id": self.id})));
        js::set(&mut shown, "email", self.email.as_deref());
        js::set(&mut shown, "name", self.name.as_deref());
        let avatar = format!("/api/users/{}/avatar?v={}", self.id, self.written_at);
        js::set(&mut shown, "avatarUrl", Some(avatar));
        Value::Object(shown)
    }
}

/// A client whose entry is to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewEntry<'a> {
    /// What it connected with.
    pub connect: &'a ConnectParams,
    /// Its role.
    pub role: &'a str,
    /// The scopes it holds.
    pub scopes: &'a [String],
    /// Its address where it is not local.
    pub ip: Option<&'a str>,
    /// Whom it stands for.
    pub person: Option<&'a Person>,
}
