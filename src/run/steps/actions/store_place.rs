//! Checks that a gateway at a URL keeps its pairing store in the directory that the user named.

use super::clean_up::CLEANER;
use crate::observe::{ObservedStore, StoredDocument};
use crate::run::state_dir;
use crate::run::steps::context::CaseContext;
use crate::run::steps::session::Session;
use crate::run::tenant_view;
use crate::run::timeouts::Wait;
use serde_json::{Value, json};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The wait for the record of a device that was paired, up to the user's answer timeout. A gateway that answers slowly gets
/// as much time as for an answer, because it can write its store after it has answered.
const STORED: Duration = Duration::from_secs(4);

/// What a new pairing shows about the directory.
#[derive(Debug)]
pub(crate) enum StorePlace {
    /// The directory contains the new device, or the gateway paired no device.
    Plausible,
    /// The gateway lists the new device, and this directory did not contain it within this time.
    Elsewhere(PathBuf, Duration),
    /// The gateway lists the new device, and this part of the directory cannot be read.
    Unreadable(PathBuf),
}

impl CaseContext<'_> {
    /// Pairs a device with the running gateway, looks for its record in the directory, and removes the device. The
    /// second value says what could not be removed: also a gateway that refuses the device can keep a request of it.
    pub(crate) async fn store_place(&self, stop: &watch::Receiver<bool>) -> (StorePlace, Vec<String>) {
        let Some(mut session) = self.administrator().await else {
            return (StorePlace::Plausible, self.possible_leftovers());
        };
        let place = self.place_of_administrator(&mut session, stop).await;
        (place, self.remove_administrator(&mut session).await.into_iter().collect())
    }

    async fn place_of_administrator(&self, session: &mut Session, stop: &watch::Receiver<bool>) -> StorePlace {
        let wait = self.timeouts.limit(&Wait::Connect).max(STORED).min(self.timeouts.answer());
        let deadline = Instant::now() + wait;
        while Instant::now() < deadline && !*stop.borrow() {
            if tenant_view::records(&self.files()).is_some_and(|records| !records.is_empty()) {
                return StorePlace::Plausible;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Another client may have removed the device.
        if *stop.borrow() || !self.lists_administrator(session).await {
            return StorePlace::Plausible;
        }
        let directory = self.state_dir();
        match unreadable(&directory, &state_dir::read(&directory, &self.case.scenario.store)) {
            Some(path) => StorePlace::Unreadable(path),
            None => StorePlace::Elsewhere(directory, wait),
        }
    }

    async fn lists_administrator(&self, session: &mut Session) -> bool {
        let own = self.bindings.identities.device(CLEANER).device_id();
        let listed = self.ask_plainly(session, "device.pair.list", json!({})).await.unwrap_or_default();
        let paired = listed.get("paired").and_then(Value::as_array);
        paired.into_iter().flatten().any(|record| tenant_view::device(record) == Some(own.as_str()))
    }
}

/// The part of a state directory that cannot be read.
fn unreadable(directory: &Path, store: &ObservedStore) -> Option<PathBuf> {
    let folders = ["devices", "nodes", "state"].map(|folder| directory.join(folder));
    let closed = |folder: &PathBuf| fs::read_dir(folder).is_err_and(|error| error.kind() != ErrorKind::NotFound);
    if let Some(folder) = [directory.to_owned()].into_iter().chain(folders).find(closed) {
        return Some(folder);
    }
    let is_json = |stored: &StoredDocument| matches!(stored, StoredDocument::Json(_));
    let (document, _) = store.documents().iter().find(|(_, stored)| !is_json(stored))?;
    Some(directory.join(store.path(*document)))
}
