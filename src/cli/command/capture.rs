//! `clawcheck capture`: a state directory as a scenario without secrets.

use crate::capture::{self, Capture as Captured, SaveError};
use crate::cli::options::state_directory::StateDirectoryOptions;
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit};
use crate::explain::StateDirectory;
use crate::machine;
use crate::shell::quoted;
use openclaw_model::Release;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use untrusted_data::printable;

/// Turn a state directory into a scenario without secrets
///
/// `capture` reads the pairing store of a gateway (JSON files or SQLite) and its openclaw.json. The gateway can be
/// running. `capture` writes a scenario with the same records and settings, and with a connect for each device, role
/// and pending request. It replaces keys and tokens with those of the scenario, so that every device can connect. It
/// also replaces names, ids and addresses, and prints a list of what the scenario does not contain.
///
/// `capture` does not change the state directory, starts no processes and opens no connections.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::CAPTURE.after("\
Examples:
  clawcheck capture                       The state directory of `openclaw` on this machine
  clawcheck capture DIR -o lockout        A copied state directory
  clawcheck run lockout --gateway openclaw@2026.4.2"))]
pub(crate) struct Capture {
    #[command(flatten)]
    state: StateDirectoryOptions,
    /// Folder for the scenario; it must be empty or new
    #[arg(long, short, value_name = "FOLDER", default_value = "captured")]
    output: PathBuf,
    /// OpenClaw release whose answers the scenario expects [default: the installed or last used release, or the newest known one]
    #[arg(long, value_name = "RELEASE")]
    release: Option<Release>,
}

impl Capture {
    pub(crate) fn run(self) -> Result<u8, CommandError> {
        let state = StateDirectory::read(&self.state.places()).map_err(CommandError::usage)?;
        let captured = Captured::of(&state, self.release, &[], machine::now())
            .map_err(|error| CommandError::usage(miette::Report::msg(error.to_string())))?;
        let file = capture::save(&captured, &self.output, state.stored.directory()).map_err(not_saved)?;
        let text = report(&captured, &state, &file, &self.output);
        console::stdout().write_all(text.as_bytes()).map_err(CommandError::output)?;
        Ok(exit::OK)
    }
}

/// The error of a scenario that could not be saved: a wrong folder, or a failure of the operating system.
fn not_saved(error: SaveError) -> CommandError {
    match error {
        SaveError::NotEmpty(_) | SaveError::Inside(_) => CommandError::usage(error),
        SaveError::Io { error: ref reason, .. } => CommandError::of_file(reason.kind(), error),
    }
}

/// The report of a capture, without anything from the files of the state directory.
fn report(captured: &Captured, state: &StateDirectory, file: &Path, folder: &Path) -> String {
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let directory = state.stored.directory().display().to_string();
    let mut text = format!("captured {}", printable::line(&directory));
    if let Some(config) = &state.config_path {
        text.push_str(&format!(" and {}", printable::line(&config.display().to_string())));
    }
    let (devices, connects) = (counted(captured.devices, "device"), counted(captured.connects.len(), "connect"));
    let let_in = captured.connects.iter().filter(|connect| connect.answer.succeeds()).count();
    text.push_str(&format!(
        "\nrelease {}\n{}: {devices}, {connects}; {let_in} let in with all scopes\n",
        captured.chosen,
        printable::line(&file.display().to_string()),
    ));
    state.notes.iter().for_each(|note| text.push_str(&format!("note: {}\n", printable::line(note))));
    if !captured.left_out.is_empty() {
        text.push_str("\nNot in the scenario:\n");
        captured.left_out.iter().for_each(|line| text.push_str(&format!("  - {line}\n")));
    }
    let folder = folder.display().to_string();
    let folder = quoted(&folder);
    let release = captured.release;
    text.push_str(&format!(
        "\nNext:\n  clawcheck run {folder} --gateway embedded@{release}\n  clawcheck run {folder} --gateway openclaw@{release}\n"
    ));
    text
}
