//! Checks whether a device is paired for the requested access, and requests pairing if it is not
//! (`message-handler.ts`).

mod bootstrap;
pub(super) mod pinned_metadata;
pub(super) mod refusals;
mod request_access;
mod silent;
mod trusted_proxy;

use crate::handshake::BackendPairing;
use crate::handshake::attempt::Attempt;
use crate::handshake::auth::credentials::AuthResult;
use crate::handshake::auth::verdict::AuthMethod;
use crate::handshake::pairing::refusals::ApprovalReason;
use crate::handshake::refusal::HandshakeEnd;
use crate::handshake::{HandshakeRules, checks::device};
use crate::model::Model;
use crate::pairing::{
    self, AccessMetadata, BootstrapProfile, PairingRequest, StoreError, effective_roles, scopes_allow_values,
};
use crate::trace::{Check, Fact, fact};
use crate::{AuthMode, Environment, GatewayConfig, Outcome};
use serde_json::{Value, json};

/// The result of the pairing check.
#[derive(Debug, Default)]
pub(super) struct PairingResult {
    /// Whether the device gets a token.
    pub issues_token: bool,
    /// The bootstrap profile whose roles the device received.
    pub handed_off: Option<BootstrapProfile>,
}

/// The reason why a client needs no pairing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PairingExemption {
    /// A reverse proxy authenticates the Control UI.
    Vouched,
    /// The Control UI with auth mode none.
    ControlUi,
    /// A local backend with the secret or a device token.
    Backend,
}

impl PairingExemption {
    /// The fact that lets it be skipped.
    fn fact(self) -> Fact {
        match self {
            Self::Vouched => fact!(handshake.proxy_users_must_pair),
            Self::ControlUi => fact!(handshake.control_ui_skips_without_auth),
            Self::Backend => fact!(handshake.backend_pairing),
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::Vouched => "a reverse proxy vouches for the Control UI",
            Self::ControlUi => "auth mode none admits the Control UI",
            Self::Backend => "a local backend with the gateway's secret or a device token needs no pairing",
        }
    }
}

/// The input of the check.
pub(super) struct PairingCheck<'a> {
    pub attempt: &'a mut Attempt,
    pub auth_result: &'a AuthResult,
    /// The public key in the form of the store.
    pub public_key: &'a str,
    pub device_id: &'a str,
    /// Platform and device family from the client, before those of its record replace them.
    pub claimed: (String, Option<String>),
}

