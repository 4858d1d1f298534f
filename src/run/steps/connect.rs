//! Translates a scenario's `connect` to the request of the client: device, role, origin of the connection and proof.

use crate::client::connect::{Auth, Challenge, ClientInfo, ConnectRequest, Device, KeyForm, SentNonce};
use crate::client::{self, Upgrade};
use crate::run::bindings::Bindings;
use crate::scenario::connect as spec;
use crate::scenario::gateway::{GatewaySettings, SHARED_SECRET};
use indexmap::IndexMap;
use openclaw_model::facts::client::ClientFacts;
use openclaw_protocol::identity;
use openclaw_protocol::proof::ProofVersion;
use serde_json::{Map, Value, json};
use std::net::{IpAddr, Ipv4Addr};

/// The client address and the host name that a proxy forwards. Both are reserved for documentation.
const CLIENT_BEHIND_PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
const PUBLIC_HOST: &str = "gateway.example";
/// The address of a client on another host of the same network.
pub(crate) const OTHER_HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 77, 2));

/// The peer address that a connection must have. `None` means plain loopback.
pub(crate) fn peer(via: spec::Via) -> Option<IpAddr> {
    (via == spec::Via::OtherHost).then_some(OTHER_HOST)
}

/// Creates the upgrade request as it arrives at the gateway.
pub(crate) fn upgrade(
    plain: Upgrade,
    via: spec::Via,
    headers: &IndexMap<String, String>,
    origin: Option<&String>,
    host: Option<&String>,
) -> Upgrade {
    let mut upgrade = Upgrade { origin: origin.cloned(), host: host.cloned(), ..plain };
    if let Some(proxy) = proxy(via) {
        proxy.apply(&mut upgrade, CLIENT_BEHIND_PROXY, PUBLIC_HOST);
    }
    for (name, value) in headers {
        upgrade.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        upgrade.headers.push((name.clone(), value.clone()));
    }
    upgrade
}

fn proxy(via: spec::Via) -> Option<client::Proxy> {
    Some(match via {
        spec::Via::Direct | spec::Via::OtherHost => return None,
        spec::Via::Nginx => client::Proxy::Nginx,
        spec::Via::Caddy => client::Proxy::Caddy,
        spec::Via::TailscaleServe => client::Proxy::TailscaleServe,
        spec::Via::Cloudflared => client::Proxy::Cloudflared,
        spec::Via::SshTunnel => client::Proxy::SshTunnel,
    })
}

/// Creates the `connect` request of a scenario.
pub(crate) struct Connecting<'a> {
    pub(crate) bindings: &'a Bindings,
    pub(crate) settings: &'a GatewaySettings,
    /// The values that the release's own client offers.
    pub(crate) offers: ClientFacts,
    /// The version of its proofs; `None` if that of the release's own client.
    pub(crate) proof: Option<spec::ProofVersion>,
}

