//! `clawcheck review`: shows the observations that wait for approval, and asks about each.

use super::accept;
use crate::cli::options::snapshots::ProposalsFolder;
use crate::cli::terminal::console;
use crate::cli::terminal::console::colour;
use crate::cli::{CommandError, exit};
use crate::observe::diff;
use crate::observe::snapshot::{Library, LibraryError, Proposal};
use std::io::{self, BufRead as _, IsTerminal as _, Write};
use untrusted_data::printable::{block, line};

/// Show the observations that wait for approval, and accept or reject each one
///
/// If standard input or output is not a terminal, `review` only shows the observations. Use `clawcheck accept` to approve them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::REVIEW.after("\
Examples:
  clawcheck review
  clawcheck review --snapshots mine/snapshots"))]
pub(crate) struct Review {
    #[command(flatten)]
    folder: ProposalsFolder,
}

/// The decision of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Accept,
    Reject,
    Skip,
    Quit,
}

impl Review {
    pub(crate) fn run(self) -> Result<u8, CommandError> {
        let (folder, mut library) = self.folder.open()?;
        let waiting = library.proposals()?;
        let mut out = console::stdout();
        if waiting.is_empty() {
            writeln!(out, "nothing waits for approval in {}", folder.display()).map_err(CommandError::output)?;
            return Ok(exit::OK);
        }
        let releases = self.folder.releases()?;
        let asks = io::stdin().is_terminal() && console::stdout_is_terminal();
        for (at, proposal) in waiting.iter().enumerate() {
            let text = describe(&library, proposal)?;
            writeln!(out, "[{} of {}] {text}", at + 1, waiting.len()).map_err(CommandError::output)?;
            let warning = releases.as_ref().map(|releases| accept::let_in::warning(releases, proposal)).transpose();
            if let Some(warning) = warning?.flatten() {
                writeln!(out, "{warning}").map_err(CommandError::output)?;
            }
            if !asks {
                continue;
            }
            match ask(&mut out).map_err(CommandError::output)? {
                Decision::Accept => {
                    for line in accept::accept(&mut library, proposal)? {
                        writeln!(out, "{line}").map_err(CommandError::output)?;
                    }
                }
                Decision::Reject => library.reject(proposal)?,
                Decision::Skip => {}
                Decision::Quit => break,
            }
        }
        Ok(exit::OK)
    }
}

/// The difference between the approved snapshot and the waiting observation.
fn describe(library: &Library, proposal: &Proposal) -> Result<String, LibraryError> {
    let snapshot = &proposal.snapshot;
    let text = block(&snapshot.text);
    // An observation of the embedded gateway, or of a gateway that a description or a URL names.
    let seen = if snapshot.seen.is_empty() { "not seen on the real release" } else { "seen on the real release" };
    let head = format!("{} for {}, {seen}", line(&snapshot.case), snapshot.release);
    let history = library.history(&snapshot.case)?;
    Ok(match history.serving(snapshot.release) {
        None => format!("{head}: the folder has no snapshot of this case yet\n{text}"),
        Some((variant, held)) if held.text == snapshot.text => {
            format!("{head}: equal to the snapshot of {variant}, which was not yet seen on this release\n")
        }
        Some((variant, held)) => {
            format!(
                "{head}: differs from the snapshot of {variant}\n{}",
                diff::render(&block(&held.text), &text, colour())
            )
        }
    })
}

/// Repeats the question until the answer is valid. The end of the input means `quit`.
fn ask(out: &mut impl Write) -> io::Result<Decision> {
    loop {
        write!(out, "(a)ccept, (r)eject, (s)kip, (q)uit? ")?;
        out.flush()?;
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            return Ok(Decision::Quit);
        }
        match line.trim() {
            "a" | "accept" => return Ok(Decision::Accept),
            "r" | "reject" => return Ok(Decision::Reject),
            "s" | "skip" => return Ok(Decision::Skip),
            "q" | "quit" => return Ok(Decision::Quit),
            _ => {}
        }
    }
}
