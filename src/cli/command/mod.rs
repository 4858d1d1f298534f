//! The commands, one file each. A command parses its arguments, calls the library once, and prints the result.

pub(super) mod accept;
pub(super) mod capture;
pub(super) mod compare;
pub(super) mod doctor;
pub(super) mod explain;
pub(super) mod fuzz;
pub(super) mod init;
pub(super) mod lint;
pub(super) mod list;
pub(super) mod probe;
pub(super) mod record;
pub(super) mod releases;
pub(super) mod review;
pub(super) mod run;
pub(super) mod schema;
pub(super) mod serve;
