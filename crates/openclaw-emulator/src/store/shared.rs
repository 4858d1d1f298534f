//! A store in memory that the embedded gateway shares with the harness.

use openclaw_protocol::store::{Document, Documents, MemoryDocuments, ReadError, WriteError};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Documents in memory. Clones share them. Like files, they outlive the gateway.
#[derive(Debug, Clone, Default)]
pub struct SharedDocuments(Arc<Mutex<MemoryDocuments>>);

impl SharedDocuments {
    fn lock(&self) -> MutexGuard<'_, MemoryDocuments> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Documents for SharedDocuments {
    fn try_read(&self, document: Document) -> Result<Option<Arc<Value>>, ReadError> {
        self.lock().try_read(document)
    }

    fn write(&mut self, documents: &[(Document, &Arc<Value>)]) -> Result<(), WriteError> {
        self.lock().write(documents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn clones_share_documents() {
        let here = SharedDocuments::default();
        let mut there = here.clone();
        there.write(&[(Document::DevicesPaired, &Arc::new(json!({"a": {}})))]).unwrap();
        assert_eq!(here.read(Document::DevicesPaired), Some(Arc::new(json!({"a": {}}))));
        assert_eq!(here.read(Document::DevicesPending), None);
    }
}
