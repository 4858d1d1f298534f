//! The client that the lines of `clawcheck serve --verbose` describe.

use super::presets::preset;
use crate::explain::client::WRONG;
use crate::explain::{BEHIND_PROXY, ClientDescription, Credential, SOME_USER, is_id};
use crate::gateway_files::verbose_line::Finding;
use openclaw_model::handshake::{AuthFailure, AuthMethod, CredentialsFinding};
use openclaw_model::trace::SentCredential;
use openclaw_model::{AnswerFinding, ConnectFinding, UpgradeFinding};
use serde_json::Value;

/// What the lines about one connection say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct CheckedConnect {
    pub(super) upgrade: Option<UpgradeFinding>,
    pub(super) connect: Option<ConnectFinding>,
    pub(super) credentials: Option<CredentialsFinding>,
    pub(super) answer: Option<AnswerFinding>,
}

impl CheckedConnect {
    /// Adds a line. The line about the upgrade is the first one of a connection, so it discards earlier lines with the same
    /// number, which can come from an earlier start of the gateway.
    pub(super) fn add(&mut self, finding: Finding) {
        match finding {
            Finding::Upgrade(upgrade) => *self = Self { upgrade: Some(upgrade), ..Self::default() },
            Finding::Connect(connect) => {
                *self = Self { upgrade: self.upgrade.take(), connect: Some(connect), ..Self::default() };
            }
            Finding::Credentials(credentials) => self.credentials = Some(credentials),
            Finding::Answer(answer) => self.answer = Some(answer),
        }
    }

    /// Fills in the values that the user does not specify.
    pub(super) fn complete(&self, description: &mut ClientDescription, config: &Value) {
        if let Some(connect) = &self.connect {
            complete_client(connect, description);
        }
        if let Some(upgrade) = &self.upgrade {
            complete_connection(upgrade, &self.hidden(config), description);
        }
        if description.credential.is_none() {
            description.credential = self.credential();
        }
    }

    /// Values in place of those that the log hides.
    fn hidden(&self, config: &Value) -> HiddenValues {
        let proxy = &config["gateway"]["auth"]["trustedProxy"];
        let user = proxy["allowUsers"][0].as_str().unwrap_or(SOME_USER);
        let failure = match &self.credentials {
            Some(CredentialsFinding::Refused { failure, .. }) => Some(*failure),
            _ => None,
        };
        let is_allowed = failure != Some(AuthFailure::ProxyUserNotAllowed);
        let header = proxy["userHeader"].as_str().filter(|_| is_allowed).map(str::to_lowercase);
        HiddenValues { user: header.map(|header| (header, user.to_owned())), other: BEHIND_PROXY.to_string() }
    }

    fn credential(&self) -> Option<Credential> {
        let sent = self.connect.as_ref().map(|connect| connect.credentials.as_slice());
        match &self.credentials {
            Some(CredentialsFinding::Admitted(method)) => accepted(*method),
            Some(CredentialsFinding::Refused { failure, .. }) => refused(*failure, sent),
            None => sent.map(|sent| of_kind(sent, None)),
        }
    }
}

/// Values in place of those that the log hides.
struct HiddenValues {
    /// The header of the user behind a proxy, and a user that the gateway allows.
    user: Option<(String, String)>,
    /// The value of any other header. It has no effect.
    other: String,
}

fn complete_client(connect: &ConnectFinding, description: &mut ClientDescription) {
    // The id of a device that proves its key is a hash. No record fits another id.
    let device = connect.device.as_deref().map_or("none", |id| if is_id(id) { id } else { "new" });
    description.device.get_or_insert_with(|| device.to_owned());
    description.role.get_or_insert_with(|| connect.role.clone());
    description.platform.get_or_insert_with(|| connect.platform.clone());
    if description.scopes.is_none() {
        description.scopes.clone_from(&connect.scopes);
    }
    if description.preset.is_none() {
        description.preset = preset(&format!("{} {}", connect.client_id, connect.mode));
    }
}

/// The connection has no other headers than these. Therefore, an absent `Host` or `Origin` counts as an empty one.
fn complete_connection(upgrade: &UpgradeFinding, hidden: &HiddenValues, description: &mut ClientDescription) {
    description.peer.get_or_insert(upgrade.peer);
    let header = |name: &str| upgrade.headers.iter().find(|(known, _)| known == name);
    let value = |name: &str| header(name).map_or_else(|| Some(String::new()), |(_, value)| value.clone());
    description.host = description.host.take().or_else(|| value("host"));
    description.origin = description.origin.take().or_else(|| value("origin"));
    for (name, value) in upgrade.headers.iter().filter(|(name, _)| name != "host" && name != "origin") {
        if description.headers.iter().all(|(known, _)| known != name) {
            let user = hidden.user.as_ref().filter(|(header, _)| header == name);
            let stand_in = user.map_or(&hidden.other, |(_, user)| user);
            description.headers.push((name.clone(), value.as_ref().unwrap_or(stand_in).clone()));
        }
    }
}

/// The credentials that a gateway refuses for a reason. The secret itself is not in the log. `sent` are the kinds of credentials
/// that the client sent, if the log names them.
pub(super) fn refused(failure: AuthFailure, sent: Option<&[SentCredential]>) -> Option<Credential> {
    let wrong = || WRONG.to_owned();
    match failure {
        AuthFailure::TokenMismatch => Some(Credential::Token(Some(wrong()))),
        AuthFailure::PasswordMismatch => Some(Credential::Password(Some(wrong()))),
        AuthFailure::DeviceTokenMismatch => Some(Credential::DeviceToken(Some(wrong()))),
        AuthFailure::BootstrapTokenInvalid => Some(Credential::Bootstrap(wrong())),
        AuthFailure::TokenMissing | AuthFailure::PasswordMissing => {
            Some(of_kind(sent.unwrap_or_default(), Some(WRONG)))
        }
        AuthFailure::ScopeMismatch => sent.map(|_| Credential::DeviceToken(None)),
        _ => sent.map(|sent| of_kind(sent, None)),
    }
}

/// The credentials of the strongest of these kinds, with this secret or the correct one.
fn of_kind(sent: &[SentCredential], secret: Option<&str>) -> Credential {
    let secret = secret.map(str::to_owned);
    match sent {
        [] => Credential::None,
        [SentCredential::Token, ..] => Credential::Token(secret),
        [SentCredential::Password, ..] => Credential::Password(secret),
        [SentCredential::DeviceToken, ..] => Credential::DeviceToken(secret),
        [SentCredential::BootstrapToken, ..] => Credential::Bootstrap(WRONG.to_owned()),
    }
}

/// The credentials that a gateway accepted by a method.
pub(super) fn accepted(method: AuthMethod) -> Option<Credential> {
    match method {
        AuthMethod::None => Some(Credential::None),
        AuthMethod::Token => Some(Credential::Token(None)),
        AuthMethod::Password => Some(Credential::Password(None)),
        AuthMethod::DeviceToken => Some(Credential::DeviceToken(None)),
        AuthMethod::TrustedProxy | AuthMethod::BootstrapToken => None,
    }
}

#[cfg(test)]
mod tests;
