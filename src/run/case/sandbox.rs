//! The sandbox of a case: in memory, or with files.

use crate::gateway::{Gateway, GatewayKind, RunDirectory, Sandbox};
use crate::run::state_dir;
use crate::scenario::{Case, StepKind};
use openclaw_model::Release;
use openclaw_protocol::store::StoreFormat;
use std::io;

/// The sandbox of a case. In this process, a case needs files only if it writes files itself, or if it starts a
/// release that uses a database.
pub(crate) fn sandbox(
    case: &Case,
    gateway: &Gateway,
    release: Release,
    run_directory: &RunDirectory,
) -> io::Result<Sandbox> {
    match gateway.profile().kind {
        GatewayKind::Embedded if is_played_on_records(case, release) => Ok(run_directory.sandbox_in_memory()),
        _ => run_directory.sandbox(),
    }
}

/// Whether every store of a case consists of documents with records only.
fn is_played_on_records(case: &Case, release: Release) -> bool {
    let scenario = &case.scenario;
    let edits = case.steps().filter_map(|step| match &step.kind {
        StepKind::Edit(store) => Some(store.as_ref()),
        _ => None,
    });
    let earlier = scenario.written_by.as_ref().map(|earlier| earlier.release.0);
    let keeps_files = |release| state_dir::format(&scenario.store, release) == StoreFormat::Files;
    scenario.other_store.is_none()
        && edits.chain([&scenario.store]).all(state_dir::is_records)
        && earlier.into_iter().chain([release]).all(keeps_files)
}
