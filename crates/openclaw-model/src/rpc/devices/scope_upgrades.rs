//! `device.scopes.requestUpgrade` and `device.scopes.waitUpgrade` (`server-methods/device-scope-upgrade.ts`).

use crate::input::{Environment, Outcome};
use crate::model::Model;
use crate::pairing::{self, PENDING_TTL_MS, PairingRequest, StoreError};
use crate::rpc::schemas::{REQUEST_ID, SCOPES};
use crate::rpc::{Call, HandlerResult, Refusal, Reply, invalid, invalid_with};
use crate::scope_upgrades::{ScopeUpgrade, UpgradeDecision, UpgradeOwner, ended};
use openclaw_protocol::js;
use openclaw_protocol::scopes::OPERATOR_SCOPES;
use serde_json::{Value, json};

pub(in crate::rpc) fn request(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&SCOPES)?;
    let owner = call.upgrade_owner()?;
    let now = call.now();
    let rules = call.model.rules.pairing.clone();
    let paired = pairing::find_paired(&rules, call.environment.store, now, &owner.device_id)?;
    let key_of = |device: &Value| device.get("publicKey").and_then(Value::as_str).map(str::to_owned);
    let Some(paired) = paired.filter(|device| key_of(device).as_ref() == Some(&owner.public_key)) else {
        return Err(device_required());
    };
    let scopes = pairing::normalise_scopes(&rules, params.get("scopes"))?;
    if !scopes.iter().all(|scope| OPERATOR_SCOPES.contains(&scope.as_str())) {
        return Err(invalid("requested scopes contain an unknown operator scope"));
    }
    let current = call.client.scopes.clone();
    if !pairing::scopes_allow(&rules, "operator", &current, &scopes) {
        return Err(invalid("requested scopes must include the connection's current scopes"));
    }
    let info = &call.client.connect.client;
    let incoming = PairingRequest {
        device_id: owner.device_id.clone(),
        public_key: owner.public_key.clone(),
        display_name: info.display_name.clone(),
        platform: Some(info.platform.clone()),
        device_family: info.device_family.clone(),
        client_id: Some(info.id.clone()),
        client_mode: Some(info.mode.clone()),
        role: "operator".to_owned(),
        roles: Vec::new(),
        scopes: scopes.clone(),
        remote_ip: call.client.client_ip.clone(),
        silent: false,
    };
    let environment = &mut *call.environment;
    let requested = pairing::request(&rules, environment.store, environment.entropy, now, &incoming)?;
    let request_id = requested.request_id();
    let token = js::optional_property(paired.get("tokens"), "operator").and_then(|token| token.get("token"));
    let before = (token.cloned(), paired.get("approvedAtMs").cloned());
    let upgrade = ScopeUpgrade::new(owner.clone(), scopes.clone(), before, now.saturating_add(PENDING_TTL_MS));
    call.model.scope_upgrades.register(&request_id, upgrade, now);
    for replaced in &requested.superseded {
        call.model.scope_upgrades.decide(replaced, UpgradeDecision::Rejected);
        let payload = json!({"requestId": replaced, "deviceId": owner.device_id, "decision": "rejected", "ts": now});
        call.broadcast("device.pair.resolved", payload);
    }
    if requested.created {
        call.broadcast("device.pair.requested", Value::Object(requested.request));
    }
    call.log(format!(
        "security audit: live device scope upgrade requested device={} scopesFrom={} scopesTo={}",
        owner.device_id,
        current.join(","),
        scopes.join(",")
    ));
    Ok(Reply::Answer(json!({"requestId": request_id})))
}

pub(in crate::rpc) fn wait(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&REQUEST_ID)?;
    let owner = call.upgrade_owner()?;
    let request_id = params.get("requestId").and_then(Value::as_str).unwrap_or_default();
    let waiter = (call.connection, call.request.id.clone());
    let now = call.now();
    match call.model.scope_upgrades.wait(request_id, &owner, waiter, now) {
        true => Ok(Reply::Answered),
        false => Err(invalid("scope upgrade expired or not found")),
    }
}

impl Call<'_, '_> {
    /// The owner of the upgrades that this client can ask for.
    fn upgrade_owner(&self) -> Result<UpgradeOwner, Refusal> {
        let device = self.client.connect.device.as_ref().filter(|_| self.client.role == "operator");
        let trimmed = |text: &str| Some(js::trim(text).to_owned()).filter(|text| !text.is_empty());
        let owner = device.and_then(|device| {
            Some(UpgradeOwner { device_id: trimmed(&device.id)?, public_key: trimmed(&device.public_key)? })
        });
        owner.ok_or_else(device_required)
    }
}

fn device_required() -> Refusal {
    let message = "device scope upgrade requires a paired browser identity; reopen the Control UI over HTTPS or localhost, then retry";
    let details = json!({"code": "DEVICE_IDENTITY_REQUIRED", "recommendedNextStep": "reopen_control_ui_securely"});
    invalid_with(message, details)
}

/// Answers the clients that wait for a finished upgrade.
pub(crate) fn answer_finished_upgrades(model: &mut Model, environment: &mut Environment<'_>, outcome: &mut Outcome) {
    for (request_id, upgrade) in model.scope_upgrades.awaited() {
        let result = match upgrade.result() {
            Some(result) => Ok(Some(result)),
            None => result(model, environment, &request_id, &upgrade),
        };
        // If the store cannot be read, it is read again the next time.
        if let Ok(Some(result)) = result {
            for (connection, id) in model.scope_upgrades.finish(&request_id, &result, environment.now) {
                model.respond(connection, &id, Ok(result.clone()), outcome);
            }
        }
    }
}

/// The result of an upgrade according to the store. `None` while its request is pending.
fn result(
    model: &Model,
    environment: &Environment<'_>,
    request_id: &str,
    upgrade: &ScopeUpgrade,
) -> Result<Option<Value>, StoreError> {
    let (rules, now) = (&model.rules.pairing, environment.now);
    if now >= upgrade.expires_at {
        return Ok(Some(ended(request_id, "expired")));
    }
    if pairing::find_pending(rules, environment.store, now, request_id)?.is_some() {
        return Ok(None);
    }
    let rejected = Some(ended(request_id, "rejected"));
    if upgrade.decided == Some(UpgradeDecision::Rejected) {
        return Ok(rejected);
    }
    let Some(paired) = pairing::find_paired(rules, environment.store, now, &upgrade.owner.device_id)? else {
        return Ok(rejected);
    };
    let entry = js::optional_property(paired.get("tokens"), "operator");
    let Some(entry) = entry.filter(|entry| !js::truthy(entry.get("revokedAtMs"))) else { return Ok(rejected) };
    let renewed = entry.get("token") != upgrade.initial_token.as_ref()
        && paired.get("approvedAtMs") != upgrade.initial_approval.as_ref();
    let same_key = paired.get("publicKey").and_then(Value::as_str) == Some(upgrade.owner.public_key.as_str());
    let held = pairing::normalise_scopes(rules, entry.get("scopes"))?;
    let approved = same_key
        && (renewed || upgrade.decided == Some(UpgradeDecision::Approved))
        && pairing::scopes_allow(rules, "operator", &upgrade.scopes, &held);
    Ok(match approved {
        true => Some(json!({
            "status": "approved",
            "requestId": request_id,
            "deviceToken": entry.get("token"),
            "scopes": entry.get("scopes"),
        })),
        false => rejected,
    })
}
