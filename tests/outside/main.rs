//! The product from outside.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod attached;
mod canary;
mod causes;
mod compare;
mod crates;
mod deadlines;
mod described;
mod ends;
mod explain;
mod explain_case;
mod fuzz;
mod guard;
mod heavy;
mod hostile;
mod install;
mod language;
mod live;
mod live_cli;
mod live_clients;
mod messages;
mod misplaced;
mod modules;
mod processes;
mod readme;
mod releases;
mod report_schema;
mod reports;
mod run;
mod scenarios_page;
mod schema;
mod serve;
mod share;
mod signals;
mod special_files;
mod trust;
