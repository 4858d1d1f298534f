//! Scopes: merging, normalization and coverage (`operator-scope-compat.ts`, `device-auth.ts`).

use super::{PairingRules, StoreError};
use openclaw_protocol::js::{self, TypeError};
use serde_json::Value;

/// The prefix of every operator scope.
pub(super) const OPERATOR_PREFIX: &str = "operator.";
const OPERATOR: &str = "operator";
const ADMIN: &str = "operator.admin";
const READ: &str = "operator.read";
const WRITE: &str = "operator.write";
const TALK: &str = "operator.talk";
const SESSIONS_READ: &str = "operator.sessions.read";
const SESSIONS_WRITE: &str = "operator.sessions.write";

/// The scopes of a record in the form of a token: trimmed, unique, in most releases with the implied scopes, and
/// sorted. A value that is not a list has no scopes.
///
/// # Errors
/// Returns an error for a scope that is not a string.
pub fn normalise_scopes(rules: &PairingRules, scopes: Option<&Value>) -> Result<Vec<String>, StoreError> {
    let Some(Value::Array(items)) = scopes else { return Ok(Vec::new()) };
    let texts = items.iter().filter(|item| item.is_string() || !rules.lenient_lists);
    let texts = texts.map(|item| js::trimmed(Some(item), "scope")).collect::<Result<Vec<_>, _>>()?;
    Ok(normalised_scopes(rules, &texts))
}

/// [`normalise_scopes`] for scopes that are known to be strings.
pub fn normalised_scopes<S: AsRef<str>>(rules: &PairingRules, scopes: &[S]) -> Vec<String> {
    if rules.scopes_imply {
        return expanded_scopes(scopes);
    }
    let mut normal = trimmed_scopes(scopes);
    normal.sort();
    normal.dedup();
    normal
}

/// Trimmed, unique scopes with the implied ones, sorted: the form of tokens that store the implied scopes.
pub fn expanded_scopes<S: AsRef<str>>(scopes: &[S]) -> Vec<String> {
    let mut normal = trimmed_scopes(scopes);
    let has = |scope: &str| normal.iter().any(|have| have == scope);
    if has(ADMIN) {
        normal.extend([READ.to_owned(), WRITE.to_owned()]);
    } else if has(WRITE) {
        normal.push(READ.to_owned());
    }
    normal.sort();
    normal.dedup();
    normal
}

fn trimmed_scopes<S: AsRef<str>>(scopes: &[S]) -> Vec<String> {
    scopes.iter().map(|scope| js::trim(scope.as_ref())).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

/// Whether the granted scopes cover every requested one for this role.
pub fn scopes_allow<R: AsRef<str>, G: AsRef<str>>(
    rules: &PairingRules,
    role: &str,
    requested: &[R],
    granted: &[G],
) -> bool {
    let trimmed = |scope: &str| Some(js::trim(scope).to_owned()).filter(|scope| !scope.is_empty());
    let granted: Vec<String> = granted.iter().filter_map(|scope| trimmed(scope.as_ref())).collect();
    let role = js::trim(role);
    requested.iter().filter_map(|scope| trimmed(scope.as_ref())).all(|scope| covered(rules, role, &scope, &granted))
}

/// [`scopes_allow`] for the scopes of a record, which can be any value.
///
/// # Errors
/// Returns an error for a value that is not iterable, or for a scope that is not a string.
pub fn scopes_allow_values(
    rules: &PairingRules,
    role: &str,
    requested: Option<&Value>,
    granted: Option<&Value>,
) -> Result<bool, StoreError> {
    let requested = scope_list(requested)?;
    if requested.is_empty() {
        return Ok(true);
    }
    Ok(scopes_allow(rules, role, &requested, &scope_list(granted)?))
}

fn scope_list(scopes: Option<&Value>) -> Result<Vec<String>, TypeError> {
    let mut list = Vec::new();
    for scope in js::iterate(scopes, "scopes")? {
        let text = js::trimmed(Some(&scope), "scope")?;
        if !text.is_empty() {
            list.push(text.to_owned());
        }
    }
    Ok(list)
}

fn covered(rules: &PairingRules, role: &str, scope: &str, granted: &[String]) -> bool {
    let has = |wanted: &str| granted.iter().any(|have| have == wanted);
    if !rules.scopes_cover {
        return has(scope);
    }
    if role != OPERATOR {
        let belongs = || scope.strip_prefix(role).is_some_and(|rest| rest.starts_with('.'));
        return has(scope) && (!rules.scopes_follow_role || belongs());
    }
    let operator_scope = scope.starts_with(OPERATOR_PREFIX);
    if rules.scopes_follow_role && !operator_scope {
        return false;
    }
    (has(ADMIN) && operator_scope) || has(scope) || (scope == READ && has(WRITE)) || implied_newly(rules, scope, &has)
}

/// The scopes that `operator.write`, `operator.read` and `operator.sessions.write` imply with `write_covers_sessions`.
fn implied_newly(rules: &PairingRules, scope: &str, has: &impl Fn(&str) -> bool) -> bool {
    rules.write_covers_sessions
        && match scope {
            TALK | SESSIONS_WRITE => has(WRITE),
            SESSIONS_READ => has(WRITE) || has(READ) || has(SESSIONS_WRITE),
            _ => false,
        }
}

/// The first requested scope that the granted scopes do not cover.
pub fn missing_scope<'a, G: AsRef<str>>(
    rules: &PairingRules,
    role: &str,
    requested: &'a [String],
    granted: &[G],
) -> Option<&'a String> {
    requested.iter().find(|scope| !scopes_allow(rules, role, std::slice::from_ref(*scope), granted))
}

/// For the operator role, the operator scopes. For any other role, the other scopes.
pub fn role_scoped(role: &str, scopes: Vec<String>) -> Vec<String> {
    let operator = role == OPERATOR;
    scopes.into_iter().filter(|scope| scope.starts_with(OPERATOR_PREFIX) == operator).collect()
}

/// Merges scope lists of records in the order of their first occurrence. `None` is `undefined`.
pub(super) fn merge_scopes(rules: &PairingRules, lists: &[Option<&Value>]) -> Result<Option<Vec<String>>, TypeError> {
    let mut merged: Vec<String> = Vec::new();
    let mut explicit = false;
    let is_list = |list: Option<&Value>| match rules.lenient_lists {
        true => list.is_some_and(Value::is_array),
        false => js::truthy(list),
    };
    for list in lists.iter().filter(|list| is_list(**list)) {
        explicit = true;
        for scope in js::iterate(*list, "item")? {
            if rules.lenient_lists && !scope.is_string() {
                continue;
            }
            let text = js::trimmed(Some(&scope), "scope")?;
            if !text.is_empty() && !merged.iter().any(|have| have == text) {
                merged.push(text.to_owned());
            }
        }
    }
    Ok(Some(merged).filter(|merged| !merged.is_empty() || (explicit && rules.empty_scope_list_kept)))
}
