//! Automatic approval of devices whose users a reverse proxy authenticates
//! (`gateway.auth.trustedProxy.deviceAutoApprove`, `connect-pairing-plan.ts`).

use super::{ApprovalReason, HandshakeEnd, PairingCheck};
use crate::Environment;
use crate::handshake::auth::verdict::AuthMethod;
use crate::handshake::checks::device;
use crate::model::Model;
use crate::pairing::{self, ApprovalKind, Approver, RequestOutcome};
use openclaw_protocol::client::{self, mode};
use openclaw_protocol::js;
use serde_json::Value;

/// The granted scopes if neither the client nor the configuration lists any.
const DEFAULT_SCOPES: [&str; 4] = ["operator.approvals", "operator.questions", "operator.read", "operator.write"];
/// The scope that every client requests in this case.
const QUESTIONS: &str = "operator.questions";

impl PairingCheck<'_> {
    /// The scopes that the device gets at once. `None` if it is not approved automatically.
    pub(super) fn vouched_scopes(
        &self,
        upgrade: ApprovalReason,
        existing: Option<&Value>,
        model: &Model,
    ) -> Option<Vec<String>> {
        let policy = model.config.trusted_proxy.as_ref()?.auto_approve.as_ref()?;
        if !model.rules.handshake.proxy_can_approve_devices {
            return None;
        }
        let attempt = &*self.attempt;
        let info = attempt.client();
        let app = info.mode == mode::UI && client::NATIVE_APPS.contains(&info.id.as_str());
        let fits = match upgrade {
            ApprovalReason::NotPaired => existing.is_none(),
            ApprovalReason::Scope => existing.is_some_and(|record| self.has_key_of_client(record)),
            _ => false,
        };
        let shown = attempt.is_operator_ui() || attempt.is_webchat() || app;
        if !fits || !shown || attempt.role != "operator" || self.auth_result.method != AuthMethod::TrustedProxy {
            return None;
        }
        let granted = match &policy.scopes {
            Some(scopes) => sorted(scopes),
            None => DEFAULT_SCOPES.map(str::to_owned).to_vec(),
        };
        let mut requested_scopes = match attempt.params.scopes {
            Some(_) => attempt.scopes.clone(),
            None => granted.clone(),
        };
        if policy.scopes.is_none() {
            requested_scopes.push(QUESTIONS.to_owned());
        }
        let mut scopes = sorted(&requested_scopes);
        scopes.retain(|scope| granted.contains(scope));
        device::bound_scopes(attempt, &mut scopes);
        Some(scopes)
    }

    /// Limits the connection to the requested scopes that the record already contains and the proxy allows. Returns
    /// whether there are any.
    ///
    /// # Errors
    /// Returns an error of the store.
    pub(super) fn has_vouched(
        &mut self,
        scopes: &[String],
        record: &Value,
        model: &Model,
    ) -> Result<bool, HandshakeEnd> {
        let rules = &model.rules.pairing;
        let held = pairing::access_scopes(record);
        if !pairing::has_effective_role(rules, record, self.attempt.role)?
            || !pairing::scopes_allow(rules, self.attempt.role, scopes, &held)
        {
            return Ok(false);
        }
        let mut all = sorted(&[self.attempt.scopes.as_slice(), scopes].concat());
        all.retain(|scope| pairing::scopes_allow(rules, self.attempt.role, std::slice::from_ref(scope), &held));
        self.attempt.scopes = all;
        Ok(true)
    }

    /// Approves the request with these scopes. Returns whether it was approved.
    ///
    /// # Errors
    /// Returns an error of the store.
    pub(super) fn approve_vouched(
        &mut self,
        requested: &RequestOutcome,
        scopes: Vec<String>,
        model: &Model,
        environment: &mut Environment<'_>,
    ) -> Result<bool, HandshakeEnd> {
        let Environment { now, store, entropy } = environment;
        let (id, metadata) = (requested.request_id(), self.metadata());
        let by = Approver {
            scopes: &scopes,
            kind: ApprovalKind::TrustedProxy,
            metadata: Some(&metadata),
            grants: Some(&scopes),
        };
        let approved = pairing::approve(&model.rules.pairing, *store, *entropy, *now, &id, by)?.device().is_some();
        if approved {
            self.attempt.scopes = scopes;
        }
        Ok(approved)
    }
}

fn sorted(scopes: &[String]) -> Vec<String> {
    let mut sorted: Vec<String> =
        scopes.iter().map(|scope| js::trim(scope).to_owned()).filter(|scope| !scope.is_empty()).collect();
    sorted.sort();
    sorted.dedup();
    sorted
}
