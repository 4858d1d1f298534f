//! The pairing store in a state directory: its parsed documents and its files.

use openclaw_protocol::store::{DATABASE, Document, json};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use untrusted_data::cut;
use untrusted_data::limits::{DOCUMENT_VALUES, STORE_BYTES};

/// The contents of a file. The error describes what exists instead of a readable file.
pub(crate) type FileContents = Result<Vec<u8>, NoFile>;

/// A pairing store: the documents from the place where the release keeps them, and all observed files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObservedStore {
    documents: BTreeMap<Document, StoredDocument>,
    files: BTreeMap<String, FileContents>,
    /// Whether the documents are in a database. The file of a document is then an ordinary file that waits for the import.
    in_database: bool,
}

/// A document of the store.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StoredDocument {
    /// A JSON value. The release and the observation share it.
    Json(Arc<Value>),
    /// Bytes that do not parse.
    Unreadable(Vec<u8>),
    /// No readable file exists.
    NoFile(NoFile),
}

impl StoredDocument {
    /// The document in these contents of a file.
    pub(crate) fn of(contents: &FileContents) -> Self {
        match contents {
            Ok(bytes) => {
                json::parse(bytes).map_or_else(|| Self::Unreadable(bytes.clone()), |json| Self::Json(Arc::new(json)))
            }
            Err(what) => Self::NoFile(*what),
        }
    }
}

impl ObservedStore {
    /// A store in files, by path below the state directory.
    pub fn of_files(files: BTreeMap<String, FileContents>) -> Self {
        let document = |document: Document| Some((document, StoredDocument::of(files.get(document.path())?)));
        Self { documents: Document::ALL.into_iter().filter_map(document).collect(), files, in_database: false }
    }

    /// A store in memory, without files.
    pub(crate) fn of_documents(documents: impl IntoIterator<Item = (Document, Arc<Value>)>) -> Self {
        let documents = documents.into_iter().map(|(document, json)| (document, StoredDocument::Json(json)));
        Self { documents: documents.collect(), ..Self::default() }
    }

    /// A store in a database, next to files.
    pub(crate) fn of_database(
        documents: BTreeMap<Document, StoredDocument>,
        files: BTreeMap<String, FileContents>,
    ) -> Self {
        Self { documents, files, in_database: true }
    }

    /// A document. `None` if it does not exist.
    pub(crate) fn document(&self, document: Document) -> Option<&StoredDocument> {
        self.documents.get(&document)
    }

    /// The documents of the pairing store that exist.
    pub(crate) fn documents(&self) -> &BTreeMap<Document, StoredDocument> {
        &self.documents
    }

    /// The file of a document, below the state directory.
    pub(crate) fn path(&self, document: Document) -> &'static str {
        if self.in_database { DATABASE } else { document.path() }
    }

    /// All observed files, by path below the state directory, including those of documents.
    pub(crate) fn files(&self) -> &BTreeMap<String, FileContents> {
        &self.files
    }

    /// Whether a file holds a document of this store.
    pub(crate) fn is_document(&self, path: &str) -> bool {
        !self.in_database && Document::ALL.iter().any(|document| document.path() == path)
    }

    /// The store with only these records and these files that hold no document. A document that is not an object is left out.
    pub(crate) fn filtered(
        &self,
        record: impl Fn(Document, &str, &Value) -> bool,
        file: impl Fn(&str) -> bool,
    ) -> Self {
        let mut documents = BTreeMap::new();
        for (document, stored) in &self.documents {
            let StoredDocument::Json(json) = stored else { continue };
            let Some(records) = json.as_object() else { continue };
            let kept = records.iter().filter(|(key, value)| record(*document, key, value));
            let kept = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
            documents.insert(*document, StoredDocument::Json(Arc::new(Value::Object(kept))));
        }
        let files = self.files.iter().filter(|(path, _)| !self.is_document(path) && file(path));
        let files = files.map(|(path, contents)| (path.clone(), contents.clone())).collect();
        Self { documents, files, in_database: self.in_database }
    }

    /// Adds the files of another state directory under a prefix. Its database is one of them.
    pub(crate) fn add_files_of(&mut self, other: Self, prefix: &str) {
        if other.in_database {
            for (document, stored) in other.documents {
                let contents = match stored {
                    StoredDocument::Json(json) => Ok(json::stringify(&json).into_bytes()),
                    StoredDocument::Unreadable(bytes) => Ok(bytes),
                    StoredDocument::NoFile(what) => Err(what),
                };
                let path = format!("{prefix}/{}#{}", openclaw_protocol::store::DATABASE, document.path());
                self.files.insert(path, contents);
            }
        }
        let files = other.files.into_iter().map(|(path, contents)| (format!("{prefix}/{path}"), contents));
        self.files.extend(files);
    }
}

