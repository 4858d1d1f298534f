//! `clawcheck lint`: is anything wrong with the scenarios?

use super::snapshots::{self, Snapshots};
use super::{Failure, console, exit};
use crate::report::terminal::counted;
use crate::scenario::lint;
use std::io::Write as _;
use std::path::PathBuf;
use untrusted_data::printable::line;

/// Drafts that are named before the rest is a number.
const NAMED: usize = 10;

/// Check scenario files and print their problems; for a file that is not a valid scenario, only the first error
#[derive(Debug, clap::Args)]
pub(super) struct Lint {
    /// Scenario files and folders; default: the built-in scenarios
    paths: Vec<PathBuf>,
    /// Accept scenarios that need --trust in `run` and `compare` because they can start code or reach outside the gateway
    #[arg(long)]
    trust: bool,
}

impl Lint {
    pub(super) fn run(self) -> Result<u8, Failure> {
        let findings = lint::lint(&self.paths, self.trust);
        if !findings.problems.0.is_empty() {
            return Err(Failure::usage(findings.problems));
        }
        let (scenarios, cases) = (counted(findings.scenarios, "scenario"), counted(findings.cases, "case"));
        let mut out = console::stdout();
        writeln!(out, "{scenarios}, {cases}: no problems found").map_err(Failure::output)?;
        let fault = |error| Failure::fault(snapshots::report(error));
        let snapshots = Snapshots::find(None, &self.paths).map_err(Failure::fault)?;
        if !self.paths.is_empty() && !snapshots.is_writable() {
            // Scenarios of the user's own: the snapshots inside clawcheck are not about them.
            return Ok(exit::OK);
        }
        let library = snapshots.library;
        let drafts = library.drafts().map_err(fault)?;
        if !drafts.is_empty() {
            let count = counted(drafts.len(), "draft");
            writeln!(out, "{count} among the snapshots: not confirmed by a real release").map_err(Failure::output)?;
        }
        for (case, release) in drafts.iter().take(NAMED) {
            writeln!(out, "    {} at {release}", line(case)).map_err(Failure::output)?;
        }
        Ok(exit::OK)
    }
}
