//! The commands, their output and their exit codes.

mod compare;
mod fuzz;
mod language;
mod misplaced;
mod probe;
mod record;
mod releases;
mod report_schema;
mod reports;
mod run;
mod serve;
mod trust;
