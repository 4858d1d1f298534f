//! A store in memory that a gateway in this process shares with whoever fills it and looks at it.

use openclaw_protocol::store::{Document, Documents, MemoryDocuments, ReadFault, WriteFault, json};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Documents in memory; clones are the same ones. They outlive the gateway, as files do.
#[derive(Debug, Clone, Default)]
pub struct SharedDocuments(Arc<Mutex<MemoryDocuments>>);

impl SharedDocuments {
    /// What the documents would be as files, byte for byte.
    pub fn files(&self) -> Vec<(Document, Vec<u8>)> {
        let documents = self.lock();
        let file = |document| Some((document, json::stringify(&*documents.read(document)?).into_bytes()));
        Document::ALL.into_iter().filter_map(file).collect()
    }

    fn lock(&self) -> MutexGuard<'_, MemoryDocuments> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Documents for SharedDocuments {
    fn try_read(&self, document: Document) -> Result<Option<Arc<Value>>, ReadFault> {
        self.lock().try_read(document)
    }

    fn write(&mut self, documents: &[(Document, &Arc<Value>)]) -> Result<(), WriteFault> {
        self.lock().write(documents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_one_writes_the_other_reads_and_a_document_nobody_wrote_is_no_file() {
        let here = SharedDocuments::default();
        let mut there = here.clone();
        there.write(&[(Document::DevicesPaired, &Arc::new(json!({"a": {}})))]).unwrap();
        assert_eq!(here.read(Document::DevicesPaired), Some(Arc::new(json!({"a": {}}))));
        assert_eq!(here.files(), [(Document::DevicesPaired, json::stringify(&json!({"a": {}})).into_bytes())]);
    }
}
