//! The pairing store of a started gateway, in memory.

use openclaw_protocol::store::{Document, Documents, ReadError, WriteError};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The documents of a started gateway, in memory. An unusable file remains unusable until it is overwritten.
#[derive(Debug, Clone, Default)]
pub struct StoredDocuments {
    pub(crate) directory: PathBuf,
    pub(crate) documents: BTreeMap<Document, Result<Arc<Value>, &'static str>>,
    /// The folders that the gateway cannot write to.
    pub(crate) locked: BTreeMap<&'static str, String>,
}

impl StoredDocuments {
    /// Changes every document that can be read.
    pub fn change(&mut self, mut change: impl FnMut(&Value) -> Value) {
        for value in self.documents.values_mut().flatten() {
            *value = Arc::new(change(value));
        }
    }
}

impl Documents for StoredDocuments {
    fn try_read(&self, document: Document) -> Result<Option<Arc<Value>>, ReadError> {
        match self.documents.get(&document) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(Arc::clone(value))),
            Some(Err(what)) => {
                Err(ReadError { what, path: self.directory.join(document.path()).display().to_string() })
            }
        }
    }

    fn write(&mut self, documents: &[(Document, &Arc<Value>)]) -> Result<(), WriteError> {
        let mut first = Ok(());
        for (document, value) in documents {
            let folder = document.path().split('/').next().unwrap_or_default();
            if self.locked.contains_key(folder) {
                let path = self.directory.join(document.path());
                let fault = format!("EACCES: permission denied, open '{}'", path.display());
                // The release writes the other documents and then reports the first error.
                first = first.and(Err(WriteError(fault)));
                continue;
            }
            self.documents.insert(*document, Ok(Arc::clone(value)));
        }
        first
    }
}