impl FromIterator<(String, FileContents)> for ObservedStore {
    fn from_iter<I: IntoIterator<Item = (String, FileContents)>>(files: I) -> Self {
        Self::of_files(files.into_iter().collect())
    }
}

impl<const N: usize> From<[(String, FileContents); N]> for ObservedStore {
    fn from(files: [(String, FileContents); N]) -> Self {
        files.into_iter().collect()
    }
}

/// The reason why there is no readable file at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoFile {
    /// A directory in place of a file.
    Directory,
    /// A pipe, a device or a symbolic link, which might not end or might lead elsewhere.
    NotPlain,
    /// The file exceeds the read limit of the store, together with the files before it.
    TooLarge,
    /// The document exceeds the limit of JSON values. Holds their number.
    TooMany(u64),
    /// In place of a folder: the number of its files that were not read.
    MoreFiles(u64),
    /// An unreadable file.
    Unread,
}

impl NoFile {
    /// The words for it in an observation.
    pub fn words(self) -> String {
        match self {
            Self::Directory => "a directory".to_owned(),
            Self::NotPlain => "not a plain file".to_owned(),
            Self::TooLarge => format!("too large: clawcheck reads at most {} MiB of a store", STORE_BYTES >> 20),
            Self::TooMany(values) => {
                let most = cut::number(DOCUMENT_VALUES as u64);
                format!("too large: {} JSON values, more than {most}", cut::number(values))
            }
            Self::MoreFiles(files) => format!("{} files, not read", cut::more(files)),
            Self::Unread => "cannot be read".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, FileContents> {
        files.iter().map(|(path, text)| ((*path).to_owned(), Ok(text.as_bytes().to_vec()))).collect()
    }

    #[test]
    fn keeps_wanted_records_and_files() {
        let store = ObservedStore::of_files(files(&[
            ("devices/paired.json", r#"{"mine": {"deviceId": "mine"}, "theirs": {"deviceId": "theirs"}}"#),
            ("devices/pending.json", r#"{"r1": {"deviceId": "mine"}, "r2": {"deviceId": "theirs"}}"#),
            ("devices/bootstrap.json", "["),
            ("devices/lock", "x"),
            ("devices/secret.bak", "x"),
        ]));
        let mine = store.filtered(|_, _, record| record["deviceId"] == "mine", |path| path == "devices/lock");
        let text = |document| match mine.document(document) {
            Some(StoredDocument::Json(json)) => json.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(text(Document::DevicesPaired), r#"{"mine":{"deviceId":"mine"}}"#);
        assert_eq!(text(Document::DevicesPending), r#"{"r1":{"deviceId":"mine"}}"#);
        assert_eq!(mine.document(Document::DevicesBootstrap), None);
        assert_eq!(mine.files().keys().collect::<Vec<_>>(), ["devices/lock"]);
    }

    #[test]
    fn document_file_next_to_database() {
        let found = files(&[("devices/paired.json", "{}")]);
        let stored = StoredDocument::Json(Arc::new(serde_json::json!({ "a": {} })));
        let store = ObservedStore::of_database([(Document::DevicesPaired, stored.clone())].into(), found.clone());
        assert_eq!(store.document(Document::DevicesPaired), Some(&stored));
        assert!(!store.is_document("devices/paired.json"));
        assert!(ObservedStore::of_files(found).is_document("devices/paired.json"));
        let mut other = ObservedStore::default();
        other.add_files_of(store, "other");
        let paths = ["other/devices/paired.json", "other/state/openclaw.sqlite#devices/paired.json"];
        assert_eq!(other.files().keys().collect::<Vec<_>>(), paths);
    }
}
