//! The approved and the effective roles of a record.

use super::{EffectiveRoles, PairingRules, StoreError};
use openclaw_protocol::js::{self, TypeError};
use serde_json::Value;

/// The roles that a device can connect with. The meaning of an empty or absent `tokens` map is the cause of #59045.
///
/// # Errors
/// Returns an error for a token or a role that the release's code cannot process.
pub fn effective_roles(rules: &PairingRules, device: &Value) -> Result<Vec<String>, StoreError> {
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

/// Whether a device can connect with this role.
///
/// # Errors
/// As [`effective_roles`].
pub fn has_effective_role(rules: &PairingRules, device: &Value, role: &str) -> Result<bool, StoreError> {
    let role = js::trim(role);
    Ok(!role.is_empty() && effective_roles(rules, device)?.iter().any(|have| have == role))
}

/// The roles that the record lists, whatever its tokens contain.
///
/// # Errors
/// Returns an error for a role that is not a string.
pub fn approved_roles(rules: &PairingRules, device: &Value) -> Result<Vec<String>, StoreError> {
    Ok(merge_roles(rules, &[device.get("roles"), device.get("role")])?.unwrap_or_default())
}

/// The roles as written in the record: `roles` if it is a list, otherwise `role`, untrimmed.
fn recorded_roles(device: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match device.get("roles") {
        Some(Value::Array(roles)) => roles.iter().filter_map(text).collect(),
        _ => device.get("role").filter(|role| js::truthy(Some(role))).and_then(text).into_iter().collect(),
    }
}

fn active_token_roles(rules: &PairingRules, tokens: &Value) -> Result<Vec<String>, TypeError> {
    let mut roles = Vec::new();
    for entry in js::values(Some(tokens))? {
        if !js::truthy(js::property(Some(&entry), "revokedAtMs")?) {
            push_new(&mut roles, one_role(rules, entry.get("role"), "role")?);
        }
    }
    Ok(roles)
}

/// Merges roles and role lists of records in the order of their first occurrence. `None` is `undefined`.
pub(super) fn merge_roles(rules: &PairingRules, items: &[Option<&Value>]) -> Result<Option<Vec<String>>, TypeError> {
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

/// A trimmed role. `None` for a value that is not a string, if the release accepts it.
fn one_role<'a>(rules: &PairingRules, role: Option<&'a Value>, name: &str) -> Result<&'a str, TypeError> {
    match role {
        Some(Value::String(text)) => Ok(js::trim(text)),
        _ if rules.lenient_lists => Ok(""),
        role => js::trimmed(role, name),
    }
}

/// `role?.trim()`. `None` if the result is empty.
pub(super) fn normalise_role(role: Option<&Value>) -> Result<Option<String>, TypeError> {
    let Some(role) = js::present(role) else { return Ok(None) };
    let text = js::trimmed(Some(role), "role?")?;
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

fn push_new(roles: &mut Vec<String>, role: &str) {
    if !role.is_empty() && !roles.iter().any(|have| have == role) {
        roles.push(role.to_owned());
    }
}
