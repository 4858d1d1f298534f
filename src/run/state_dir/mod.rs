//! Writes, reads and compares the state directory of a gateway under test.

pub(super) mod openclaw_json;
mod read;
pub(super) mod seed;
#[cfg(test)]
mod tests;
pub(super) mod tokens;
mod write;

pub(super) use read::{UnfinishedWrites, in_memory, read, unfinished};
pub(super) use write::{StateDirError, format, is_records, write, write_records};
