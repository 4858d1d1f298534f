//! `clawcheck lint`: checks scenario files.

use crate::cli::options::selection::{built_in_note, own_folder};
use crate::cli::options::snapshots::Snapshots;
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit};
use crate::counted::counted;
use crate::scenario::lint;
use std::io::Write as _;
use std::path::PathBuf;
use untrusted_data::printable::line;

/// The maximum number of drafts that are listed by name. Further drafts are only counted.
const NAMED: usize = 10;

/// Check scenario files and print their problems
///
/// `lint` prints each problem with its line and a caret. For a file that is not a valid scenario, it prints only the first
/// problem. A warning is about a value that can be intentional, such as an error code that no known release uses. Warnings
/// do not change the exit code.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::LINT.after("\
Examples:
  clawcheck lint examples/exec-after-upgrade.yaml
  clawcheck lint mine/scenarios"))]
pub(crate) struct Lint {
    /// Scenario files and folders [default: the built-in scenarios]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Accept scenarios that need --trust in `run` and `compare`
    ///
    /// These scenarios can start code in a gateway or reach outside it.
    #[arg(long)]
    trust: bool,
}

impl Lint {
    pub(crate) fn run(self) -> Result<u8, CommandError> {
        let findings = lint::lint(&self.paths, self.trust);
        let warned = findings.warnings.0.len();
        if warned > 0 {
            let warnings = miette::Report::new(findings.warnings);
            let _ = write!(console::stderr(), "{warnings:?}");
        }
        if !findings.problems.0.is_empty() {
            return Err(CommandError::usage(findings.problems));
        }
        let (scenarios, cases) = (counted(findings.scenarios, "scenario"), counted(findings.cases, "case"));
        let found = if warned == 0 { "no problems found".to_owned() } else { counted(warned, "warning") };
        let mut out = console::stdout();
        let built_in = if self.paths.is_empty() { "built-in scenarios: " } else { "" };
        writeln!(out, "{built_in}{scenarios}, {cases}: {found}").map_err(CommandError::output)?;
        if let Some(folder) = own_folder().filter(|_| self.paths.is_empty()) {
            let _ = console::stderr().write_all(built_in_note(folder).as_bytes());
        }
        let snapshots = Snapshots::find(None, &self.paths)?;
        if !self.paths.is_empty() && !snapshots.is_writable() {
            // The built-in snapshots do not belong to the user's own scenarios.
            return Ok(exit::OK);
        }
        let library = snapshots.library;
        let drafts = library.drafts()?;
        if !drafts.is_empty() {
            let count = counted(drafts.len(), "draft");
            writeln!(out, "{count}: snapshots that no real release has confirmed").map_err(CommandError::output)?;
        }
        for (case, release) in drafts.iter().take(NAMED) {
            writeln!(out, "    {} at {release}", line(case)).map_err(CommandError::output)?;
        }
        Ok(exit::OK)
    }
}
