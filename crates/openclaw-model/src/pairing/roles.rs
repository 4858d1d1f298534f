//! Roles: which ones a record was approved for, and which ones it has in effect.

use super::{EffectiveRoles, Fault, PairingRules};
use openclaw_protocol::js::{self, TypeFault};
use serde_json::Value;

/// The roles that a device may connect as. What an empty or absent `tokens` map means here is the heart of #59045.
///
/// # Errors
/// A token or a role of a shape that the release's code cannot bear.
pub fn effective_roles(rules: &PairingRules, device: &Value) -> Result<Vec<String>, Fault> {
    if rules.effective_roles == EffectiveRoles::Record {
        return Ok(recorded_roles(device));
    }
    let tokens = device.get("tokens").filter(|tokens| js::truthy(Some(tokens)));
    let active = tokens.map(|tokens| active_token_roles(rules, tokens)).transpose()?;
    let has_tokens = tokens.is_some_and(|tokens| match tokens {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    });
    match (rules.effective_roles, active) {
        (EffectiveRoles::ActiveTokens, Some(active)) => Ok(active),
        (EffectiveRoles::ActiveTokensWithinRecord | EffectiveRoles::ActiveTokensOnly, Some(active))
            if !active.is_empty() =>
        {
            let approved = approved_roles(rules, device)?;
            Ok(active.into_iter().filter(|role| approved.contains(role)).collect())
        }
        (EffectiveRoles::ActiveTokensOnly, _) => Ok(Vec::new()),
        (_, Some(active)) if !active.is_empty() => Ok(active),
        _ if has_tokens => Ok(Vec::new()),
        _ => approved_roles(rules, device),
    }
}

/// Whether a device may connect as this role.
///
/// # Errors
/// As [`effective_roles`].
pub fn has_effective_role(rules: &PairingRules, device: &Value, role: &str) -> Result<bool, Fault> {
    let role = js::trim(role);
    Ok(!role.is_empty() && effective_roles(rules, device)?.iter().any(|have| have == role))
}

/// The roles that the record names, whatever its tokens say.
///
/// # Errors
/// A role that is no string.
pub fn approved_roles(rules: &PairingRules, device: &Value) -> Result<Vec<String>, Fault> {
    Ok(merge_roles(rules, &[device.get("roles"), device.get("role")])?.unwrap_or_default())
}

/// 2026.3.28's reading in the connect handler: `roles` where it is a list, else `role`, untrimmed.
fn recorded_roles(device: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match device.get("roles") {
        Some(Value::Array(roles)) => roles.iter().filter_map(text).collect(),
        _ => device.get("role").filter(|role| js::truthy(Some(role))).and_then(text).into_iter().collect(),
    }
}

fn active_token_roles(rules: &PairingRules, tokens: &Value) -> Result<Vec<String>, TypeFault> {
    let mut roles = Vec::new();
    for entry in js::values(Some(tokens))? {
        if !js::truthy(js::property(Some(&entry), "revokedAtMs")?) {
            push_new(&mut roles, one_role(rules, entry.get("role"), "role")?);
        }
    }
    Ok(roles)
}

/// Roles and role lists of records merged in order of first appearance; `None` is `undefined`.
pub(super) fn merge_roles(rules: &PairingRules, items: &[Option<&Value>]) -> Result<Option<Vec<String>>, TypeFault> {
    let mut roles = Vec::new();
    for item in items.iter().copied().filter(|item| js::truthy(*item)) {
        match item {
            Some(Value::Array(list)) => {
                for role in list {
                    push_new(&mut roles, one_role(rules, Some(role), "role")?);
                }
            }
            single => push_new(&mut roles, one_role(rules, single, "item")?),
        }
    }
    Ok(Some(roles).filter(|roles| !roles.is_empty()))
}

/// A role trimmed. What is no text is none, where the release bears it.
fn one_role<'a>(rules: &PairingRules, role: Option<&'a Value>, name: &str) -> Result<&'a str, TypeFault> {
    match role {
        Some(Value::String(text)) => Ok(js::trim(text)),
        _ if rules.lenient_lists => Ok(""),
        role => js::trimmed(role, name),
    }
}

/// `role?.trim()`, or `None` where nothing is left.
pub(super) fn normalise_role(role: Option<&Value>) -> Result<Option<String>, TypeFault> {
    let Some(role) = js::present(role) else { return Ok(None) };
    let text = js::trimmed(Some(role), "role?")?;
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

fn push_new(roles: &mut Vec<String>, role: &str) {
    if !role.is_empty() && !roles.iter().any(|have| have == role) {
        roles.push(role.to_owned());
    }
}
