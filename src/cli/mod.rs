//! The command line: one file per command, each `arguments -> one library call -> print`.
//!
//! Nothing outside this room prints. A command returns the [exit code](exit) that its result deserves, or a [`Failure`]
//! that says what went wrong and which code that is.

mod accept;
mod compare;
pub mod exit;
mod failure;
mod fuzz;
mod limits;
mod lint;
mod list;
mod progress;
mod releases;
mod review;
mod run;
mod schema;
mod serve;
mod signals;
mod snapshots;
mod table;

pub use failure::Failure;

use crate::gateway::GatewaySpec;
use clap::{Parser, Subcommand};
use std::io;
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};

/// Protocol conformance for OpenClaw gateways.
#[derive(Debug, Parser)]
#[command(name = "clawcheck", version, about, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 as expected; 1 a case deviates; 2 wrong usage or a wrong file; \
    3 a gateway or the harness could not do its part; 4 nothing was selected, or nothing of it could be played; 130 broken off by Ctrl-C.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Accept(accept::Accept),
    Compare(compare::Compare),
    Fuzz(fuzz::Fuzz),
    Lint(lint::Lint),
    List(list::List),
    Releases(releases::Releases),
    Review(review::Review),
    Run(run::Run),
    Schema(schema::Schema),
    Serve(serve::Serve),
}

impl Command {
    fn run(self) -> Result<u8, Failure> {
        match self {
            Self::Accept(command) => command.run(),
            Self::Compare(command) => command.run(),
            Self::Fuzz(command) => command.run(),
            Self::Lint(command) => command.run(),
            Self::List(command) => command.run(),
            Self::Releases(command) => command.run(),
            Self::Review(command) => command.run(),
            Self::Run(command) => command.run(),
            Self::Schema(command) => command.run(),
            Self::Serve(command) => command.run(),
        }
    }
}

/// The runtime for a run on these gateways. What the embedded one and its clients say to each other is so short that handing
/// it from thread to thread takes longer: they share one.
fn runtime<'a>(gateways: impl IntoIterator<Item = &'a GatewaySpec>) -> io::Result<Runtime> {
    let in_process = gateways.into_iter().all(|gateway| matches!(gateway, GatewaySpec::Embedded(_)));
    let mut builder = if in_process { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.enable_all().build()
}

/// Reads the process's arguments, runs the command, prints its failure if it has one, and gives the exit code.
/// Wrong arguments end the process with [`exit::USAGE`], `--help` and `--version` with [`exit::OK`].
pub fn main() -> ExitCode {
    if let Some(code) = crate::gateway::guard::serve_if_asked() {
        return code;
    }
    let code = Arguments::parse().command.run().unwrap_or_else(Failure::report);
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }
}
