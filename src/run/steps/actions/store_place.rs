//! Checks that a gateway at a URL keeps its pairing store in the directory that the user named.

use super::clean_up::CLEANER;
use crate::observe::{ObservedStore, StoredDocument};
use crate::run::state_dir;
use crate::run::steps::context::CaseContext;
use crate::run::steps::session::Session;
use crate::run::tenant_view;
use serde_json::{Value, json};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Maximum time between the pairing of a device and its record in the directory.
const STORED: Duration = Duration::from_secs(4);

/// What a new pairing shows about the directory.
#[derive(Debug)]
pub(crate) enum StorePlace {
    /// The directory contains the new device, or the gateway paired no device.
    Plausible,
    /// The gateway lists the new device, and this directory does not contain it.
    Elsewhere(PathBuf),
    /// The gateway lists the new device, and this part of the directory cannot be read.
    Unreadable(PathBuf),
}

impl CaseContext<'_> {
    /// Pairs a device with the running gateway, looks for its record in the directory, and removes the device. The
    /// second value says what could not be removed.
    pub(crate) async fn store_place(&self, stop: &watch::Receiver<bool>) -> (StorePlace, Option<String>) {
        let Some(mut session) = self.administrator().await else { return (StorePlace::Plausible, None) };
        let place = self.place_of_administrator(&mut session, stop).await;
        (place, self.remove_administrator(&mut session).await)
    }

    async fn place_of_administrator(&self, session: &mut Session, stop: &watch::Receiver<bool>) -> StorePlace {
        let deadline = Instant::now() + STORED;
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
            None => StorePlace::Elsewhere(directory),
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
    let folders = [directory.to_owned(), directory.join("devices")];
    let closed = |folder: &PathBuf| fs::read_dir(folder).is_err_and(|error| error.kind() != ErrorKind::NotFound);
    if let Some(folder) = folders.into_iter().find(closed) {
        return Some(folder);
    }
    let is_json = |stored: &StoredDocument| matches!(stored, StoredDocument::Json(_));
    let (document, _) = store.documents().iter().find(|(_, stored)| !is_json(stored))?;
    Some(directory.join(document.path()))
}
