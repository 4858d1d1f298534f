//! What one case saw, as it came off the wire and off the disk: the input of the normal form.

use openclaw_protocol::store::Document;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use untrusted_data::cut;
use untrusted_data::limits::{DOCUMENT_VALUES, LOOK_BYTES};

/// The files of a state directory that the observation looks at, by their path below it. The error
/// says what is there instead of a file that can be read.
pub type StoreFiles = BTreeMap<String, Result<Vec<u8>, NoFile>>;

/// Where a document that is a part of the database stands among the files: no file can have this path.
pub fn in_database(document: Document) -> String {
    format!("{}#{}", openclaw_protocol::store::DATABASE, document.path())
}

/// Where a document of the store stands among the files. Where there is a database it is there and nowhere else.
pub fn place(files: &StoreFiles, document: Document) -> String {
    if has_database(files) { in_database(document) } else { document.path().to_owned() }
}

/// A document of the store, wherever a release keeps it.
pub fn stored(files: &StoreFiles, document: Document) -> Option<&Result<Vec<u8>, NoFile>> {
    files.get(&place(files, document))
}

/// Whether the store is a database.
fn has_database(files: &StoreFiles) -> bool {
    files.contains_key(&in_database(Document::DevicesPaired))
}

/// What stands in the place of a file that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoFile {
    /// A directory.
    Directory,
    /// A pipe, a device, a symbolic link: whatever might never end or lead elsewhere.
    NotPlain,
    /// A file that has, with those that were read before it, more than is read of a store.
    TooLarge,
    /// A document of more JSON values than are read: so many.
    TooMany(u64),
    /// In the place of a folder: so many of its files were not looked at.
    MoreFiles(u64),
    /// A file that cannot be read.
    Unread,
}

impl NoFile {
    /// What an observation calls it.
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

/// Everything that a case saw.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Values that the harness itself chose, with the words that stand for them.
    pub known: Vec<Known>,
    /// When the case started, by the gateway's clock, in milliseconds since the epoch. Times before it were seeded.
    pub started_at: i64,
    /// When each step began, by the same clock, in order. Times within one step are one moment.
    pub steps_began: Vec<i64>,
    /// The steps, in the order in which they were played.
    pub steps: Vec<StepEvidence>,
    /// The store before the first step.
    pub before: StoreFiles,
    /// The store after the last one. `None`: out of reach.
    pub after: Option<StoreFiles>,
}

/// A value that the harness chose, and what is written in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The value, wherever it turns up, but as a part of a longer word.
    pub value: String,
    /// The word in its place: a device's name, `<case-secret>`, `<state>`.
    pub symbol: String,
}

/// One step as it was played.
#[derive(Debug, Clone, Default)]
pub struct StepEvidence {
    /// Which step of the scenario it was, counted through all of them; a step that is repeated keeps its number.
    pub number: usize,
    /// Which time it was, counted from 1, and of how many, for a step that is repeated.
    pub round: Option<(u32, u32)>,
    /// What was asked, in the scenario's names: `connect laptop as operator [operator.read]`.
    pub title: String,
    /// Whether the step opened a connection of its own, on which the challenge comes first.
    pub opens: bool,
    /// What was heard, in order per connection.
    pub received: Vec<Received>,
    /// Steps that ran side by side under this one. Their order means nothing.
    pub parallel: Vec<StepEvidence>,
    /// What an answer's payload is expected to have, its symbols filled in.
    pub expected: Option<Value>,
}

/// One thing that was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The held connection on which it was heard; `None` is the step's own.
    pub on: Option<String>,
    /// What it was.
    pub message: RawMessage,
}

impl RawMessage {
    /// The JSON of a message, where it is some.
    pub fn json(&self) -> Option<&Value> {
        match self {
            Self::Frame { frame, .. } | Self::Stray(frame) => Some(frame),
            _ => None,
        }
    }
}

/// What can be heard from a gateway.
#[derive(Debug, Clone, PartialEq)]
pub enum RawMessage {
    /// A frame that is JSON.
    Frame {
        /// The frame.
        frame: Value,
        /// The method that it answers, where it is the response to a request.
        method: Option<String>,
    },
    /// A response to a request that was never sent on its connection: the answer to nothing.
    Stray(Value),
    /// A message that is not JSON, by its size in bytes and its first characters.
    NotJson {
        /// Size in bytes.
        bytes: usize,
        /// How it begins.
        begins: String,
    },
    /// The connection ended.
    Close {
        /// The code of the close frame, where one came.
        code: Option<u16>,
        /// The reason of the close frame; without a frame, how the gateway broke the WebSocket protocol, if it did.
        reason: String,
        /// Whether a close frame came at all.
        clean: bool,
    },
    /// The upgrade was answered with this HTTP status and no WebSocket came to be.
    Http(u16),
    /// No connection came to be, and why: `connection refused`.
    Unreachable(String),
    /// No challenge came first on a new connection: nothing came at all, or none was waited for since the gateway declares
    /// that it sends none.
    NoChallenge,
    /// Nothing came before the deadline.
    Silence,
    /// The gateway process ended: exit code and the log line that says why, where there is one.
    Exit {
        /// Exit code; `None` is a signal.
        code: Option<i32>,
        /// The log line.
        line: Option<String>,
    },
    /// The gateway was started and is ready.
    Started,
    /// A request was to be decided on and this device has none pending.
    NothingPending(String),
    /// The harness did something that a reader must see, or could not do it.
    Note(String),
}
