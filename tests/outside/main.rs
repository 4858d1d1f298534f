//! Tests of the program as its users run it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod code;
mod commands;
mod docs;
mod gateways;
mod harness;
mod live;
mod lockout;
mod processes;
mod untrusted;
mod verdicts;
