//! Warns about an observation of another gateway that accepts a client or a request that the claimed release refuses.

use crate::judge::cause::{CauseKind, differences};
use crate::observe::snapshot::{Library, LibraryError, Proposal};
use untrusted_data::printable::line;

/// The warning if the release refuses a client or a request that the gateway accepts. `releases` contains the snapshots
/// of OpenClaw.
///
/// # Errors
/// Returns an error if a snapshot cannot be read.
pub(crate) fn warning(releases: &Library, proposal: &Proposal) -> Result<Option<String>, LibraryError> {
    let snapshot = &proposal.snapshot;
    let history = releases.serving(&snapshot.case, snapshot.release)?;
    let Some((_, held)) = history.serving(snapshot.release) else { return Ok(None) };
    let found = differences(&held.text, &snapshot.text);
    let let_in = found.iter().find(|difference| matches!(difference.kind, CauseKind::LetIn | CauseKind::Allowed));
    Ok(let_in.map(|difference| {
        let text = format!("{}: {}", difference.kind.title(), difference.what);
        format!("warning: {} differs from {} in a decision: {}", line(&snapshot.case), snapshot.release, line(&text))
    }))
}
