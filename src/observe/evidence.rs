//! The raw observations of one case, from the wire and the disk. They are the input of the normal form.

use super::message::{RawFrame, Received};
use openclaw_protocol::store::Document;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use untrusted_data::cut;
use untrusted_data::limits::{DOCUMENT_VALUES, LOOK_BYTES};

/// The observed files of a state directory, by path below it. An error states what is there instead of a readable file.
pub type StoreFiles = BTreeMap<String, Result<Vec<u8>, NoFile>>;

/// The path of a document in the database. No file can have this path.
pub(crate) fn in_database(document: Document) -> String {
    format!("{}#{}", openclaw_protocol::store::DATABASE, document.path())
}

/// The path of a document of the store. If there is a database, the document is only there.
pub(crate) fn place(files: &StoreFiles, document: Document) -> String {
    if has_database(files) { in_database(document) } else { document.path().to_owned() }
}

/// A document of the store, from the files or the database.
pub(crate) fn stored(files: &StoreFiles, document: Document) -> Option<&Result<Vec<u8>, NoFile>> {
    files.get(&place(files, document))
}

/// Whether the store is a database.
fn has_database(files: &StoreFiles) -> bool {
    files.contains_key(&in_database(Document::DevicesPaired))
}

/// The reason why there is no readable file at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoFile {
    /// A directory.
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
            Self::TooLarge => format!("too large: of a store {} MiB are read", LOOK_BYTES >> 20),
            Self::TooMany(values) => {
                let most = cut::number(DOCUMENT_VALUES as u64);
                format!("too large: {} JSON values, more than {most}", cut::number(values))
            }
            Self::MoreFiles(files) => format!("{} files, not looked at", cut::more(files)),
            Self::Unread => "cannot be read".to_owned(),
        }
    }
}

/// The raw observations of one case.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Values that the harness chose, with their symbols.
    pub known: Vec<Known>,
    /// The start of the case by the gateway's clock, in milliseconds since 1970. Earlier times were seeded.
    pub started_at: i64,
    /// The start of each step by the same clock, in order. Times within one step count as equal.
    pub steps_began: Vec<i64>,
    /// The steps in the order of play.
    pub steps: Vec<StepEvidence>,
    /// The store before the first step.
    pub before: StoreFiles,
    /// The store after the last step. `None` if it was not accessible.
    pub after: Option<StoreFiles>,
}

/// A value that the harness chose, and its symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The value. It is replaced wherever it occurs, except inside a longer word.
    pub value: String,
    /// The symbol: the name of a device, `<case-secret>` or `<state>`.
    pub symbol: String,
}

/// The raw observations of one step.
#[derive(Debug, Clone, Default)]
pub struct StepEvidence {
    /// The number of the step in the scenario, including nested steps. The repetitions of a step share a number.
    pub number: usize,
    /// For a repeated step: the number of the repetition, counted from 1, and the total.
    pub round: Option<(u32, u32)>,
    /// The action with the names of the scenario: `connect laptop as operator [operator.read]`.
    pub title: String,
    /// Whether the step opened its own connection, on which the challenge arrives first.
    pub opens: bool,
    /// Whether the methods and events of the step's hello-ok are shown.
    pub shows_features: bool,
    /// What was heard, in order per connection.
    pub received: Vec<Received<RawFrame>>,
    /// Parallel steps in this step. Their order has no meaning.
    pub parallel: Vec<StepEvidence>,
    /// The expected payload of an answer, with its symbols replaced.
    pub expected: Option<Value>,
}
