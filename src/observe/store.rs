//! The normal form of the pairing store: its documents, record by record.

use super::evidence::{NoFile, StoreFiles, in_database, place, stored};
use super::record::{self, RecordSeen};
use super::room::Room;
use super::symbol::{Numbers, Symbols};
use super::time::Moments;
use openclaw_protocol::store::Document;
use serde::Serialize;
use serde_json::Value;
use untrusted_data::limits::{SHOWN_IN_STEP, SHOWN_STORE};

/// The store after a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct StoreSeen {
    /// The documents. `paired` and `pending` are always present, the others only if they are not empty.
    pub sections: Vec<Section>,
}

/// One document of the store, or one other file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// `paired`, `pending`, `bootstrap`, `nodes paired`, `nodes pending`, or the path of another file.
    pub name: String,
    /// The contents.
    pub holds: Holds,
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
pub enum Holds {
    /// Records. Empty if the file is absent, which means the same to every release.
    Records(Vec<RecordSeen>),
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

/// The documents before normalization.
pub(super) struct Documents {
    found: Vec<(Document, Found)>,
    others: Vec<(String, Holds)>,
}

enum Found {
    Json(Value),
    Unreadable { unchanged: bool },
    NoFile(NoFile),
}

impl Documents {
    pub(super) fn read(before: &StoreFiles, after: &StoreFiles) -> Self {
        let found = Document::ALL
            .into_iter()
            .filter_map(|document| {
                let bytes = stored(after, document)?;
                Some((
                    document,
                    match bytes {
                        Err(what) => Found::NoFile(*what),
                        Ok(bytes) => match serde_json::from_slice(bytes) {
                            Ok(json) => Found::Json(json),
                            Err(_) => {
                                let unchanged =
                                    stored(before, document).is_some_and(|before| before.as_ref() == Ok(bytes));
                                Found::Unreadable { unchanged }
                            }
                        },
                    },
                ))
            })
            .collect();
        // If there is a database, the file of a document is an ordinary file that waits for the import.
        let is_document = |path: &str| {
            Document::ALL.iter().any(|document| path == in_database(*document) || path == place(after, *document))
        };
        let mut others = after
            .iter()
            .filter_map(|(path, bytes)| match before.get(path) {
                Some(before) if before == bytes => None,
                before => Some((path.clone(), became(before.is_some(), bytes))),
            })
            .chain(
                before
                    .keys()
                    .filter(|path| !after.contains_key(*path))
                    .map(|path| (path.clone(), Holds::File(Change::Gone))),
            )
            .filter(|(path, _)| !is_document(path))
            .collect::<Vec<_>>();
        others.sort_by(|a: &(String, Holds), b| a.0.cmp(&b.0));
        Self { found, others }
    }

    pub(super) fn learn(&self, symbols: &mut Symbols) {
        for (_, found) in &self.found {
            if let Found::Json(json) = found {
                symbols.learn(json);
            }
        }
    }

    /// The normal form. Symbols are numbered from the last number of the steps.
    pub(super) fn normalise(self, symbols: &Symbols, moments: Moments<'_>, numbers: &mut Numbers) -> StoreSeen {
        let mut sections = Vec::new();
        let room = Room::new(SHOWN_STORE);
        for document in Document::ALL {
            let mut more = 0;
            let found = self.found.iter().find(|(found, _)| *found == document).map(|(_, found)| found);
            let holds = match found {
                None => Holds::Records(Vec::new()),
                Some(Found::NoFile(what)) => Holds::NoFile(*what),
                Some(Found::Unreadable { unchanged }) => Holds::Unreadable { unchanged: *unchanged },
                Some(Found::Json(Value::Object(records))) => {
                    let shown = record::normalise(document, records, symbols, moments, &room, numbers);
                    more = records.len() - shown.len();
                    Holds::Records(shown)
                }
                Some(Found::Json(other)) => Holds::Other(symbols.mark(&room.fit(other), "")),
            };
            let always = matches!(document, Document::DevicesPaired | Document::DevicesPending);
            if always || more > 0 || holds != Holds::Records(Vec::new()) {
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
            let holds = Holds::NoFile(NoFile::MoreFiles(more as u64));
            sections.push(Section { name: "other files".to_owned(), holds, more: 0 });
        }
        for section in &mut sections {
            if let Holds::Other(value) = &mut section.holds {
                numbers.assign_value(value);
                numbers.resolve_value(value);
            }
        }
        StoreSeen { sections }
    }
}

/// The change to a file that is not a document.
fn became(was_there: bool, now: &Result<Vec<u8>, NoFile>) -> Holds {
    match now {
        Err(NoFile::Directory) | Ok(_) if was_there => Holds::File(Change::Changed),
        Err(NoFile::Directory) | Ok(_) => Holds::File(Change::New),
        Err(what) => Holds::NoFile(*what),
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
