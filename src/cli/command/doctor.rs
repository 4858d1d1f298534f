//! `clawcheck doctor`: lists the problems of a state directory.

use crate::cli::help::OUTPUT;
use crate::cli::options::state_directory::StateDirectoryOptions;
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit};
use crate::explain::{StateDirectory, doctor};
use crate::machine;
use crate::output_format::OutputFormat;
use std::io::Write as _;

/// List the problems of a state directory and the releases that they affect
///
/// `doctor` checks the JSON files and the SQLite store of a gateway. It reports files that a gateway cannot read or use,
/// a configuration that cannot be read, two stores in one directory, and releases that do not start with this store.
/// In the records, it reports missing roles, missing approvals, keys that do not match their device, expired requests,
/// and platforms that an update changes. It writes no files, and prints no tokens, passwords or keys.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::DOCTOR.after(""))]
pub(crate) struct Doctor {
    #[command(flatten)]
    state: StateDirectoryOptions,
    /// Output format
    #[arg(long, value_enum, default_value_t, help_heading = OUTPUT)]
    format: OutputFormat,
}

impl Doctor {
    pub(crate) fn run(self) -> Result<u8, CommandError> {
        let state = StateDirectory::read_despite_config(&self.state.places()).map_err(CommandError::usage)?;
        let findings = doctor::findings(&state, machine::now());
        let text = doctor::write(&state, &findings, self.format);
        console::stdout().write_all(text.as_bytes()).map_err(CommandError::output)?;
        Ok(if findings.is_empty() { exit::OK } else { exit::DEVIATES })
    }
}
