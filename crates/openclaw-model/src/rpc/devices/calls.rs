//! `device.pair.*` and `device.token.*` (`server-methods/devices.ts`).

use crate::nodes;
use crate::pairing::{self, Approval, Approver, PairingList, TokenRevocation, TokenRotation};
use crate::rpc::schemas::{DEVICE_ID, NOTHING, RENAME, REQUEST_ID, REVOKE, ROTATE};
use crate::rpc::{Call, HandlerResult, Refusal, Reply, invalid};
use crate::scope_upgrades::UpgradeDecision;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

const ROTATION_DENIED: &str = "device token rotation denied";
const REVOCATION_DENIED: &str = "device token revocation denied";

pub(in crate::rpc) fn list(call: &mut Call<'_, '_>) -> HandlerResult {
    call.params(&NOTHING)?;
    let list = pairing::list(&call.model.rules.pairing, call.environment.store, call.now())?;
    let mut list = list;
    if let Some(own) = call.own_device_only() {
        let theirs = |entries: Vec<Value>| -> Result<Vec<Value>, Refusal> {
            let mut kept = Vec::new();
            for entry in entries {
                if js::trimmed(js::property(Some(&entry), "deviceId")?, "request.deviceId")? == own {
                    kept.push(entry);
                }
            }
            Ok(kept)
        };
        list = PairingList { pending: theirs(list.pending)?, paired: theirs(list.paired)? };
    }
    let rules = &call.model.rules.pairing;
    let mut paired =
        list.paired.iter().map(|device| pairing::redact_paired(rules, device)).collect::<Result<Vec<_>, _>>()?;
    for device in &mut paired {
        call.add_surfaces(device)?;
    }
    if call.model.rules.rpc.devices_show_connected {
        for device in &mut paired {
            let id = device.get("deviceId").and_then(Value::as_str).map(js::trim).unwrap_or_default().to_owned();
            let connected = call.model.clients().iter().any(|(_, client)| client.device_id() == Some(id.as_str()));
            let tokens = device.shift_remove("tokens");
            js::set(device, "connected", Some(connected));
            js::set(device, "tokens", tokens);
        }
    }
    Ok(Reply::Answer(json!({"pending": list.pending, "paired": paired})))
}

pub(in crate::rpc) fn approve(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&REQUEST_ID)?;
    let request_id = text(&params, "requestId");
    if call.decides_for_another(request_id)? || call.approves_a_role(request_id)? {
        return Err(invalid("device pairing approval denied"));
    }
    let now = call.now();
    let environment = &mut *call.environment;
    let (store, entropy) = (&mut *environment.store, &mut *environment.entropy);
    let scopes = &call.client.scopes;
    match pairing::approve(&call.model.rules.pairing, store, entropy, now, request_id, Approver::owner(scopes))? {
        // A caller's decision grants no additional scopes.
        Approval::Unknown | Approval::NotGranted => Err(invalid("unknown requestId")),
        Approval::Forbidden(denial) => {
            call.reason(format!("the request is not approved: {denial}"));
            Err(invalid(denial.to_string()))
        }
        Approval::Approved { device } => {
            let role = device.get("role").and_then(Value::as_str).unwrap_or("unknown");
            let device_id = js::key_text(device.get("deviceId"));
            call.log(format!("device pairing approved device={device_id} role={role}"));
            call.resolved(request_id, device.get("deviceId").cloned(), "approved");
            let mut shown = pairing::redact_paired(&call.model.rules.pairing, &Value::Object(device))?;
            call.add_surfaces(&mut shown)?;
            Ok(Reply::Answer(json!({"requestId": request_id, "device": shown})))
        }
    }
}

pub(in crate::rpc) fn reject(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&REQUEST_ID)?;
    let request_id = text(&params, "requestId");
    if call.decides_for_another(request_id)? {
        return Err(invalid("device pairing rejection denied"));
    }
    let now = call.now();
    let Some(device_id) = pairing::reject(&call.model.rules.pairing, call.environment.store, now, request_id)? else {
        return Err(invalid("unknown requestId"));
    };
    call.resolved(request_id, device_id.clone(), "rejected");
    let mut payload = Record::new();
    js::set(&mut payload, "requestId", Some(request_id));
    js::set(&mut payload, "deviceId", device_id);
    Ok(Reply::Answer(Value::Object(payload)))
}