impl Connecting<'_> {
    /// The parameters of the request at the time `now` of the gateway's clock.
    ///
    /// # Errors
    /// Returns an error if a symbol in the raw parameters has no value.
    pub(crate) fn params(&self, connect: &spec::Connect, challenge: &Challenge, now: i64) -> Result<Value, String> {
        let patch = self.bindings.fill(&Value::Object(self.patch(connect)))?;
        let (low, high) = connect.protocol.unwrap_or(self.offers.protocols);
        let request = ConnectRequest {
            protocol: (low.into(), high.into()),
            client: client_info(&connect.client),
            role: connect.role.clone(),
            scopes: connect.scopes.clone(),
            auth: self.auth(connect),
            device: connect.device.name().map(|name| self.device(name.as_str(), &connect.proof)),
            patch: Some(patch),
        };
        Ok(request.params(challenge, now))
    }

    /// The parameters that are merged after the proof is made: values that no correct client sends.
    fn patch(&self, connect: &spec::Connect) -> Map<String, Value> {
        let mut patch = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                patch.insert(name.to_owned(), value);
            }
        };
        put("caps", connect.caps.as_ref().map(|caps| json!(caps)));
        put("commands", connect.commands.as_ref().map(|commands| json!(commands)));
        put("permissions", connect.permissions.as_ref().map(|permissions| json!(permissions)));
        put("userAgent", connect.user_agent.as_ref().map(|agent| json!(agent)));
        put("locale", connect.locale.as_ref().map(|locale| json!(locale)));
        let mut device = Map::new();
        if connect.proof.signature == spec::Signature::Absent {
            device.insert("signature".to_owned(), Value::Null);
        }
        if connect.proof.public_key == spec::SentKey::Wrong {
            device.insert("publicKey".to_owned(), json!("bm90IGEga2V5"));
        }
        if !device.is_empty() {
            put("device", Some(Value::Object(device)));
        }
        overlay(&mut patch, &connect.params);
        patch
    }

    fn device(&self, name: &str, proof: &spec::Proof) -> Device {
        let identities = &self.bindings.identities;
        let mut device = Device::new(identities.device(name));
        device.version = match proof.version.or(self.proof) {
            Some(version) => version.into(),
            None if self.offers.device_tokens => ProofVersion::V3,
            None => ProofVersion::V2,
        };
        device.nonce = match &proof.nonce {
            spec::Nonce::Right => SentNonce::Challenge,
            spec::Nonce::Wrong => SentNonce::Other(identities.request("wrong nonce")),
            spec::Nonce::Absent => SentNonce::Absent,
            spec::Nonce::Empty => SentNonce::Other(String::new()),
            spec::Nonce::Of(step) => match self.bindings.nonce(step.as_str()) {
                Some(nonce) => SentNonce::Other(nonce),
                None => {
                    self.bindings.miss(format!("step {step} received no challenge"));
                    SentNonce::Absent
                }
            },
        };
        device.offset_ms = proof.clock_offset.map_or(0, |offset| offset.milliseconds);
        device.signed_by = proof.key.as_ref().map(|key| identities.device(key.as_str()));
        device.damaged = proof.signature == spec::Signature::Damaged;
        device.id = (proof.id == spec::SentId::Wrong).then(|| identity::device_id(b"somebody else"));
        device.form = if proof.public_key == spec::SentKey::Pem { KeyForm::Pem } else { KeyForm::Raw };
        device
    }

    fn auth(&self, connect: &spec::Connect) -> Auth {
        let Some(credentials) = &connect.auth else { return self.own_secret() };
        let role = connect.role.as_deref().unwrap_or("operator");
        let device = connect.device.name().map(|name| name.as_str());
        let token = |chosen: &spec::DeviceToken| self.device_token(chosen, device, role);
        let shared = |chosen: &spec::SharedSecret, own: Option<&str>| match chosen {
            spec::SharedSecret::Right => Some(self.bindings.identities.secret(own.unwrap_or(SHARED_SECRET))),
            spec::SharedSecret::Wrong => Some(self.bindings.identities.wrong("secret")),
            spec::SharedSecret::Secret(name) => Some(self.bindings.identities.secret(name.as_str())),
            spec::SharedSecret::Text(text) => Some(text.clone()),
            spec::SharedSecret::DeviceToken(chosen) => token(chosen),
        };
        let auth = Auth {
            token: credentials.token.as_ref().and_then(|chosen| shared(chosen, self.settings.auth.token_secret())),
            password: credentials
                .password
                .as_ref()
                .and_then(|chosen| shared(chosen, self.settings.auth.password_secret())),
            device_token: credentials.device_token.as_ref().and_then(token),
            bootstrap_token: credentials.bootstrap_token.as_ref().map(|chosen| match chosen {
                spec::BootstrapToken::Wrong => self.bindings.identities.wrong("bootstrap token"),
                spec::BootstrapToken::Seeded(name) => self.bindings.identities.bootstrap(name.as_str()),
                spec::BootstrapToken::Text(text) => text.clone(),
            }),
        };
        // Clients of old releases have no field of their own for a device token and send it as `token`.
        match !self.offers.device_tokens && auth.token.is_none() {
            true => Auth { token: auth.device_token, device_token: None, ..auth },
            false => auth,
        }
    }

    /// The parameters of a client with the gateway's secret and without a device.
    fn own_secret(&self) -> Auth {
        let secret = |name: Option<&str>| name.map(|name| self.bindings.identities.secret(name));
        let (token, password) =
            (secret(self.settings.auth.token_secret()), secret(self.settings.auth.password_secret()));
        // If the gateway has both secrets, the client sends only the token.
        let password = password.filter(|_| token.is_none());
        Auth { token, password, ..Auth::default() }
    }

    fn device_token(&self, chosen: &spec::DeviceToken, device: Option<&str>, role: &str) -> Option<String> {
        let own = device.unwrap_or("nobody");
        let found = match chosen {
            spec::DeviceToken::Last => self.bindings.last_token(own, role),
            spec::DeviceToken::Seeded => self.bindings.seeded_token(own, role),
            spec::DeviceToken::Wrong => return Some(self.bindings.identities.wrong("device token")),
            spec::DeviceToken::From(step) => self.bindings.token_given_in(step.as_str()),
            spec::DeviceToken::Of(owner) => self.bindings.last_token(owner.device.as_str(), &owner.role),
            spec::DeviceToken::Text(text) => return Some(text.clone()),
        };
        if found.is_none() {
            self.bindings.miss(match chosen {
                spec::DeviceToken::Seeded => format!("the folder has no {role} token for {own}: it sends none"),
                spec::DeviceToken::From(step) => format!("step {step} returned no device token"),
                spec::DeviceToken::Of(owner) => format!("{} was given no {} token", owner.device, owner.role),
                _ => format!("{own} was given no {role} token"),
            });
        }
        found
    }
}

