//! A store in memory, for the planner, the fuzzer and tests.

use super::{Document, Documents, ReadError, WriteError};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Documents in memory. Writes can be made to fail.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemoryDocuments {
    documents: BTreeMap<Document, Arc<Value>>,
    fault: Option<WriteError>,
}

impl MemoryDocuments {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a document before the gateway starts.
    #[must_use]
    pub fn with(mut self, document: Document, value: Value) -> Self {
        self.documents.insert(document, Arc::new(value));
        self
    }

    /// Makes every further write fail with this message.
    #[must_use]
    pub fn failing(mut self, message: &str) -> Self {
        self.fault = Some(WriteError(message.to_owned()));
        self
    }
}

impl Documents for MemoryDocuments {
    fn try_read(&self, document: Document) -> Result<Option<Arc<Value>>, ReadError> {
        Ok(self.documents.get(&document).cloned())
    }

    fn write(&mut self, documents: &[(Document, &Arc<Value>)]) -> Result<(), WriteError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        for (document, value) in documents {
            self.documents.insert(*document, Arc::clone(value));
        }
        Ok(())
    }
}