pub(in crate::rpc) fn remove(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&DEVICE_ID)?;
    let device_id = text(&params, "deviceId");
    if call.manages_another(device_id) {
        call.log(format!("device pairing removal denied device={device_id} reason=device-ownership-mismatch"));
        return Err(invalid("device pairing removal denied"));
    }
    let now = call.now();
    if call.model.rules.rpc.roles_need_admin && call.acts_beyond_own_role(device_id)? {
        return Err(invalid("device pairing removal denied"));
    }
    let Some(device_id) = pairing::remove(&call.model.rules.pairing, call.environment.store, now, device_id)? else {
        return Err(invalid("unknown deviceId"));
    };
    call.log(format!("device pairing removed device={device_id}"));
    let payload = json!({"deviceId": device_id});
    match call.model.rules.rpc.revoke_disconnects {
        true => Ok(Reply::AnswerThenDisconnect { payload, device_id, role: None }),
        false => Ok(Reply::Answer(payload)),
    }
}

/// Sets the name of a paired device, chosen by its owner.
pub(in crate::rpc) fn rename(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&RENAME)?;
    let device_id = text(&params, "deviceId");
    let label = js::trim(text(&params, "label"));
    if label.is_empty() {
        return Err(invalid("label required"));
    }
    if call.manages_another(device_id) || call.acts_beyond_own_role(device_id)? {
        call.log(format!("device pairing rename denied device={device_id}"));
        return Err(invalid("device pairing rename denied"));
    }
    let now = call.now();
    if !pairing::rename(&call.model.rules.pairing, call.environment.store, now, device_id, label)? {
        return Err(invalid("unknown deviceId"));
    }
    call.log(format!("device pairing renamed device={device_id} label={label}"));
    call.broadcast("device.pair.changed", json!({}));
    Ok(Reply::Answer(json!({"deviceId": device_id, "label": label})))
}

pub(in crate::rpc) fn rotate(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&ROTATE)?;
    let (device_id, role) = (text(&params, "deviceId"), text(&params, "role"));
    if call.manages_another(device_id) {
        return Err(call.rotation_denied(device_id, role, "device-ownership-mismatch", None));
    }
    if call.manages_a_role(role) {
        return Err(call.rotation_denied(device_id, role, "role-management-requires-admin", None));
    }
    let now = call.now();
    if !call.model.rules.rpc.rotation_needs_scopes {
        return call.rotate_now(device_id, role, &params);
    }
    let normal_role = js::trim(role);
    let device = pairing::find_paired(&call.model.rules.pairing, call.environment.store, now, device_id)?
        .filter(|device| js::truthy(Some(device)));
    let Some(device) = device else {
        return Err(call.rotation_denied(device_id, role, "unknown-device-or-role", None));
    };
    if call.model.rules.rpc.devices_manage_themselves
        && !pairing::approved_roles(&call.model.rules.pairing, &device)?.iter().any(|have| have == normal_role)
    {
        return Err(call.rotation_denied(device_id, role, "unknown-device-or-role", None));
    }
    let old = js::optional_property(device.get("tokens"), normal_role);
    let wanted = pairing::rotation_scopes(params.get("scopes"), old, &device);
    let wanted = pairing::normalise_scopes(&call.model.rules.pairing, wanted)?;
    let rules = &call.model.rules.pairing;
    if let Some(missing) = pairing::missing_scope(rules, role, &wanted, &call.client.scopes) {
        return Err(call.rotation_denied(device_id, role, "caller-missing-scope", Some(missing)));
    }
    call.rotate_now(device_id, role, &params)
}

pub(in crate::rpc) fn revoke(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&REVOKE)?;
    let (device_id, role) = (text(&params, "deviceId"), text(&params, "role"));
    if call.manages_another(device_id) {
        return Err(call.revocation_denied(device_id, role, "device-ownership-mismatch"));
    }
    if call.manages_a_role(role) {
        return Err(call.revocation_denied(device_id, role, "role-management-requires-admin"));
    }
    let now = call.now();
    let rules = &call.model.rules.pairing;
    let scopes = &call.client.scopes;
    let entry = match pairing::revoke_token(rules, call.environment.store, now, device_id, role, scopes)? {
        TokenRevocation::Revoked(entry) => entry,
        TokenRevocation::Unknown if rules.revocation_needs_rotation_scopes => {
            return Err(call.revocation_denied(device_id, role, "unknown-device-or-role"));
        }
        TokenRevocation::Unknown => return Err(invalid("unknown deviceId/role")),
        TokenRevocation::MissingScope(scope) => {
            return Err(call.revocation_denied(device_id, role, &format!("caller-missing-scope scope={scope}")));
        }
    };
    let disconnects = call.model.rules.rpc.revoke_disconnects;
    let device_id = if disconnects { js::trim(device_id) } else { device_id }.to_owned();
    let role = entry.get("role").cloned();
    call.log(format!("device token revoked device={device_id} role={}", js::key_text(role.as_ref())));
    let mut payload = Record::new();
    js::set(&mut payload, "deviceId", Some(device_id.as_str()));
    js::set(&mut payload, "role", role.clone());
    js::set(&mut payload, "revokedAtMs", entry.get("revokedAtMs").cloned());
    let payload = Value::Object(payload);
    match disconnects {
        true => Ok(Reply::AnswerThenDisconnect { payload, device_id, role: role_filter(role.as_ref()) }),
        false => Ok(Reply::Answer(payload)),
    }
}

