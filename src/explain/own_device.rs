//! Whether a client sends the device of the gateway's machine.

use super::client::{Assumption, Client, ClientDevice, Credential, PRESETS};
use super::remedies::is_proxy_header;
use super::simulated_gateway::SimulatedGateway;
use openclaw_model::AuthMode;
use openclaw_model::facts::client::{ClientFacts, DeviceRule};
use openclaw_model::locality::is_loopback_authority;
use openclaw_protocol::client::{self, mode};

impl SimulatedGateway {
    /// Sends the client's usual device, if the client of its release does so. Has no effect if the user names the device.
    pub(super) fn send_usual_device(&mut self) {
        let Some(usual) = self.usual_device.clone() else { return };
        let omits = usual.id().is_some() && !self.sends_usual_device();
        self.client.who = if omits { ClientDevice::Nobody } else { usual };
        self.client.assume(Assumption::OmitsDevice, omits);
    }

    /// The `openclaw` command on the gateway's machine, with the gateway's release and secret.
    pub(super) fn command_here(&self) -> Self {
        let client = Client::of(PRESETS[0], &self.facts.client, self.own.clone());
        let usual_device = Some(self.own.clone());
        let mut here = Self { client, usual_device, other_client: None, ..self.clone() };
        here.send_usual_device();
        here
    }

    /// The id of the client's device, even if the client does not send it.
    pub(super) fn device_id(&self) -> Option<String> {
        self.usual_device.as_ref().unwrap_or(&self.client.who).id()
    }

    /// Whether the client has a device that it does not send.
    pub(super) fn omits_device(&self) -> bool {
        self.device_id().is_some() && self.client.who.id().is_none()
    }

    fn sends_usual_device(&self) -> bool {
        match rule(&self.client, self.client_facts()) {
            DeviceRule::Always => true,
            DeviceRule::UnlessLocal => !self.is_local(),
            DeviceRule::UnlessLocalWithoutSecret => !self.is_local() || self.sends_secret(),
            DeviceRule::UnlessLocalWithSecret => !self.is_local() || !self.sends_secret(),
            DeviceRule::WithStoredToken => self.stored_token().is_some(),
        }
    }

    /// Whether the client connects to a loopback address, directly or through a tunnel.
    fn is_local(&self) -> bool {
        let client = &self.client;
        let is_proxied = client.headers.iter().any(|(name, _)| is_proxy_header(name));
        client.peer.to_canonical().is_loopback()
            && !is_proxied
            && client.host.as_deref().is_none_or(is_loopback_authority)
    }

    /// Whether the client sends a secret of the gateway's auth mode, the right one or another one.
    fn sends_secret(&self) -> bool {
        let auth_mode = self.settings().map(|settings| settings.auth_mode);
        match (&self.client.credential, auth_mode) {
            (Credential::Shared, Some(AuthMode::Token | AuthMode::Password)) => self.has_secret(),
            (Credential::Token(_), Some(AuthMode::Token)) | (Credential::Password(_), Some(AuthMode::Password)) => true,
            _ => false,
        }
    }
}

/// The rule of a client.
fn rule(client: &Client, release: &ClientFacts) -> DeviceRule {
    match (client.id.as_str(), client.mode.as_str()) {
        _ if client.role != "operator" => DeviceRule::Always,
        (client::CLI, mode::CLI) => release.sends_device.command,
        (client::CLI, mode::PROBE) => release.sends_device.probe,
        (client::GATEWAY_CLIENT, mode::BACKEND) => release.sends_device.backend,
        _ => DeviceRule::Always,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Proxy;
    use crate::explain::{ClientDescription, StateDirectory, simulated};
    use openclaw_model::Release;
    use openclaw_protocol::identity::DeviceKey;
    use rstest::rstest;

    const CONFIG: &str = r#"{ gateway: { mode: "local", auth: { mode: "token", token: "t" } } }"#;
    const NO_AUTH: &str = r#"{ gateway: { mode: "local", auth: { mode: "none" } } }"#;

    /// A state directory with a device, an empty store and this configuration.
    fn state(config: &str) -> StateDirectory {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config).unwrap();
        StateDirectory { own_key: Some(DeviceKey::from_name("own")), ..StateDirectory::of_config(file.path()).unwrap() }
    }

    /// Seen on the real clients. The secret of the gateway decides for some of them.
    #[rstest]
    #[case::old_command("cli", "2026.6.11", CONFIG, true)]
    #[case::command("cli", "2026.7.35", CONFIG, false)]
    #[case::command_without_secret("cli", "2026.7.35", NO_AUTH, true)]
    #[case::newest_command("cli", "2026.9.6", CONFIG, false)]
    #[case::old_tool("exec", "2026.4.15", CONFIG, true)]
    #[case::tool("exec", "2026.5.7", CONFIG, false)]
    #[case::newest_tool("backend", "2026.9.6", CONFIG, false)]
    #[case::oldest_probe("probe", "2026.2.26", NO_AUTH, true)]
    #[case::probe_without_device("probe", "2026.3.13", CONFIG, false)]
    #[case::probe_with_secret("probe", "2026.3.28", CONFIG, true)]
    #[case::probe_without_secret("probe", "2026.3.28", NO_AUTH, false)]
    #[case::probe_without_stored_token("probe", "2026.5.7", CONFIG, false)]
    #[case::terminal("tui", "2026.9.6", CONFIG, true)]
    fn client_sends_device_of_machine(
        #[case] client: &str,
        #[case] release: Release,
        #[case] config: &str,
        #[case] sends: bool,
    ) {
        let state = state(config);
        let local = ClientDescription {
            preset: Some(client.parse().unwrap()),
            release: Some(release),
            with_own_credentials: true,
            ..ClientDescription::default()
        };
        let device = |state: &StateDirectory, description: &ClientDescription| {
            simulated(state, description, 0).unwrap().client.who.id().is_some()
        };
        assert_eq!(device(&state, &local), sends);
        // A device that the user or a log names is always sent.
        let named = ClientDescription { device: Some("new".to_owned()), ..local.clone() };
        let logged = ClientDescription { sends_device: true, ..local.clone() };
        assert!(device(&state, &named) && device(&state, &logged));
        if client != "probe" {
            let host = |host: &str| ClientDescription { host: Some(host.to_owned()), ..local.clone() };
            assert_eq!(device(&state, &host("127.0.0.1:18789")), sends);
            assert!(device(&state, &host("gateway.example")));
            let elsewhere = ClientDescription { peer: "192.0.2.7".parse().ok(), ..local.clone() };
            let proxied = ClientDescription { via: Some(Proxy::Nginx), ..local.clone() };
            let other = ClientDescription { credential: Some(Credential::DeviceToken(None)), ..local };
            assert!([elsewhere, proxied, other].iter().all(|description| device(&state, description)));
        }
    }
}
