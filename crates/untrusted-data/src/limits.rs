//! The limits for data from a gateway or a file that the harness reads and keeps, in bytes unless stated otherwise.
//!
//! A gateway chooses what it sends and writes, so all data from a gateway is limited. Data over a limit is replaced
//! with a mark that shows how much is missing ([`crate::cut`]), or it ends the connection. The case gets a verdict in
//! both cases. Together, the limits keep a run below 100 MB.
//!
//! A limit that belongs to one algorithm, such as the number of lines that a comparison reads, is defined next to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The answer to an upgrade, without its body.
pub const UPGRADE_HEAD_BYTES: usize = 64 << 10;
/// The part of the body that is kept if the gateway refuses the upgrade.
pub const UPGRADE_BODY_BYTES: usize = 4 << 10;
/// A message from a gateway. The `hello-ok` of a real gateway has some tens of KiB.
pub const MESSAGE_BYTES: usize = 2 << 20;
/// Number of fragments of one message. The longest message has 128 fragments of 16 KiB.
pub const MESSAGE_FRAGMENTS: usize = 8192;
/// Number of JSON values that are kept of one message.
pub const FRAME_VALUES: usize = 10_000;
/// Memory for a JSON value in addition to its text: the value, its key, and spare capacity.
pub const VALUE_BYTES: usize = 192;
/// Number of unread messages of one connection.
pub const UNREAD_MESSAGES: usize = 4096;
/// Memory for the unread messages of one connection.
pub const UNREAD_BYTES: usize = 8 << 20;
/// Number of messages that are read from one connection in its life. A step is repeated at most a thousand times.
pub const CONNECTION_MESSAGES: usize = 16_384;
/// Number of bytes that are read from one connection in its life.
pub const CONNECTION_BYTES: usize = 32 << 20;
/// Number of pings, and of pongs, on one connection in its life.
pub const CONNECTION_PINGS: usize = 4096;

/// Memory for the messages that a case has read.
pub const CASE_BYTES: usize = 20 << 20;
/// The same for all cases that are played at the same time.
pub const RUN_BYTES: usize = 28 << 20;
/// Memory for the reports of cases that share a gateway, and of cases that wait to be played again.
pub const KEPT_BYTES: usize = 12 << 20;

/// A text in an entry of a transcript.
pub const ENTRY_BYTES: usize = 16 << 10;
/// Number of entries in the transcript of a case.
pub const ENTRIES: usize = 4096;
/// Memory for the transcript of a case. The oldest entries are dropped first.
pub const TRANSCRIPT_BYTES: usize = 1 << 20;
/// The part of a gateway's log that is kept.
pub const LOG_BYTES: usize = 256 << 10;
/// A line of a gateway's log. A longer line is split.
pub const LOG_LINE_BYTES: usize = 8 << 10;
/// The part of a transcript, and of a gateway's log, that a report contains: the beginning and the end.
pub const RECORD_BYTES: usize = 64 << 10;

/// A string in an observation.
pub const SHOWN_STRING: usize = 4 << 10;
/// The part of one message, or of one record of the store, that an observation shows.
pub const SHOWN_MESSAGE: usize = 16 << 10;
/// The part of all messages that an observation shows.
pub const SHOWN_BYTES: usize = 64 << 10;
/// The part of the store that an observation shows.
pub const SHOWN_STORE: usize = 512 << 10;
/// Number of messages of one step on one connection that an observation shows.
pub const SHOWN_IN_STEP: usize = 100;
/// Number of records of one document of the store that an observation shows.
pub const SHOWN_RECORDS: usize = 1000;
/// Number of characters that an observation shows of a message that is not JSON.
pub const SHOWN_OF_NO_JSON: usize = 60;
/// Number of messages that a step keeps if a gateway floods its connection.
pub const FLOOD_MESSAGES: usize = 8;
/// Number of bytes that a step keeps if a gateway floods its connection.
pub const FLOOD_BYTES: usize = 16 << 10;
/// Number of values without a usual form (a UUID, a digest, a token) that are searched for inside texts.
pub const SEARCHED: usize = 1000;

/// A shown frame that violates the published schema.
pub const FINDING_BYTES: usize = 2 << 10;
/// Number of different findings about frames in one case. A gateway can cause a new one with every frame.
pub const FRAME_FINDINGS: usize = 20;
/// Number of different frames without a schema that are reported.
pub const FRAME_NAMES: usize = 200;
/// The name of a frame in a report: `event tick`.
pub const FRAME_NAME_BYTES: usize = 100;