impl Call<'_, '_> {
    /// Adds the node in a device's record, in releases that store it there.
    fn add_surfaces(&self, device: &mut Record) -> Result<(), Refusal> {
        let id = js::key_text(device.get("deviceId"));
        let (rules, now) = (&self.model.rules.nodes, self.now());
        device.extend(nodes::surfaces_of_device(rules, &*self.environment.store, now, &id)?);
        Ok(())
    }

    /// The device of the caller, in releases that check it.
    pub(in crate::rpc) fn caller_device(&self) -> Option<&str> {
        let counts = self.client.by_device_token || !self.model.rules.rpc.device_token_sessions;
        self.client.device_id().map(js::trim).filter(|id| !id.is_empty() && counts)
    }

    /// Whether a device without `operator.admin` acts on another device and is not allowed to.
    pub(in crate::rpc) fn manages_another(&mut self, target: &str) -> bool {
        let denied = self.model.rules.rpc.devices_manage_themselves
            && self.caller_device().is_some_and(|caller| caller != js::trim(target))
            && !self.holds("operator.admin");
        if denied {
            self.reason("a device without operator.admin manages only itself".to_owned());
        }
        denied
    }

    /// The device whose entries are the only ones that the caller can see and decide. `None` if the caller has no
    /// such limit.
    pub(in crate::rpc) fn own_device_only(&self) -> Option<String> {
        let bounded = self.model.rules.rpc.device_token_sessions && !self.holds("operator.admin");
        self.caller_device().filter(|_| bounded).map(str::to_owned)
    }

    /// Whether the caller cannot decide this request, because it belongs to another device or to none.
    fn decides_for_another(&mut self, request_id: &str) -> Result<bool, Refusal> {
        let Some(own) = self.own_device_only() else { return Ok(false) };
        let now = self.now();
        let pending = pairing::find_pending(&self.model.rules.pairing, self.environment.store, now, request_id)?;
        let theirs = match &pending {
            Some(pending) => js::trimmed(pending.get("deviceId"), "pending.deviceId")? == own,
            None => false,
        };
        if !theirs {
            self.reason("a device without operator.admin decides only its own requests".to_owned());
        }
        Ok(!theirs)
    }

    /// Whether a caller that is not an administrator approves a role that needs one: any role other than operator. A
    /// request that does not exist counts too.
    fn approves_a_role(&mut self, request_id: &str) -> Result<bool, Refusal> {
        if !self.model.rules.rpc.roles_need_admin || self.holds("operator.admin") {
            return Ok(false);
        }
        let now = self.now();
        let pending = pairing::find_pending(&self.model.rules.pairing, self.environment.store, now, request_id)?;
        let denied = match &pending {
            Some(pending) => {
                pairing::approved_roles(&self.model.rules.pairing, pending)?.iter().any(|role| role != "operator")
            }
            None => true,
        };
        if denied {
            self.reason("only an administrator approves another role than operator".to_owned());
        }
        Ok(denied)
    }

    /// Whether a caller that is not an administrator acts on the token of a role other than operator.
    fn manages_a_role(&mut self, role: &str) -> bool {
        let role = js::trim(role);
        let denied = self.model.rules.rpc.roles_need_admin
            && !self.holds("operator.admin")
            && !role.is_empty()
            && role != "operator";
        if denied {
            self.reason("only an administrator manages tokens of another role than operator".to_owned());
        }
        denied
    }

    /// Whether a device that is not an administrator acts on itself and also has a role other than operator.
    fn acts_beyond_own_role(&mut self, device_id: &str) -> Result<bool, Refusal> {
        if self.own_device_only().is_none() {
            return Ok(false);
        }
        let now = self.now();
        let paired = pairing::find_paired(&self.model.rules.pairing, self.environment.store, now, device_id)?;
        let denied = paired.is_some_and(|paired| has_other_role(&paired));
        if denied {
            self.reason("only an administrator manages a device with another role than operator".to_owned());
        }
        Ok(denied)
    }

