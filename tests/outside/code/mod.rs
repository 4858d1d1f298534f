//! Which crate and which module may use which, and where facts about releases may be written, and what CI uses.

mod crates;
mod modules;
mod release_facts;
mod workflows;
