//! The credentials that the `openclaw` command takes from its own files and its environment.

use super::client::Credential;
use super::client_tokens::StoredToken;
use super::environment::Environment;
use super::simulated_gateway::SimulatedGateway;
use openclaw_emulator::settings::Settings;
use openclaw_model::AuthMode;

impl SimulatedGateway {
    /// Gives the client the credentials that the `openclaw` command of its release takes from its own files and its
    /// environment. Has no effect on other clients, and on a client whose credentials the user names.
    pub(super) fn send_own_credentials(&mut self) {
        if !self.sends_own_credentials {
            return;
        }
        let stored = self.stored_token().map(|stored| {
            let source = format!("the device token in {}", stored.place());
            (Credential::DeviceToken(Some(stored.secret().to_owned())), Some(source))
        });
        // Every known release sends its device token only if it has no secret.
        let (credential, source) = match (self.variable(), stored) {
            (Some((name, credential)), _) => (credential, Some(format!("the secret in {name}"))),
            (None, Some(stored)) if !self.has_secret() => stored,
            (None, _) => (Credential::Shared, None),
        };
        self.client.credential = credential;
        self.client.credential_source = source;
    }

    /// The scopes that the client requests by default: those of the device token that it sends, or those of its kind.
    pub(super) fn usual_scopes(&self) -> Vec<String> {
        let stored = self.stored_token().filter(|stored| self.sends(stored));
        let scopes =
            stored.filter(|_| self.client_facts().requests_stored_scopes).map(|stored| stored.scopes().to_owned());
        let scopes = scopes.filter(|scopes| !scopes.is_empty());
        scopes.unwrap_or_else(|| self.client.default_scopes(self.client_facts()))
    }

    /// Whether the client sends this device token.
    pub(super) fn sends(&self, stored: &StoredToken) -> bool {
        self.client.credential == Credential::DeviceToken(Some(stored.secret().to_owned()))
    }

    /// A sentence about credentials of the `openclaw` command that do not match those of the gateway.
    pub(super) fn own_credentials_note(&self) -> Option<String> {
        let command = format!("the `openclaw` command of {}", self.client_release());
        if !self.sends_own_credentials {
            return None;
        }
        if let Some((name, _)) = self.variable() {
            return Some(format!("{command} sends the secret in {name}, which is not the gateway's secret"));
        }
        let stored = self.stored_token()?;
        let difference = stored.difference(self.record_of_device().as_ref())?;
        let place = stored.place();
        Some(match self.sends(stored) {
            true => format!("{command} sends the device token in {place}, a token {difference}"),
            false => format!(
                "{place} has a token {difference}; {command} does not send it, because it has the gateway's secret"
            ),
        })
    }

    /// The device token that the command of the client's release finds for its device and its role.
    pub(super) fn stored_token(&self) -> Option<&StoredToken> {
        let (role, device) = (self.client.role.as_str(), self.device_id()?);
        let is_found = |stored: &&StoredToken| {
            stored.is_read_by(self.client_facts()) && stored.role_and_device() == (role, device.as_str())
        };
        self.own_tokens.iter().find(is_found)
    }

    /// The variable whose secret the command sends although it is not that of the gateway, and the secret.
    pub(super) fn variable(&self) -> Option<(&'static str, Credential)> {
        let settings = self.settings().filter(|_| self.client_facts().environment_first)?;
        let is_password = settings.auth_mode == AuthMode::Password;
        let name = if is_password { "OPENCLAW_GATEWAY_PASSWORD" } else { "OPENCLAW_GATEWAY_TOKEN" };
        let secret = Some(Environment(&self.env).get(name)?.to_owned());
        let of_gateway = if is_password { settings.password } else { settings.token };
        let credential = if is_password { Credential::Password } else { Credential::Token };
        (secret != of_gateway).then(|| (name, credential(secret)))
    }

    /// Whether the command finds a secret in the configuration or its environment.
    pub(super) fn has_secret(&self) -> bool {
        let settings = Settings::resolve(self.facts.release, &self.config, &self.env);
        settings.is_ok_and(|settings| {
            let token = settings.gateway.token.filter(|_| settings.generated_token.is_none());
            token.or(settings.gateway.password).is_some()
        })
    }
}
