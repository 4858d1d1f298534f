//! The command line, one file for each command. A command parses its arguments, calls the library once, and prints
//! the result.
//!
//! Only this module prints. A command returns the [exit code](exit) of its result, or a [`CommandError`] with a
//! message and an exit code.

mod command;
mod error;
pub(crate) mod exit;
mod help;
mod misplaced;
mod options;
mod other_command_option;
mod printed_words;
mod session;
mod signals;
mod terminal;

pub(crate) use error::CommandError;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use command::{
    accept, capture, compare, doctor, explain, fuzz, init, lint, list, probe, record, releases, review, run, schema,
    serve,
};
use help::{OUTPUT, cache_variable, token_variable};
use signals::Signals;
use std::ffi::OsString;
use std::process::ExitCode;
use terminal::console::Color;

/// Test how OpenClaw gateways handle connections, pairing and authorization
///
/// clawcheck plays scenarios (YAML files) on a gateway over a WebSocket connection. It compares the answers, the close codes and
/// the pairing store with snapshots that were approved for each OpenClaw release.
#[derive(Debug, Parser)]
#[command(name = "clawcheck", version, max_term_width = 100)]
#[command(after_help = exit::SUMMARY, after_long_help = format!("{VARIABLES}\n\n{}", exit::SUMMARY))]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// When to use colors in the output
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t, help_heading = OUTPUT)]
    color: Color,
}

/// The environment variables in the long help.
const VARIABLES: &str = concat!(cache_variable!(), token_variable!(), "\n  NO_COLOR         Do not print colors");

// The help lists the commands in this order.
#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    List(list::List),
    Lint(lint::Lint),
    Review(review::Review),
    Accept(accept::Accept),
    Compare(compare::Compare),
    Releases(releases::Releases),
    Fuzz(fuzz::Fuzz),
    Explain(Box<explain::Explain>),
    Doctor(doctor::Doctor),
    Capture(capture::Capture),
    Record(record::Record),
    Probe(probe::Probe),
    Init(init::Init),
    Serve(serve::Serve),
    Schema(schema::Schema),
}

impl Command {
    fn run(self, signals: &Signals) -> Result<u8, CommandError> {
        match self {
            Self::Accept(command) => command.run(),
            Self::Capture(command) => command.run(),
            Self::Compare(command) => command.run(signals),
            Self::Doctor(command) => command.run(),
            Self::Explain(command) => command.run(),
            Self::Fuzz(command) => command.run(signals),
            Self::Init(command) => command.run(signals),
            Self::Lint(command) => command.run(),
            Self::List(command) => command.run(),
            Self::Probe(command) => command.run(signals),
            Self::Record(command) => command.run(signals),
            Self::Releases(command) => command.run(),
            Self::Review(command) => command.run(),
            Self::Run(command) => command.run(signals),
            Self::Schema(command) => command.run(),
            Self::Serve(command) => command.run(signals),
        }
    }
}

/// Parses the arguments, runs the command, prints its error if there is one, and returns the exit code. Invalid
/// arguments give exit code 2, and `--help` and `--version` give 0.
pub fn main() -> ExitCode {
    let served = crate::gateway::guard::serve_if_asked().or_else(crate::gateway::supervisor::serve_if_asked);
    if let Some(code) = served {
        return code;
    }
    crate::machine::raise_descriptors();
    untrusted_data::redact::set_printed_words(printed_words::contain);
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => return ExitCode::from(error::wrong_arguments(&error)),
    };
    arguments.color.apply();
    // Catch signals before the command starts anything, so that the command can clean up after a signal.
    let ended = Signals::catch()
        .map_err(|error| CommandError::failed(miette::Report::msg(format!("cannot catch signals: {error}"))))
        .and_then(|signals| arguments.command.run(&signals));
    ExitCode::from(ended.unwrap_or_else(CommandError::report))
}

/// The arguments of the process. Help and errors use the value of `--color`, although it is not parsed yet.
fn arguments() -> Result<Arguments, clap::Error> {
    let color = Color::of_arguments(std::env::args_os().skip(1)).unwrap_or_default();
    let mut command = Arguments::command().color(color.into());
    let mut parse = |words: &[OsString]| {
        let matches = command.try_get_matches_from_mut(words);
        let mut matches = matches.map_err(|error| other_command_option::with_tip(error, &command))?;
        Arguments::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    };
    let mut words = std::env::args_os().collect::<Vec<_>>();
    let arguments = parse(&words)?;
    // The words after a command belong to the command. After a URL, they can be options.
    let after = match &arguments.command {
        Command::Init(init) => init.words_after_url(),
        _ => 0,
    };
    if after == 0 {
        return Ok(arguments);
    }
    let url = words.len() - after - 1;
    words[url..].rotate_left(1);
    let reordered = parse(&words)?;
    let is_read = matches!(&reordered.command, Command::Init(init) if init.is_only_url());
    // Otherwise, `init` names the first word that it cannot read.
    Ok(if is_read { reordered } else { arguments })
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