fn client_info(chosen: &spec::Client) -> ClientInfo {
    let default = ClientInfo::default();
    ClientInfo {
        id: chosen.id.clone().unwrap_or(default.id),
        mode: chosen.mode.clone().unwrap_or(default.mode),
        version: chosen.version.clone().unwrap_or(default.version),
        platform: chosen.platform.clone().unwrap_or(default.platform),
        device_family: chosen.device_family.clone(),
        display_name: chosen.display_name.clone(),
        model_identifier: chosen.model_identifier.clone(),
        instance_id: chosen.instance_id.clone(),
    }
}

/// Merges one patch over another. `null` stays, because it removes a member when the result is applied.
fn overlay(patch: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (name, value) in over {
        match (patch.get_mut(name), value) {
            (Some(Value::Object(under)), Value::Object(over)) => overlay(under, over),
            _ => {
                patch.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::bindings::identities::Identities;
    use openclaw_model::Facts;

    fn params(settings: Value, connect: Value, bindings: &Bindings) -> Value {
        params_of("2026.4.2", settings, connect, bindings)
    }

    fn params_of(release: &str, settings: Value, connect: Value, bindings: &Bindings) -> Value {
        let settings = serde_json::from_value(settings).unwrap();
        let connecting = Connecting {
            bindings,
            settings: &settings,
            offers: Facts::nearest(release.parse().unwrap()).client,
            proof: None,
        };
        let challenge = Challenge { nonce: Some("nonce".to_owned()), ts: Some(1) };
        connecting.params(&serde_json::from_value(connect).unwrap(), &challenge, 1000).unwrap()
    }

    fn bindings() -> Bindings {
        Bindings::new(Identities::new("a/b"))
    }

    #[test]
    fn default_credentials() {
        let bindings = bindings();
        let sent = params(json!({}), json!({"device": "laptop"}), &bindings);
        assert_eq!(sent["auth"], json!({"token": bindings.identities.secret("shared")}));
        assert_eq!((sent.get("role"), sent.get("scopes"), &sent["minProtocol"]), (None, None, &json!(3)));
        let sent = params(json!({"auth": {"mode": "password"}}), json!({"device": "none"}), &bindings);
        assert_eq!(sent["auth"], json!({"password": bindings.identities.secret("shared")}));
        assert_eq!(sent.get("device"), None);
        let sent = params(json!({"auth": {"mode": "none"}}), json!({"device": "none"}), &bindings);
        assert_eq!(sent.get("auth"), None);
    }

    #[test]
    fn last_and_seeded_device_tokens() {
        let bindings = bindings();
        bindings.seeded("laptop", "node", "old");
        let sent = |token: Value| {
            let connect = json!({"device": "laptop", "role": "node", "auth": {"device-token": token}});
            params(json!({}), connect, &bindings)["auth"]["deviceToken"].clone()
        };
        assert_eq!(sent(json!("last")), "old");
        bindings.given(Some("first"), "laptop", "node", "new");
        assert_eq!([sent(json!("last")), sent(json!("seeded")), sent(json!({"from": "first"}))], ["new", "old", "new"]);
        assert_eq!(bindings.missed(), Vec::<String>::new());
        assert_eq!(sent(json!({"from": "second"})), Value::Null);
        assert_eq!(bindings.missed(), ["step second returned no device token"]);
    }

    #[test]
    fn each_proof_error_is_independent() {
        let bindings = bindings();
        let device =
            |proof: Value| params(json!({}), json!({"device": "laptop", "proof": proof}), &bindings)["device"].clone();
        let right = device(json!({}));
        let differs = |proof: Value| {
            let wrong = device(proof);
            let names = ["id", "publicKey", "signature", "signedAt", "nonce"];
            names.into_iter().filter(|name| wrong.get(name) != right.get(name)).collect::<Vec<_>>()
        };
        assert_eq!(differs(json!({"signature": "damaged"})), ["signature"]);
        assert_eq!(differs(json!({"signature": "absent"})), ["signature"]);
        assert_eq!(differs(json!({"version": "v2"})), ["signature"]);
        assert_eq!(differs(json!({"key": "phone"})), ["signature"]);
        assert_eq!(differs(json!({"public-key": "wrong"})), ["publicKey"]);
        assert_eq!(differs(json!({"nonce": "absent"})), ["signature", "nonce"]);
        assert_eq!(differs(json!({"clock-offset": "-3m"})), ["signature", "signedAt"]);
        assert_eq!(differs(json!({"id": "wrong"})), ["id", "signature"]);
    }

    #[test]
    fn client_of_2026_2_19() {
        let bindings = bindings();
        bindings.seeded("laptop", "operator", "tok");
        let sent = |release: &str, auth: Value, proof: Value| {
            let connect = json!({"device": "laptop", "auth": auth, "proof": proof});
            let sent = params_of(release, json!({}), connect, &bindings);
            (sent["auth"].clone(), sent["device"]["signature"].clone())
        };
        let (old, token) = ("2026.2.19", json!({"device-token": "seeded"}));
        assert_eq!(sent(old, token.clone(), json!({})).0, json!({"token": "tok"}));
        assert_eq!(sent("2026.2.26", token.clone(), json!({})).0, json!({"deviceToken": "tok"}));
        assert_eq!(sent(old, token.clone(), json!({})).1, sent(old, token.clone(), json!({"version": "v2"})).1);
        assert_ne!(sent(old, token.clone(), json!({})).1, sent(old, token, json!({"version": "v3"})).1);
        let both = sent(old, json!({"token": {"text": "x"}, "device-token": "seeded"}), json!({})).0;
        assert_eq!(both, json!({"token": "x", "deviceToken": "tok"}));
    }

    #[test]
    fn raw_params_override() {
        let connect =
            json!({"device": "laptop", "caps": ["a"], "params": {"caps": null, "client": {"id": "x"}, "role": 7}});
        let sent = params(json!({}), connect, &bindings());
        assert_eq!(
            (sent.get("caps"), &sent["client"]["id"], &sent["client"]["mode"]),
            (None, &json!("x"), &json!("cli"))
        );
        assert_eq!(sent["role"], json!(7));
    }

    #[test]
    fn explicit_headers_override_proxy() {
        let headers = IndexMap::from([("x-forwarded-for".to_owned(), "127.0.0.1".to_owned())]);
        let upgrade = upgrade(Upgrade::default(), spec::Via::Nginx, &headers, None, None);
        let forwarded = upgrade.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-for"));
        assert_eq!(forwarded.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["127.0.0.1"]);
        assert_eq!(upgrade.host.as_deref(), Some(PUBLIC_HOST));
    }
}
