//! `clawcheck accept`: approves the observations that a run saved for approval.

mod known;
pub(crate) mod let_in;

use crate::cli::options::snapshots::ProposalsFolder;
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit};
use crate::observe::snapshot::{FileChange, Library, LibraryError, Proposal};
use crate::scenario::Filter;
use known::KnownOptions;
use std::io::Write as _;
use std::path::Path;
use untrusted_data::printable::line;

/// The maximum number of cases that are listed by id. Further cases are only counted.
const NAMED: usize = 10;

/// Approve observations that a run saved next to the snapshots
///
/// `run` saves an observation that differs from the snapshot of its release as a `.snap.new` file. `accept` makes it the snapshot
/// of that release. Use `review` to view the differences first.
///
/// With `--gateway`, `accept` approves the answers of your gateway as its own snapshots. If such an answer accepts a
/// client or a request that the claimed release refuses, `accept` prints a warning.
///
/// With `--known`, `accept` does not approve snapshots. It adds the deviations of a run to a list of known deviations.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::ACCEPT.after("\
Examples:
  clawcheck accept role-upgrade/client
  clawcheck accept --all --snapshots mine/snapshots
  clawcheck accept --known known.yaml --report report.json --all --reason 'waits for issue 12'"))]
pub(crate) struct Accept {
    /// Ids, parts of ids or globs of the cases to approve
    #[arg(value_name = "ID", value_parser = Filter::of_ids)]
    cases: Vec<Filter>,
    /// Approve all waiting observations
    #[arg(long, conflicts_with = "cases")]
    all: bool,
    #[command(flatten)]
    folder: ProposalsFolder,
    #[command(flatten)]
    list: KnownOptions,
}

impl Accept {
    pub(crate) fn run(self) -> Result<u8, CommandError> {
        if let Some(changed) = self.list.change(&self.cases, self.all) {
            return changed;
        }
        if self.cases.is_empty() && !self.all {
            let error = miette::miette!(
                help = "name cases, as in `clawcheck accept role-upgrade`, or use --all",
                "no cases were named for approval"
            );
            return Err(CommandError::usage(error));
        }
        let (folder, mut library) = self.folder.open()?;
        let waiting = library.proposals()?;
        let chosen = waiting.iter().filter(|proposal| self.means(proposal)).collect::<Vec<_>>();
        if chosen.is_empty() {
            return Err(CommandError::nothing_selected(self.nothing(&folder, &waiting)));
        }
        let mut out = console::stdout_while_read();
        let releases = self.folder.releases()?;
        for proposal in chosen {
            // The warning needs the snapshots of the release, which may be unreadable. Nothing is approved then.
            let warning = releases.as_ref().map(|releases| let_in::warning(releases, proposal)).transpose()?;
            let done = accept(&mut library, proposal)?.into_iter();
            for line in warning.flatten().into_iter().chain(done) {
                writeln!(out, "{line}").map_err(CommandError::output)?;
            }
        }
        Ok(exit::OK)
    }

    /// The error if no waiting observation matches the arguments.
    fn nothing(&self, folder: &Path, waiting: &[Proposal]) -> miette::Report {
        let folder = folder.display();
        if waiting.is_empty() {
            let help = "`clawcheck run` writes observations there that no snapshot contains";
            return miette::miette!(help = help, "nothing waits for approval in {folder}");
        }
        let mut cases = waiting.iter().map(|proposal| proposal.snapshot.case.as_str()).collect::<Vec<_>>();
        cases.dedup();
        let named = cases.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = cases.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let meant = self.cases.iter().map(|filter| format!("`{}`", filter.as_str())).collect::<Vec<_>>().join(" or ");
        miette::miette!(
            help = format!("waiting for approval: {named}{more}"),
            "nothing that matches {meant} waits for approval in {folder}"
        )
    }

    fn means(&self, proposal: &Proposal) -> bool {
        self.all || self.cases.iter().any(|filter| filter.matches(&proposal.snapshot.case))
    }
}

/// Approves one observation. Returns one line for each file that the approval changes.
pub(crate) fn accept(library: &mut Library, proposal: &Proposal) -> Result<Vec<String>, LibraryError> {
    let (case, release) = (&proposal.snapshot.case, proposal.snapshot.release);
    let before = library.history(case)?.variants.remove(&release).map(|variant| variant.seen).unwrap_or_default();
    let edits = library.accept(proposal)?;
    if edits.is_empty() {
        return Ok(vec![format!("{} is already approved", line(case))]);
    }
    let mut lines = edits
        .iter()
        .map(|edit| match edit {
            FileChange::Written(path) => format!("wrote {}", line(&path.to_string_lossy())),
            FileChange::Removed(path) => {
                format!("removed {}: the previous variant is identical", line(&path.to_string_lossy()))
            }
        })
        .collect::<Vec<_>>();
    if before.contains(&release) && proposal.snapshot.seen.is_empty() {
        lines.push(format!(
            "note: the real {release} answered differently in {}; its replacement is a draft",
            line(case)
        ));
    }
    Ok(lines)
}
