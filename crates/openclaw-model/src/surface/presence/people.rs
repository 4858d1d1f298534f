//! The persons that clients represent.

use openclaw_protocol::connect::ConnectParams;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

/// A person that clients represent: the gateway's owner, or a user that a reverse proxy names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// The profile's id.
    pub id: String,
    /// The name from the proxy, unchanged.
    pub email: Option<String>,
    /// The name in the profile.
    pub name: Option<String>,
    /// The time at which the profile was created, in milliseconds since 1970.
    pub written_at: i64,
}

impl Person {
    /// The person in the form of `authenticated-presence-user.ts`.
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

/// A client whose entry is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewEntry<'a> {
    /// The parameters of its connect.
    pub connect: &'a ConnectParams,
    /// The role that the client connected with.
    pub role: &'a str,
    /// The scopes that the client was admitted with.
    pub scopes: &'a [String],
    /// Its address, if it is not local.
    pub ip: Option<&'a str>,
    /// The person that it represents.
    pub person: Option<&'a Person>,
}
