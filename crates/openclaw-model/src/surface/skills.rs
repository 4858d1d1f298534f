//! `skills.bins`: the programs that the bundled skills need.

use crate::rpc::schemas::NOTHING;
use crate::rpc::{Call, HandlerResult, Reply};
use serde_json::json;

/// `skills.bins`: the programs that skills need.
pub(super) fn bins(call: &mut Call<'_, '_>) -> HandlerResult {
    call.params(&NOTHING)?;
    let mut bins: Vec<&str> = call.model.rules.rpc.skill_bins.split_whitespace().collect();
    bins.sort_unstable();
    Ok(Reply::Answer(json!({"bins": bins})))
}
