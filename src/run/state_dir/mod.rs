//! Writes, reads and compares the state directory of a gateway under test.

pub(super) mod copied;
pub(super) mod files;
pub(super) mod openclaw_json;
pub(super) mod seed;
