//! Pairing with a bootstrap token: what its profile hands off, and to which client (`connect-pairing-plan.ts`,
//! `connect-existing-device.ts`).

use super::{ApprovalReason, HandshakeEnd, PairingCheck};
use crate::Environment;
use crate::facts::handshake::BootstrapPairing;
use crate::handshake::auth::verdict::AuthMethod;
use crate::handshake::pairing::pinned_metadata;
use crate::model::Model;
use crate::pairing::{self, BootstrapProfile, StoreError, scopes_allow_values};
use openclaw_protocol::client::{self, mode};
use openclaw_protocol::proof::normal_metadata;
use serde_json::{Value, json};

/// A pairing with a bootstrap token.
pub(super) struct Bootstrap {
    /// The profile whose roles are handed off. `None` if the token only pairs and is revoked.
    pub(super) profile: Option<BootstrapProfile>,
}

impl PairingCheck<'_> {
    /// A node that presents its setup code again gets the part of it that the record contains.
    pub(super) fn hand_off_again(
        &self,
        record: &Value,
        roles: &[String],
        model: &Model,
        environment: &Environment<'_>,
    ) -> Result<Option<BootstrapProfile>, StoreError> {
        let rules = &model.rules;
        if rules.handshake.bootstrap_pairing != BootstrapPairing::SetupCode
            || !self.is_bootstrapped_node()
            || !roles.iter().any(|role| role == "operator")
        {
            return Ok(None);
        }
        let Some(profile) = self.bound_profile(model, environment)? else { return Ok(None) };
        let wanted = json!(profile.handoff_scopes(&rules.pairing, "operator"));
        let granted = record.get("approvedScopes").filter(|scopes| scopes.is_array()).or_else(|| record.get("scopes"));
        let code = match rules.pairing.bootstrap_asks_questions {
            true => self.is_setup_code_for_this(&profile, &rules.pairing),
            false => profile.is_setup_code(&rules.pairing),
        };
        let borne = code
            && scopes_allow_values(&rules.pairing, "operator", Some(&wanted), Some(granted.unwrap_or(&json!([]))))?;
        Ok(borne.then_some(profile))
    }

    /// A node, not a browser, that its bootstrap token admitted.
    fn is_bootstrapped_node(&self) -> bool {
        let attempt = &*self.attempt;
        self.auth_result.method == AuthMethod::BootstrapToken
            && attempt.role == "node"
            && attempt.scopes.is_empty()
            && attempt.client().mode == mode::NODE
            && !attempt.is_operator_ui()
            && !attempt.is_webchat()
    }

    fn bound_profile(
        &self,
        model: &Model,
        environment: &Environment<'_>,
    ) -> Result<Option<BootstrapProfile>, StoreError> {
        let Some(token) = self.auth_result.bootstrap_token() else { return Ok(None) };
        let (store, now) = (&*environment.store, environment.now);
        pairing::bound_bootstrap_profile(&model.rules.pairing, store, now, token, self.device_id, self.public_key)
    }

    /// How the bootstrap token pairs a new node without approval. `None` if it does not.
    pub(super) fn bootstrap_pairing(
        &self,
        upgrade: ApprovalReason,
        existed: bool,
        model: &Model,
        environment: &Environment<'_>,
    ) -> Result<Option<Bootstrap>, HandshakeEnd> {
        let fits = self.auth_result.method == AuthMethod::BootstrapToken
            && upgrade == ApprovalReason::NotPaired
            && self.attempt.role == "node"
            && self.attempt.scopes.is_empty()
            && !existed;
        match model.rules.handshake.bootstrap_pairing {
            BootstrapPairing::Silent if fits => Ok(Some(Bootstrap { profile: None })),
            BootstrapPairing::HandOff if fits => {
                let profile = self.bound_profile(model, environment)?;
                Ok(profile.map(|profile| Bootstrap { profile: Some(profile) }))
            }
            BootstrapPairing::SetupCode if fits && self.is_bootstrapped_node() => {
                let profile = self.bound_profile(model, environment)?;
                let profile = profile.filter(|profile| self.is_setup_code_for_this(profile, &model.rules.pairing));
                Ok(profile.map(|profile| Bootstrap { profile: Some(profile) }))
            }
            BootstrapPairing::SetupCode if model.rules.pairing.bootstrap_purposes => {
                let profile = self.page_profile(upgrade, existed, model, environment)?;
                Ok(profile.map(|profile| Bootstrap { profile: Some(profile) }))
            }
            _ => Ok(None),
        }
    }

    /// The profile that pairs a Control UI without approval: a new one, or the owner's with a request for more.
    fn page_profile(
        &self,
        upgrade: ApprovalReason,
        existed: bool,
        model: &Model,
        environment: &Environment<'_>,
    ) -> Result<Option<BootstrapProfile>, StoreError> {
        let asks = self.auth_result.method == AuthMethod::BootstrapToken
            && self.attempt.is_control_ui()
            && self.attempt.role == "operator";
        let fits = match upgrade {
            ApprovalReason::NotPaired => !existed,
            ApprovalReason::Scope => existed,
            _ => false,
        };
        if !asks || !fits {
            return Ok(None);
        }
        let (rules, scopes) = (&model.rules.pairing, &self.attempt.scopes);
        let profile = self.bound_profile(model, environment)?;
        Ok(profile
            .filter(|profile| profile.is_owners_page(rules, scopes) || !existed && profile.is_page(rules, scopes)))
    }

    /// Whether the profile of a setup code is for this client: a phone app, a node host or a voice node.
    fn is_setup_code_for_this(&self, profile: &BootstrapProfile, rules: &pairing::PairingRules) -> bool {
        profile.is_setup_code(rules) && self.is_phone()
            || profile.is_node_alone(rules) && self.attempt.client().id == client::NODE_HOST
            || profile.is_voice_node(rules) && self.is_voice_node()
    }

    /// Whether the client is a node host on an ESP32.
    fn is_voice_node(&self) -> bool {
        let client = self.attempt.client();
        let family = normal_metadata(client.device_family.as_deref());
        client.id == client::NODE_HOST
            && pinned_metadata::names(&normal_metadata(Some(&client.platform)), &["esp32"])
            && family == "esp32"
    }

    /// Whether the client is one of the phone apps on a phone.
    fn is_phone(&self) -> bool {
        let client = self.attempt.client();
        let (platform, family) =
            (normal_metadata(Some(&client.platform)), normal_metadata(client.device_family.as_deref()));
        match client.id.as_str() {
            client::ANDROID_APP => pinned_metadata::names(&platform, &["android"]) && family == "android",
            client::IOS_APP => {
                pinned_metadata::names(&platform, &["ios", "ipados"])
                    && ["iphone", "ipad", "ios"].contains(&family.as_str())
            }
            _ => false,
        }
    }

    /// The requested role and the roles of a bootstrap profile.
    pub(super) fn roles_handed_off(&self, profile: &BootstrapProfile) -> Vec<String> {
        let others = profile.roles.iter().filter(|role| *role != self.attempt.role).cloned();
        std::iter::once(self.attempt.role.to_owned()).chain(others).collect()
    }
}