/// All files of a state directory together, as they are read once.
pub const STORE_BYTES: u64 = 4 << 20;
/// A damaged database. Its digest shows whether it has changed.
pub const DATABASE_BYTES: u64 = 64 << 20;
/// Number of files in one folder of a state directory.
pub const STORE_FILES: usize = 1000;
/// Number of JSON values in a document of the store. A real record has about forty.
pub const DOCUMENT_VALUES: usize = 100_000;

/// The file of a snapshot. Approved snapshots have a few thousand bytes.
pub const SNAPSHOT_BYTES: u64 = 16 << 20;
/// The file of a published schema. The published ones have less than 1 MiB.
pub const SCHEMA_BYTES: u64 = 16 << 20;
/// The `package.json` of an installed gateway.
pub const MANIFEST_BYTES: u64 = 4 << 20;
/// The description of a gateway.
pub const DESCRIPTION_BYTES: u64 = 1 << 20;

/// A line on a terminal, in characters.
pub const LINE: usize = 300;
/// A line on a terminal with `--trace`, in characters.
pub const TRACE_LINE: usize = 2000;

/// A shared budget in bytes: its owner, its limit and its use. Clones share it. A drop of the last clone returns what
/// was taken.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    whose: &'static str,
    most: usize,
    taken: AtomicUsize,
    part_of: Option<Budget>,
}

/// The error if a budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {} MiB in {whose}", most >> 20)]
pub struct BudgetExceeded {
    whose: &'static str,
    most: usize,
}

impl Budget {
    /// Creates a separate budget. `whose` completes the sentence of the error.
    pub fn new(whose: &'static str, most: usize) -> Self {
        Self(Arc::new(Account { whose, most, taken: AtomicUsize::default(), part_of: None }))
    }

    /// Creates a part of this budget. Bytes taken from the part are also taken from this budget.
    #[must_use]
    pub fn part(&self, whose: &'static str, most: usize) -> Self {
        Self(Arc::new(Account { whose, most, taken: AtomicUsize::default(), part_of: Some(self.clone()) }))
    }

    /// Takes bytes from the budget.
    ///
    /// # Errors
    /// Returns an error if this budget, or a budget that it is a part of, has too few bytes left. Then nothing is
    /// taken.
    pub fn take(&self, bytes: usize) -> Result<(), BudgetExceeded> {
        let account = &*self.0;
        let before = account.taken.fetch_add(bytes, Ordering::Relaxed);
        let taken = match &account.part_of {
            _ if before.saturating_add(bytes) > account.most => {
                Err(BudgetExceeded { whose: account.whose, most: account.most })
            }
            Some(whole) => whole.take(bytes),
            None => Ok(()),
        };
        if taken.is_err() {
            account.taken.fetch_sub(bytes, Ordering::Relaxed);
        }
        taken
    }

    /// Returns a part of the taken bytes.
    pub fn give_back(&self, bytes: usize) {
        let account = &*self.0;
        let given = |taken: usize| Some(taken.saturating_sub(bytes));
        let _ = account.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, given);
        if let Some(whole) = &account.part_of {
            whole.give_back(bytes);
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some(whole) = &self.part_of {
            whole.0.taken.fetch_sub(*self.taken.get_mut(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_and_whole_budgets() {
        let whole = Budget::new("one run", 10 << 20);
        let (one, other) = (whole.part("one case", 8 << 20), whole.part("one case", 8 << 20));
        assert_eq!(one.take(6 << 20), Ok(()));
        assert_eq!(one.take(3 << 20).unwrap_err().to_string(), "more than 8 MiB in one case");
        assert_eq!(other.take(5 << 20).unwrap_err().to_string(), "more than 10 MiB in one run");
        assert_eq!(other.take(4 << 20), Ok(()));
        assert!(whole.take(1).is_err());
        drop((one.clone(), one));
        assert_eq!(other.take(4 << 20), Ok(()), "what the first one had is there again");
        assert!(other.take(1 << 20).is_err());
        other.give_back(2 << 20);
        assert_eq!((other.take(2 << 20), whole.take(2 << 20)), (Ok(()), Ok(())), "both have it again");
    }
}
