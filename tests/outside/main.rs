//! The product from outside.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod attached;
mod compare;
mod ends;
mod fuzz;
mod guard;
mod heavy;
mod hostile;
mod install;
mod language;
mod live;
mod live_cli;
mod live_clients;
mod readme;
mod run;
mod scenarios_page;
mod schema;
mod serve;
mod share;
