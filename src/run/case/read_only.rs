//! Whether a case changes nothing on a gateway at a URL.

use crate::gateway::{Gateway, RunDirectory, Sandbox};
use crate::observe::{ObservedStore, StoredDocument};
use crate::run::steps::context::{CaseContext, CaseError};
use crate::scenario::gateway::AuthModeSetting;
use crate::scenario::{Case, Step, StepKind};
use openclaw_model::Release;
use openclaw_protocol::store::Document;
use serde_json::Value;

/// Whether a case changes nothing that outlives it. Its calls must not reach other clients, and the rules, played on
/// the embedded gateway, must leave the store unchanged. The auth mode of the gateway is not known at this point, and a
/// connect can already leave a record, so the store must stay unchanged in every mode.
pub(super) async fn is_read_only(
    case: &Case,
    rules: &Gateway,
    run_directory: &RunDirectory,
    release: Release,
) -> Result<bool, CaseError> {
    if !case.steps().all(only_looks) {
        return Ok(false);
    }
    for mode in [AuthModeSetting::Token, AuthModeSetting::Password, AuthModeSetting::None] {
        let mut case = case.clone();
        case.scenario.gateway.auth.mode = mode;
        if !keeps_the_store(&case, rules, run_directory.sandbox()?, release).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn keeps_the_store(case: &Case, rules: &Gateway, sandbox: Sandbox, release: Release) -> Result<bool, CaseError> {
    let mut context = CaseContext::new(case, rules, sandbox, release, None);
    context.perform().await?;
    let after = context.files();
    context.end().await;
    Ok(records(context.before()) == records(&after))
}

/// Whether a step only reads. Calls can reach people: an approval request prompts every approver.
fn only_looks(step: &Step) -> bool {
    matches!(
        step.kind,
        StepKind::Connect(_)
            | StepKind::Open(_)
            | StepKind::List(_)
            | StepKind::Await(_)
            | StepKind::Disconnect(_)
            | StepKind::Parallel(_)
    )
}

/// The documents that are not empty. An empty document is equivalent to none.
fn records(store: &ObservedStore) -> Vec<(Document, &Value)> {
    let documents = store.documents().iter().filter_map(|(document, stored)| match stored {
        StoredDocument::Json(json) => Some((*document, json.as_ref())),
        StoredDocument::Unreadable(_) | StoredDocument::NoFile(_) => None,
    });
    documents.filter(|(_, value)| value.as_object().is_none_or(|records| !records.is_empty())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_document_is_no_change() {
        let files =
            |text: &str| ObservedStore::from([("devices/pending.json".to_owned(), Ok(text.as_bytes().to_vec()))]);
        assert_eq!(records(&ObservedStore::default()), records(&files("{}")));
        assert_ne!(records(&ObservedStore::default()), records(&files(r#"{"r": {}}"#)));
    }
}
