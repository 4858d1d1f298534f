//! The limits for data from a gateway that the harness reads and keeps, in bytes unless stated otherwise.
//!
//! A gateway chooses what it sends and writes, so all data from a gateway is limited. Data over a limit is replaced
//! with a mark that shows how much is missing ([`crate::cut`]), or it ends the connection. The case gets a verdict in
//! both cases. Together, the limits keep a run below 100 MB.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The longest message taken from a gateway. The `hello-ok` of a real one takes some tens of KiB.
pub const MESSAGE_BYTES: usize = 2 << 20;
/// How many JSON values are kept of one message.
pub const FRAME_VALUES: usize = 10_000;
/// What a JSON value takes in memory beside its text: itself, the key under which it stands, room to grow.
pub const VALUE_BYTES: usize = 192;
/// How many messages of one connection wait to be read.
pub const UNREAD_MESSAGES: usize = 4096;
/// What they take in memory.
pub const UNREAD_BYTES: usize = 8 << 20;
/// How many messages are read from one connection in its whole life. A step is repeated a thousand times at most.
pub const CONNECTION_MESSAGES: usize = 16_384;
/// How much is read from it.
pub const CONNECTION_BYTES: usize = 32 << 20;

/// What the messages that a case has read take in memory.
pub const CASE_BYTES: usize = 20 << 20;
/// The same for all cases that are played at one time.
pub const RUN_BYTES: usize = 28 << 20;
/// What the cases that share a gateway, and those that wait to be played again, keep for their reports.
pub const KEPT_BYTES: usize = 12 << 20;

/// The longest text in a transcript's entry.
pub const ENTRY_BYTES: usize = 16 << 10;
/// How many entries a case's transcript has.
pub const ENTRIES: usize = 4096;
/// What they take; the oldest go first.
pub const TRANSCRIPT_BYTES: usize = 1 << 20;
/// What is kept of a gateway's log.
pub const LOG_BYTES: usize = 256 << 10;
/// What a report keeps of a case's transcript, and of its gateway's log: the beginning and the end.
pub const RECORD_BYTES: usize = 64 << 10;

/// The longest string in an observation.
pub const SHOWN_STRING: usize = 4 << 10;
/// How much an observation shows of one message, or of one record of the store.
pub const SHOWN_MESSAGE: usize = 16 << 10;
/// How much an observation shows of all messages.
pub const SHOWN_BYTES: usize = 64 << 10;
/// How much an observation shows of the store.
pub const SHOWN_STORE: usize = 512 << 10;
/// How many things an observation shows of what one step saw on one connection.
pub const SHOWN_IN_STEP: usize = 100;
/// How many records an observation shows of one document of the store.
pub const SHOWN_RECORDS: usize = 1000;
/// How many values without a usual form (a UUID, a digest, a token) are looked for inside of texts.
pub const SEARCHED: usize = 1000;

/// How much one look at a state directory reads of all files together.
pub const LOOK_BYTES: u64 = 4 << 20;
/// How long a damaged database may be for it to be told whether it is another one than before.
pub const DATABASE_BYTES: u64 = 64 << 20;
/// How many files of one folder it looks at.
pub const LOOK_FILES: usize = 1000;
/// How many JSON values a document of the store may have; a real record has some forty.
pub const DOCUMENT_VALUES: usize = 100_000;

/// The longest line on a terminal, in characters.
pub const LINE: usize = 300;
/// The same where all was asked for (`--trace`).
pub const TRACE_LINE: usize = 2000;

/// How much may be kept, by whom, and how much is. Clones share it. What was taken is given back when the last clone goes.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    whose: &'static str,
    most: usize,
    taken: AtomicUsize,
    part_of: Option<Budget>,
}

/// More than may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {} MiB in {whose}", most >> 20)]
pub struct Over {
    whose: &'static str,
    most: usize,
}

impl Budget {
    /// A budget of its own; `whose` ends the sentence that says it is used up.
    pub fn new(whose: &'static str, most: usize) -> Self {
        Self(Arc::new(Account { whose, most, taken: AtomicUsize::default(), part_of: None }))
    }

    /// A part of this one: what is taken of it is taken of both.
    #[must_use]
    pub fn part(&self, whose: &'static str, most: usize) -> Self {
        Self(Arc::new(Account { whose, most, taken: AtomicUsize::default(), part_of: Some(self.clone()) }))
    }

    /// Takes so many bytes.
    ///
    /// # Errors
    /// It does not have them, or that which it is a part of does not; nothing is taken then.
    pub fn take(&self, bytes: usize) -> Result<(), Over> {
        let account = &*self.0;
        let before = account.taken.fetch_add(bytes, Ordering::Relaxed);
        let taken = match &account.part_of {
            _ if before.saturating_add(bytes) > account.most => Err(Over { whose: account.whose, most: account.most }),
            Some(whole) => whole.take(bytes),
            None => Ok(()),
        };
        if taken.is_err() {
            account.taken.fetch_sub(bytes, Ordering::Relaxed);
        }
        taken
    }

    /// Gives back a part of what was taken.
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
    fn a_part_is_refused_by_itself_or_by_the_whole_and_gives_back_what_it_took() {
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
