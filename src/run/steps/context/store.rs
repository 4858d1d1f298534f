//! Writes and reads the state directory of a case.

use super::{CaseContext, CaseError};
use crate::gateway::{Capability, GatewayKind};
use crate::observe::ObservedStore;
use crate::run::state_dir::seed::Seeder;
use crate::run::state_dir::{self, tokens};
use crate::run::tenant_view;
use crate::scenario::store::Store;
use openclaw_protocol::store::StoreFormat;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Maximum time for a store file to be written.
const WRITING: Duration = Duration::from_secs(2);

impl CaseContext<'_> {
    /// Writes the state directories of the scenario, and passes the store to a gateway that keeps it in another form.
    pub(crate) async fn fill(&mut self) -> Result<(), CaseError> {
        let scenario = &self.case.scenario;
        self.write(&scenario.store, self.sandbox.state_dir(), true)?;
        if let Some(other) = &scenario.other_store {
            let directory = self.other_directory();
            std::fs::create_dir_all(&directory)?;
            // If the gateway's own store has no record, `seeded` means the record in `other-store`.
            self.write(other, directory, true)?;
        }
        self.before = self.files();
        self.unfinished = state_dir::unfinished(&self.state_dir());
        self.pass_on().await
    }

    /// Writes to the gateway's state directory while the case is played.
    pub(crate) async fn edit(&self, store: &Store) -> Result<(), CaseError> {
        self.refresh().await?;
        self.write(store, self.sandbox.state_dir(), false)?;
        self.pass_on().await
    }

    /// Lets a gateway that keeps its store in another form take over the state directory.
    async fn pass_on(&self) -> Result<(), CaseError> {
        Ok(self.gateway.write_store(&self.sandbox, Instant::now() + self.timeouts.answer()).await?)
    }

    /// Updates the state directory from the store of a gateway that keeps it in another form.
    pub(crate) async fn refresh(&self) -> Result<(), CaseError> {
        Ok(self.gateway.read_store(&self.sandbox, Instant::now() + self.timeouts.answer()).await?)
    }

    fn write(&self, store: &Store, directory: PathBuf, own: bool) -> Result<(), CaseError> {
        let folder = store.from.as_ref().and_then(|from| self.case.folders.get(&from.value)).map(Arc::as_ref);
        let seeder = Seeder { bindings: &self.bindings, now: self.now(), release: self.release, own };
        if let Some(documents) = self.sandbox.documents() {
            return Ok(state_dir::write_records(&mut documents.clone(), store, &seeder)?);
        }
        // The first release that started on the directory determines the format of its store.
        let first = self.case.scenario.written_by.as_ref().map_or(self.release, |earlier| earlier.release.0);
        // Commands that convert the store get it as files, whatever the release.
        let is_own = self.gateway.profile().can(Capability::StoreFiles);
        let format = if is_own { state_dir::format(store, first) } else { StoreFormat::Files };
        state_dir::write(&directory, store, folder, &seeder, format)?;
        if folder.is_some() {
            self.bindings.keep_secret(tokens::secrets(&directory));
        }
        if folder.is_some() || !store.files.is_empty() {
            for (device, name) in self.bindings.identities.device_names() {
                for (role, token) in tokens::tokens_of(&directory, &device) {
                    self.bindings.seeded(&name, &role, &token);
                }
            }
        }
        Ok(())
    }

    fn other_directory(&self) -> PathBuf {
        self.sandbox.root().join("other-state")
    }

    /// The state directory of the running gateway, or of the sandbox if no gateway runs.
    pub(crate) fn state_dir(&self) -> PathBuf {
        let of_running = self.running.as_ref().and_then(|running| running.state_dir().map(PathBuf::from));
        of_running.unwrap_or_else(|| self.sandbox.state_dir())
    }

    /// The current store.
    pub(crate) fn files(&self) -> ObservedStore {
        let scenario = &self.case.scenario;
        if let Some(documents) = self.sandbox.documents() {
            return state_dir::in_memory(documents);
        }
        let mut found = state_dir::read(&self.state_dir(), &scenario.store);
        if self.gateway.profile().kind == GatewayKind::Attached {
            let devices = self.bindings.identities.device_names().into_iter().map(|(id, _)| id).collect();
            found = tenant_view::with_records_of(&found, &devices);
        }
        if let Some(other) = &scenario.other_store {
            found.add_files_of(state_dir::read(&self.other_directory(), other), "other store");
        }
        found
    }

    /// Waits until the gateway has finished its writes. It can answer, or close the connection after a failed write,
    /// while it still writes another file of the store. What is unfinished after [`WRITING`] is part of the
    /// observation. Temporary files that existed before the case and are unchanged are ignored.
    pub(crate) async fn wait_for_writes(&self) {
        if self.has_own_clock() {
            // The embedded gateway writes before it continues, so an unfinished write here is final.
            if let Some(running) = &self.running {
                running.written().await;
            }
            return;
        }
        let deadline = Instant::now() + WRITING;
        let of_case = |(path, now): (&PathBuf, &_)| self.unfinished.get(path) != Some(now);
        // The end of a rename cannot be awaited in a directory that belongs to another process, so the directory is
        // polled.
        while state_dir::unfinished(&self.state_dir()).iter().any(of_case) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
