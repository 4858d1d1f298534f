//! How the releases answer a client of a state directory.

use crate::explain::{ClientDescription, StateDirectory, Verdict, simulated};
use openclaw_emulator::stored_state::StoredState;
use openclaw_model::{Facts, Release};
use openclaw_protocol::store::{DATABASE, Document, StoreFormat};
use serde_json::Value;
use std::sync::Arc;

/// The effect on a release that cannot process a document or a record.
pub(in crate::explain) const CLOSES: &str = "closes every connection that needs it, without an answer";

/// How the releases answer a connect.
#[derive(Debug, Default)]
pub(super) struct AnsweringReleases {
    /// The releases that close the connection without an answer.
    pub(super) silent: Vec<Release>,
    /// The releases that answer.
    pub(super) others: Vec<Release>,
    /// The releases that cannot be asked, because they do not start.
    pub(super) not_starting: Vec<Release>,
}

/// How the releases that read a document answer a client if the store contains nothing else. Otherwise, the answer could
/// be due to damage at another place. `None` if a release cannot be asked.
pub(super) fn answers(
    state: &StateDirectory,
    (document, place): (Document, &'static str),
    value: Value,
    client: &ClientDescription,
    releases: &[Facts],
    now: i64,
) -> Vec<(Release, Option<Verdict>)> {
    let format = if place == DATABASE { StoreFormat::Sqlite } else { StoreFormat::Files };
    let stored = StoredState::of_document(state.stored.directory(), document, Arc::new(value), format);
    let state = StateDirectory { stored: stored.into(), ..state.clone() };
    let answer = |facts: &Facts| {
        let description = ClientDescription { release: Some(facts.release), ..client.clone() };
        (facts.release, simulated(&state, &description, now).map(|simulated| simulated.answer().verdict).ok())
    };
    releases.iter().map(answer).collect()
}

/// The releases by their answers.
pub(super) fn answering(answers: Vec<(Release, Option<Verdict>)>) -> AnsweringReleases {
    let mut answering = AnsweringReleases::default();
    for (release, verdict) in answers {
        let list = match verdict {
            None | Some(Verdict::NoStart(_)) => &mut answering.not_starting,
            Some(Verdict::Refused { error: None, .. }) => &mut answering.silent,
            Some(_) => &mut answering.others,
        };
        list.push(release);
    }
    answering
}
