//! The normal form of the pairing store: its documents, record by record.

mod record;

use crate::observe::observed_store::{FileContents, NoFile, ObservedStore, StoredDocument};
use crate::observe::size_limit::SizeLimit;
use crate::observe::symbol::{SymbolNumbers, Symbols};
use crate::observe::time::StepTimes;
use openclaw_protocol::store::Document;
use record::NormalizedRecord;
use serde::Serialize;
use serde_json::Value;
use untrusted_data::limits::{SHOWN_IN_STEP, SHOWN_STORE};

/// The store after a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct NormalizedStore {
    /// The documents. `paired` and `pending` are always present, the others only if they are not empty.
    pub sections: Vec<Section>,
}

/// One document of the store, or one other file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// `paired`, `pending`, `bootstrap`, `nodes paired`, `nodes pending`, or the path of another file.
    pub name: String,
    /// The contents.
    pub holds: DocumentContents,
    /// Number of records that are not shown.
    #[serde(skip_serializing_if = "is_none")]
    pub more: usize,
}

fn is_none(more: &usize) -> bool {
    *more == 0
}

/// The contents of a document.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentContents {
    /// Records. Empty if the file is absent, which means the same to every release.
    Records(Vec<NormalizedRecord>),
    /// Text that is not JSON.
    Unreadable {
        /// Whether its bytes are the same as before the case.
        unchanged: bool,
    },
    /// JSON that is not an object of records.
    Other(Value),
    /// A file that is not a document of the store.
    File(Change),
    /// A path without a readable file.
    #[serde(untagged)]
    NoFile(NoFile),
}

/// The change to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The file did not exist before.
    New,
    /// The file no longer exists.
    Gone,
    /// The bytes have changed.
    Changed,
}

/// A store before normalization.
pub(super) struct Documents<'a> {
    before: &'a ObservedStore,
    after: &'a ObservedStore,
    /// The changes to the files that are not documents.
    others: Vec<(String, DocumentContents)>,
}

impl<'a> Documents<'a> {
    pub(super) fn new(before: &'a ObservedStore, after: &'a ObservedStore) -> Self {
        let changed = after.files().iter().filter_map(|(path, contents)| match before.files().get(path) {
            Some(before) if before == contents => None,
            before => Some((path.clone(), file_change(before.is_some(), contents))),
        });
        let gone = before.files().keys().filter(|path| !after.files().contains_key(*path));
        let gone = gone.map(|path| (path.clone(), DocumentContents::File(Change::Gone)));
        let mut others = changed.chain(gone).filter(|(path, _)| !after.is_document(path)).collect::<Vec<_>>();
        others.sort_by(|a: &(String, DocumentContents), b| a.0.cmp(&b.0));
        Self { before, after, others }
    }

    pub(super) fn learn(&self, symbols: &mut Symbols) {
        for stored in self.after.documents().values() {
            if let StoredDocument::Json(json) = stored {
                symbols.learn(json);
            }
        }
    }

    /// The normal form. Symbols are numbered from the last number of the steps.
    pub(super) fn normalise(
        self,
        symbols: &Symbols,
        moments: StepTimes<'_>,
        numbers: &mut SymbolNumbers,
    ) -> NormalizedStore {
        let mut sections = Vec::new();
        let room = SizeLimit::new(SHOWN_STORE);
        for document in Document::ALL {
            let mut more = 0;
            let holds = match self.after.document(document) {
                None => DocumentContents::Records(Vec::new()),
                Some(StoredDocument::NoFile(what)) => DocumentContents::NoFile(*what),
                Some(unreadable @ StoredDocument::Unreadable(_)) => {
                    DocumentContents::Unreadable { unchanged: self.before.document(document) == Some(unreadable) }
                }
                Some(StoredDocument::Json(json)) => match json.as_object() {
                    Some(records) => {
                        let shown = record::normalise(document, records, symbols, moments, &room, numbers);
                        more = records.len() - shown.len();
                        DocumentContents::Records(shown)
                    }
                    None => DocumentContents::Other(symbols.mark(&room.fit(json), "")),
                },
            };
            let always = matches!(document, Document::DevicesPaired | Document::DevicesPending);
            if always || more > 0 || holds != DocumentContents::Records(Vec::new()) {
                sections.push(Section { name: name(document).to_owned(), holds, more });
            }
        }
        let more = self.others.len().saturating_sub(SHOWN_IN_STEP);
        sections.extend(self.others.into_iter().take(SHOWN_IN_STEP).map(|(path, holds)| {
            let name = symbols.mark_text(&path);
            numbers.assign(&name);
            Section { name: numbers.resolve(&name), holds, more: 0 }
        }));
        if more > 0 {
            let holds = DocumentContents::NoFile(NoFile::MoreFiles(more as u64));
            sections.push(Section { name: "other files".to_owned(), holds, more: 0 });
        }
        for section in &mut sections {
            if let DocumentContents::Other(value) = &mut section.holds {
                numbers.assign_value(value);
                numbers.resolve_value(value);
            }
        }
        NormalizedStore { sections }
    }
}

/// The change to a file that is not a document.
fn file_change(was_there: bool, now: &FileContents) -> DocumentContents {
    match now {
        Err(NoFile::Directory) | Ok(_) if was_there => DocumentContents::File(Change::Changed),
        Err(NoFile::Directory) | Ok(_) => DocumentContents::File(Change::New),
        Err(what) => DocumentContents::NoFile(*what),
    }
}

fn name(document: Document) -> &'static str {
    match document {
        Document::DevicesPaired => "paired",
        Document::DevicesPending => "pending",
        Document::DevicesBootstrap => "bootstrap",
        Document::NodesPaired => "nodes paired",
        Document::NodesPending => "nodes pending",
    }
}
