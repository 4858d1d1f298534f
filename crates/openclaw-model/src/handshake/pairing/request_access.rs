//! Requests missing access: approved at once, or left for a person (`requirePairing` in `message-handler.ts`).

use super::PairingCheck;
use super::bootstrap::Bootstrap;
use crate::facts::handshake::{BootstrapPairing, ScopeUpgrade};
use crate::handshake::auth::verdict::AuthMethod;
use crate::handshake::pairing::pinned_metadata;
use crate::handshake::pairing::refusals::{ApprovalReason, PairingRequired};
use crate::handshake::refusal::HandshakeEnd;
use crate::input::Effect;
use crate::model::Model;
use crate::pairing::{self, ApprovalKind, Approver, BootstrapProfile, PairingRequest, RequestOutcome, StoreError};
use crate::trace::{Check, fact};
use crate::{Environment, Outcome};
use openclaw_protocol::connect::ClientInfo;
use serde_json::{Value, json};

/// The grounds for an approval without a person.
struct SilentApproval {
    /// Whether the client is a node from a network that the configuration trusts.
    listed: bool,
    /// The pairing with a bootstrap token, if there is one.
    bootstrap: Option<Bootstrap>,
    /// Whether being local, or one of these grounds, is sufficient for the requested access.
    counts: bool,
}

impl SilentApproval {
    /// The profile of the bootstrap token, if there is one.
    fn profile(&self) -> Option<&BootstrapProfile> {
        self.bootstrap.as_ref()?.profile.as_ref()
    }
}

