//! Standard output and standard error: the console, progress lines, tables.

pub(super) mod console;
pub(super) mod output;
pub(super) mod progress;
pub(super) mod table;