impl PairingCheck<'_> {
    /// Checks that the device is paired, has the platform and device family that it was paired with, and was approved
    /// for the role and the scopes. Missing access is requested, and a local client usually gets it at once.
    ///
    /// # Errors
    /// Returns the refusal, or an error that a release throws.
    pub(super) fn run(
        mut self,
        model: &mut Model,
        environment: &mut Environment<'_>,
        outcome: &mut Outcome,
    ) -> Result<PairingResult, HandshakeEnd> {
        let mut result = PairingResult { issues_token: true, ..PairingResult::default() };
        let skip = self.need_not_be_paired(&model.rules.handshake, &model.config);
        if let Some(skip) = skip.filter(|_| model.rules.handshake.skipping_ignores_record) {
            outcome.trace_line_of(Check::Pairing, skip.fact(), format!("no check: {}", skip.why()));
            return Ok(result);
        }
        if model.rules.handshake.proxy_users_must_pair
            && device::is_vouched_control_ui(&model.rules.handshake, &model.config, self.attempt, self.auth_result)
        {
            result.issues_token = false;
        }
        let found = pairing::find_paired(&model.rules.pairing, environment.store, environment.now, self.device_id)?;
        let known = found.as_ref().filter(|record| self.has_key_of_client(record));
        if let Some(skip) = skip.filter(|_| model.rules.handshake.skipping_notes_record) {
            outcome.trace_line_of(Check::Pairing, skip.fact(), format!("no check: {}", skip.why()));
            match known {
                Some(_) => {
                    let metadata = self.metadata();
                    let (store, now) = (&mut *environment.store, environment.now);
                    pairing::update_metadata(&model.rules.pairing, store, now, self.device_id, &metadata)?;
                }
                None => result.issues_token &= self.gets_token_unpaired(skip),
            }
            return Ok(result);
        }
        match (known, skip) {
            (Some(record), _) => result.handed_off = self.check_against_record(record, model, environment, outcome)?,
            (None, Some(skip)) => {
                outcome.trace_line_of(
                    Check::Pairing,
                    skip.fact(),
                    format!("the device does not have to be paired: {}", skip.why()),
                );
                if model.rules.handshake.token_needs_baseline {
                    result.issues_token &= self.gets_token_unpaired(skip);
                }
            }
            (None, None) => {
                let why = match &found {
                    Some(_) => "the record of this device has a different public key",
                    None => "the store has no record of this device",
                };
                outcome.trace_line(Check::Pairing, why);
                result.handed_off =
                    self.require(ApprovalReason::NotPaired, found.as_ref(), model, environment, outcome)?;
            }
        }
        Ok(result)
    }

    /// The reason why this client needs no pairing. `None` if it does.
    fn need_not_be_paired(&self, rules: &HandshakeRules, config: &GatewayConfig) -> Option<PairingExemption> {
        let (attempt, auth_result) = (&*self.attempt, self.auth_result);
        if !rules.proxy_users_must_pair && device::is_vouched_control_ui(rules, config, attempt, auth_result) {
            return Some(PairingExemption::Vouched);
        }
        let without_auth = rules.control_ui_skips_without_auth && config.auth_mode == AuthMode::None;
        if attempt.is_operator_ui() && attempt.role == "operator" && without_auth {
            return Some(PairingExemption::ControlUi);
        }
        let insecure = !rules.insecure_auth_bounded && config.control_ui_allow_insecure_auth;
        if insecure && attempt.is_control_ui() && auth_result.has_matching_secret() {
            return Some(PairingExemption::ControlUi);
        }
        let by_token = auth_result.method == AuthMethod::DeviceToken;
        let proven = match rules.backend_pairing {
            BackendPairing::Needed => false,
            BackendPairing::SkippedWithSecret => auth_result.has_matching_secret(),
            BackendPairing::SkippedWhenProven => by_token || auth_result.has_matching_secret(),
        };
        let unasked = rules.none_admits_backend && device::is_backend_without_auth(attempt, auth_result);
        (attempt.is_local_backend() && (proven || unasked)).then_some(PairingExemption::Backend)
    }

    /// Whether an unpaired client that needs no pairing gets a token. A client that a proxy authenticated loses its
    /// scopes.
    fn gets_token_unpaired(&mut self, skip: PairingExemption) -> bool {
        match skip {
            PairingExemption::Vouched => {
                self.attempt.scopes.clear();
                false
            }
            PairingExemption::ControlUi => true,
            PairingExemption::Backend => self.auth_result.method != AuthMethod::DeviceToken,
        }
    }

    /// Checks a paired device: platform and device family, role, scopes, in this order.
    fn check_against_record(
        &mut self,
        record: &Value,
        model: &mut Model,
        environment: &mut Environment<'_>,
        outcome: &mut Outcome,
    ) -> Result<Option<BootstrapProfile>, HandshakeEnd> {
        // Without pins, the record adopts the platform that the client reports.
        let refreshed = match model.rules.handshake.pins_metadata {
            true => self.pin_metadata(record, model, environment, outcome)?,
            false => Some(self.claimed.0.clone()),
        };
        let pairing_rules = model.rules.pairing.clone();
        let roles = effective_roles(&pairing_rules, record)?;
        if !roles.iter().any(|role| role == self.attempt.role) {
            let have = if roles.is_empty() { "none".to_owned() } else { roles.join(", ") };
            let why = format!(
                "the client requests the role {}; the effective roles of the record: {have}",
                self.attempt.role
            );
            outcome.trace_line_of(Check::Pairing, fact!(pairing.effective_roles), why);
            self.require(ApprovalReason::Role, Some(record), model, environment, outcome)?;
        }
        let mut linked = None;
        if !self.attempt.scopes.is_empty() {
            let (first, second) = if model.rules.handshake.approved_scopes_first {
                ("approvedScopes", "scopes")
            } else {
                ("scopes", "approvedScopes")
            };
            let list = |key: &str| record.get(key).filter(|value| value.is_array());
            let imply = model.rules.handshake.scopes_imply;
            let granted = list(first).or_else(|| list(second).filter(|_| imply));
            let granted = granted.cloned().unwrap_or_else(|| json!([]));
            let requested = json!(self.attempt.scopes);
            let items = granted.as_array().map(Vec::as_slice).unwrap_or_default();
            let covered = match imply {
                true => scopes_allow_values(&pairing_rules, self.attempt.role, Some(&requested), Some(&granted))?,
                false => self.attempt.scopes.iter().all(|scope| items.contains(&json!(scope))),
            };
            if items.is_empty() || !covered {
                let why = format!("the client requests {requested}; the record grants only {granted}");
                outcome.trace_line_of(Check::Pairing, fact!(pairing.scopes_cover), why);
                linked = self.require(ApprovalReason::Scope, Some(record), model, environment, outcome)?;
            }
        }
        outcome.trace_line(Check::Pairing, "the record grants the requested role and scopes");
        let again = self.hand_off_again(record, &roles, model, environment)?;
        let handed_off = linked.or(again);
        let metadata = AccessMetadata { refreshed_platform: refreshed, ..self.metadata() };
        pairing::update_metadata(&pairing_rules, environment.store, environment.now, self.device_id, &metadata)?;
        Ok(handed_off)
    }

    /// A device keeps the platform and device family that it was paired with, and the client counts as having those of
    /// the record. Returns the platform to store.
    fn pin_metadata(
        &mut self,
        record: &Value,
        model: &mut Model,
        environment: &mut Environment<'_>,
        outcome: &mut Outcome,
    ) -> Result<Option<String>, HandshakeEnd> {
        let pinned = pinned_metadata::compare_with_record(&model.rules.handshake, self.attempt.client(), record);
        if pinned.mismatch {
            let client = self.attempt.client();
            let why = format!(
                "paired as platform {} and family {}, now {} and {}",
                record.get("platform").and_then(Value::as_str).unwrap_or("any"),
                record.get("deviceFamily").and_then(Value::as_str).unwrap_or("any"),
                client.platform,
                client.device_family.as_deref().unwrap_or("none"),
            );
            outcome.trace_line_of(Check::Pairing, fact!(handshake.pins_metadata), why);
            self.require(ApprovalReason::Metadata, Some(record), model, environment, outcome)?;
            return Ok(pinned.refreshed);
        }
        let client = &mut self.attempt.params.client;
        if let Some(platform) = pinned.platform {
            client.platform = platform;
        }
        if let Some(family) = pinned.family {
            client.device_family = Some(family);
        }
        Ok(pinned.refreshed)
    }

    /// Whether a record has the key of this device.
    fn has_key_of_client(&self, record: &Value) -> bool {
        record.get("publicKey").and_then(Value::as_str) == Some(self.public_key)
    }

    /// Whether a record grants the access of a silent request that was not approved
    /// (`pairingStateAllowsRequestedAccess`), because another approval granted it in the meantime, or because the
    /// approval needed more scopes than the client requests.
    fn is_let_in_by(&self, model: &Model, record: &Value) -> Result<bool, StoreError> {
        let rules = &model.rules.pairing;
        if !self.has_key_of_client(record) || !pairing::has_effective_role(rules, record, self.attempt.role)? {
            return Ok(false);
        }
        let (requested, granted) = (&self.attempt.scopes, pairing::access_scopes(record));
        Ok(requested.is_empty()
            || !granted.is_empty() && pairing::scopes_allow(rules, self.attempt.role, requested, &granted))
    }

    fn request(&self) -> PairingRequest {
        let client = self.attempt.client();
        PairingRequest {
            display_name: client.display_name.clone(),
            client_id: Some(client.id.clone()),
            client_mode: Some(client.mode.clone()),
            role: self.attempt.role.to_owned(),
            scopes: self.attempt.scopes.clone(),
            remote_ip: self.attempt.locality.reported_ip.clone(),
            ..PairingRequest::default()
        }
    }

    fn metadata(&self) -> AccessMetadata {
        let PairingRequest { display_name, client_id, client_mode, role, scopes, remote_ip, .. } = self.request();
        AccessMetadata {
            display_name,
            client_id,
            client_mode,
            role,
            scopes,
            remote_ip,
            refreshed_platform: None,
            reason: None,
        }
    }
}
