//! Lists in the configuration.

use serde_json::Value;

/// The texts of a list. Other values are left out.
pub(super) fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