    fn resolved(&mut self, request_id: &str, device_id: Option<Value>, decision: &str) {
        let decided = if decision == "approved" { UpgradeDecision::Approved } else { UpgradeDecision::Rejected };
        self.model.scope_upgrades.decide(request_id, decided);
        let mut payload = Record::new();
        js::set(&mut payload, "requestId", Some(request_id));
        js::set(&mut payload, "deviceId", device_id);
        js::set(&mut payload, "decision", Some(decision));
        js::set(&mut payload, "ts", Some(self.now()));
        self.broadcast("device.pair.resolved", Value::Object(payload));
    }

    fn rotate_now(&mut self, device_id: &str, role: &str, params: &Value) -> HandlerResult {
        let now = self.now();
        let rules = &self.model.rules.pairing;
        let environment = &mut *self.environment;
        let (store, entropy) = (&mut *environment.store, &mut *environment.entropy);
        match pairing::rotate_token(rules, store, entropy, now, device_id, role, params.get("scopes"))? {
            TokenRotation::Refused(why) => Err(self.rotation_denied(device_id, role, why, None)),
            TokenRotation::Rotated(entry) => Ok(self.rotated(device_id, &entry)),
        }
    }

    fn rotation_denied(&mut self, device_id: &str, role: &str, why: &str, scope: Option<&String>) -> Refusal {
        if !self.model.rules.rpc.rotation_denied_without_reason {
            return match scope {
                Some(scope) => invalid(format!("missing scope: {scope}")),
                None => invalid("unknown deviceId/role"),
            };
        }
        let scope = scope.map(|scope| format!(" scope={scope}")).unwrap_or_default();
        self.reason(format!("the rotation is denied: {why}{scope}"));
        self.log(format!("{ROTATION_DENIED} device={device_id} role={role} reason={why}{scope}"));
        invalid(ROTATION_DENIED)
    }

    fn revocation_denied(&mut self, device_id: &str, role: &str, why: &str) -> Refusal {
        self.reason(format!("the revocation is denied: {why}"));
        self.log(format!("{REVOCATION_DENIED} device={device_id} role={role} reason={why}"));
        invalid(REVOCATION_DENIED)
    }

    fn rotated(&mut self, device_id: &str, entry: &Record) -> Reply {
        let role = entry.get("role").cloned();
        self.log(format!("device token rotated device={device_id} role={}", js::key_text(role.as_ref())));
        let includes_token =
            !self.model.rules.rpc.device_token_sessions || self.caller_device() == Some(js::trim(device_id));
        let mut payload = Record::new();
        js::set(&mut payload, "deviceId", Some(device_id));
        js::set(&mut payload, "role", role.clone());
        js::set(&mut payload, "token", entry.get("token").filter(|_| includes_token).cloned());
        js::set(&mut payload, "scopes", entry.get("scopes").cloned());
        js::set(&mut payload, "rotatedAtMs", entry.get("rotatedAtMs").cloned());
        if self.model.rules.rpc.devices_show_connected {
            let delivery = if includes_token { "in-band" } else { "withheld-cross-device" };
            js::set(&mut payload, "tokenDelivery", Some(delivery));
        }
        let payload = Value::Object(payload);
        if !self.model.rules.rpc.rotate_disconnects {
            return Reply::Answer(payload);
        }
        let device_id = js::trim(device_id).to_owned();
        Reply::AnswerThenDisconnect { payload, device_id, role: role_filter(role.as_ref()) }
    }
}

/// Whether a record names another role than operator, or has a token for one.
pub(in crate::rpc) fn has_other_role(device: &Value) -> bool {
    let tokens = device.get("tokens").and_then(Value::as_object).into_iter().flatten();
    let of_tokens = tokens.filter_map(|(_, token)| token.get("role").and_then(Value::as_str));
    let named = device.get("roles").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let role = device.get("role").and_then(Value::as_str);
    let mut roles = named.chain(role).chain(of_tokens).map(js::trim);
    roles.any(|role| !role.is_empty() && role != "operator")
}

/// `opts?.role` as a filter for connections: a role that JavaScript treats as false filters nothing.
fn role_filter(role: Option<&Value>) -> Option<String> {
    role.filter(|role| js::truthy(Some(role))).map(|role| js::key_text(Some(role)))
}

fn text<'a>(params: &'a Value, key: &str) -> &'a str {
    params.get(key).and_then(Value::as_str).unwrap_or_default()
}