impl PairingCheck<'_> {
    /// Requests approval. Returns only if the approval was given at once or is no longer necessary.
    ///
    /// # Errors
    /// Returns the refusal, or an error that a release throws.
    pub(super) fn require(
        &mut self,
        upgrade: ApprovalReason,
        existing: Option<&Value>,
        model: &mut Model,
        environment: &mut Environment<'_>,
        outcome: &mut Outcome,
    ) -> Result<Option<BootstrapProfile>, HandshakeEnd> {
        let vouched = self.vouched_scopes(upgrade, existing, model);
        if let (ApprovalReason::Scope, Some(scopes), Some(record)) = (upgrade, &vouched, existing)
            && self.has_vouched(scopes, record, model)?
        {
            outcome.trace_line(Check::Pairing, "the record has the scopes that users of the reverse proxy get");
            return Ok(None);
        }
        let silence = self.silence(upgrade, existing, model, environment, outcome)?;
        let requested = self.ask(&silence, model, environment, outcome)?;
        if let Some(scopes) = vouched
            && self.approve_vouched(&requested, scopes, model, environment)?
        {
            self.approved(&requested, None, model, environment, outcome)?;
            let fact = fact!(handshake.proxy_can_approve_devices);
            outcome.trace_line_of(Check::Pairing, fact, "the gateway pairs users of the reverse proxy automatically");
            return Ok(None);
        }
        if silence.counts && !requested.silent() {
            let why = "not approved automatically, because an earlier request of the device, which needs an approval, is pending";
            outcome.trace_line(Check::Pairing, why);
        }
        if requested.silent() {
            if self.approve_silently(&requested, &silence, existing, model, environment)? {
                self.approved(&requested, silence.bootstrap.as_ref(), model, environment, outcome)?;
                if model.rules.handshake.record_can_admit {
                    self.live_request(&requested, model, environment)?;
                }
                outcome.trace_line(Check::Pairing, format!("{}: approved automatically", upgrade.reason()));
                return Ok(silence.bootstrap.and_then(|bootstrap| bootstrap.profile));
            }
            if self.is_let_in_unapproved(model, environment, outcome)? {
                return Ok(None);
            }
        }
        if model.rules.handshake.record_can_admit && self.is_granted_by_now(&requested, model, environment)? {
            if requested.created && !requested.silent() {
                model.broadcast("device.pair.requested", Value::Object(requested.request.clone()), outcome);
            }
            let fact = fact!(handshake.record_can_admit);
            outcome.trace_line_of(
                Check::Pairing,
                fact,
                "the request is still pending, but the record grants the access now",
            );
            return Ok(None);
        }
        self.refuse(upgrade, existing, &requested, model, environment, outcome)
    }

    /// The grounds for an approval without a person.
    fn silence(
        &self,
        upgrade: ApprovalReason,
        existing: Option<&Value>,
        model: &Model,
        environment: &mut Environment<'_>,
        outcome: &mut Outcome,
    ) -> Result<SilentApproval, HandshakeEnd> {
        let rules = &model.rules.handshake;
        let bootstrap = self.bootstrap_pairing(upgrade, existing.is_some(), model, environment)?;
        let bound = existing.is_some() && self.attempt.role != "operator" && rules.silent_for_operators_only;
        let local = self.silent_locally(upgrade, bound, model, outcome);
        let listed = !local && self.is_listed_node(upgrade, existing.is_some(), model, outcome);
        let scope_too = rules.local_scope_upgrade != ScopeUpgrade::Asked;
        let counts = (upgrade != ApprovalReason::Scope || scope_too) && (local || listed || bootstrap.is_some());
        Ok(SilentApproval { listed, bootstrap, counts })
    }

    /// Writes the request to the store, and announces the requests that it replaces.
    fn ask(
        &self,
        silence: &SilentApproval,
        model: &mut Model,
        environment: &mut Environment<'_>,
        outcome: &mut Outcome,
    ) -> Result<RequestOutcome, HandshakeEnd> {
        let rules = &model.rules.pairing;
        let profile = silence.profile();
        let own = self.request();
        let scopes = match profile.filter(|_| rules.bootstrap_grants_requested) {
            Some(profile) => profile.all_handoff_scopes(rules, &profile.scopes),
            None => own.scopes,
        };
        let request = PairingRequest {
            device_id: self.device_id.to_owned(),
            public_key: self.public_key.to_owned(),
            platform: Some(self.claimed.0.clone()),
            device_family: self.claimed.1.clone().filter(|_| model.rules.handshake.pins_metadata),
            silent: silence.counts,
            roles: profile.map(|profile| self.roles_handed_off(profile)).unwrap_or_default(),
            scopes,
            ..own
        };
        let Environment { now, store, entropy } = environment;
        let requested = pairing::request(rules, *store, *entropy, *now, &request)?;
        if model.rules.handshake.superseded_announced {
            for replaced in &requested.superseded {
                let payload =
                    json!({"requestId": replaced, "deviceId": self.device_id, "decision": "rejected", "ts": *now});
                model.broadcast("device.pair.resolved", payload, outcome);
            }
        }
        Ok(requested)
    }

    /// Approves a silent request on its grounds. Returns whether it was approved.
    fn approve_silently(
        &self,
        requested: &RequestOutcome,
        silence: &SilentApproval,
        existing: Option<&Value>,
        model: &Model,
        environment: &mut Environment<'_>,
    ) -> Result<bool, HandshakeEnd> {
        let (rules, id, metadata) = (&model.rules.pairing, requested.request_id(), self.metadata());
        let Environment { now, store, entropy } = environment;
        let approval = match silence.profile() {
            Some(profile) => pairing::approve_bootstrap(rules, *store, *entropy, *now, &id, profile, Some(&metadata))?,
            None => {
                let mut scopes = self.attempt.scopes.clone();
                if model.rules.handshake.local_scope_upgrade == ScopeUpgrade::BySecret {
                    scopes.extend(existing.map(pairing::access_scopes).unwrap_or_default());
                }
                let kind = if silence.listed { ApprovalKind::TrustedCidr } else { ApprovalKind::Silent };
                let by = Approver { scopes: &scopes, kind, metadata: Some(&metadata), grants: None };
                pairing::approve(rules, *store, *entropy, *now, &id, by)?
            }
        };
        Ok(approval.device().is_some())
    }

    /// Whether the client is admitted although its silent request was not approved.
    fn is_let_in_unapproved(
        &self,
        model: &Model,
        environment: &Environment<'_>,
        outcome: &mut Outcome,
    ) -> Result<bool, HandshakeEnd> {
        if !model.rules.handshake.live_request_id {
            let fact = fact!(handshake.live_request_id);
            outcome.trace_line_of(
                Check::Pairing,
                fact,
                "the automatic request no longer exists, so the release admits the client",
            );
            return Ok(true);
        }
        let record = pairing::find_paired(&model.rules.pairing, environment.store, environment.now, self.device_id)?;
        let granted = record.as_ref().map_or(Ok(false), |record| self.is_let_in_by(model, record))?;
        if granted {
            outcome.trace_line(Check::Pairing, "not approved automatically, but the record grants the access");
        }
        Ok(granted)
    }

    /// Whether the current record grants the requested access. An immediately preceding upgrade can have
    /// changed it.
    fn is_granted_by_now(
        &self,
        requested: &RequestOutcome,
        model: &Model,
        environment: &Environment<'_>,
    ) -> Result<bool, HandshakeEnd> {
        self.live_request(requested, model, environment)?;
        let rules = &model.rules;
        let record = pairing::find_paired(&rules.pairing, environment.store, environment.now, self.device_id)?;
        let Some(record) = record else { return Ok(false) };
        let client = ClientInfo {
            platform: self.claimed.0.clone(),
            device_family: self.claimed.1.clone(),
            ..self.attempt.client().clone()
        };
        Ok(!pinned_metadata::compare_with_record(&rules.handshake, &client, &record).mismatch
            && self.is_let_in_by(model, &record)?)
    }

    /// The id of the device's pending request.
    fn live_request(
        &self,
        requested: &RequestOutcome,
        model: &Model,
        environment: &Environment<'_>,
    ) -> Result<Option<String>, StoreError> {
        let (id, store, now) = (requested.request_id(), &*environment.store, environment.now);
        pairing::live_request_id(&model.rules.pairing, store, now, &id, self.device_id, self.public_key)
    }

    /// The effects of a silent approval.
    fn approved(
        &self,
        requested: &RequestOutcome,
        bootstrap: Option<&Bootstrap>,
        model: &mut Model,
        environment: &mut Environment<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), HandshakeEnd> {
        if bootstrap.is_some_and(|bootstrap| bootstrap.profile.is_none())
            && let Some(token) = self.auth_result.bootstrap_token()
        {
            pairing::revoke_bootstrap_token(&model.rules.pairing, environment.store, environment.now, token)?;
        }
        let payload = json!({
            "requestId": requested.request_id(),
            "deviceId": self.device_id,
            "decision": "approved",
            "ts": environment.now,
        });
        model.broadcast("device.pair.resolved", payload, outcome);
        if model.rules.handshake.prunes_silent && bootstrap.is_none() {
            self.prune(model, environment, outcome)?;
        }
        Ok(())
    }

    /// Removes silent pairings of similar clients.
    fn prune(
        &self,
        model: &mut Model,
        environment: &mut Environment<'_>,
        outcome: &mut Outcome,
    ) -> Result<(), HandshakeEnd> {
        let connected: Vec<String> =
            model.clients().into_iter().filter_map(|(_, client)| client.device_id().map(str::to_owned)).collect();
        let (store, now) = (&mut *environment.store, environment.now);
        let pruned = pairing::prune_silent(&model.rules.pairing, store, now, self.device_id, &connected)?;
        for (device, roles) in pruned {
            outcome
                .effects
                .push(Effect::Log(format!("device pairing pruned superseded silent pairing device={device}")));
            if roles.iter().any(|role| role == "node") {
                let payload = json!({"requestId": "", "nodeId": device, "decision": "removed", "ts": now});
                model.broadcast("node.pair.resolved", payload, outcome);
            }
        }
        Ok(())
    }

    /// Announces the pending request and refuses the connect.
    fn refuse<T>(
        &self,
        upgrade: ApprovalReason,
        existing: Option<&Value>,
        requested: &RequestOutcome,
        model: &mut Model,
        environment: &mut Environment<'_>,
        outcome: &mut Outcome,
    ) -> Result<T, HandshakeEnd> {
        let live = match model.rules.handshake.live_request_id {
            true => self.live_request(requested, model, environment)?,
            false => Some(requested.request_id()),
        };
        // A silent request that could not be approved is announced if it still exists.
        let announced =
            if requested.silent() { live.as_deref() == Some(&requested.request_id()) } else { requested.created };
        if announced {
            model.broadcast("device.pair.requested", Value::Object(requested.request.clone()), outcome);
        }
        let control_ui_waits = model.rules.handshake.control_ui_waits
            && self.attempt.is_operator_ui()
            && self.attempt.role == "operator"
            && live.is_some();
        let required = PairingRequired {
            upgrade,
            request_id: live,
            device_id: self.device_id,
            role: self.attempt.role,
            scopes: &self.attempt.scopes,
            record: existing.filter(|record| self.has_key_of_client(record)),
            retry: self.auth_result.method == AuthMethod::BootstrapToken
                && upgrade == ApprovalReason::NotPaired
                && self.attempt.role == "node"
                && self.attempt.scopes.is_empty()
                && existing.is_none()
                || control_ui_waits,
        };
        let refusal = match model.rules.handshake.upgrade_named {
            true => required
                .named(&model.rules.pairing, model.rules.handshake.bootstrap_pairing == BootstrapPairing::SetupCode)?,
            false => required.plain(model.rules.handshake.refusals_detailed),
        };
        Err(refusal.into())
    }
}
