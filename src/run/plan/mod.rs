//! Which cases can be played on a gateway, and why the others cannot.

mod needs;
mod not_played;

use crate::gateway::{Capability, Profile};
use crate::judge::Verdict;
use crate::observe::snapshot::Library;
use crate::scenario::Case;
pub(crate) use not_played::lacked;
pub(super) use not_played::{NotPlayed, not_played, permissions_bind, without};
use openclaw_model::{Release, releases};
use std::collections::BTreeSet;
use std::io;

/// How a run on a gateway treats a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applicability {
    /// The features that the case needs.
    pub(crate) needs: BTreeSet<Capability>,
    /// The verdict and its reason if the case is not played. `None` if the case is played.
    pub(crate) not_played: Option<(Verdict, String)>,
}

/// Determines what a run on a gateway does with a case, without starting the gateway. `own` are the gateway's own snapshots.
///
/// # Errors
/// The temporary directory cannot be written.
pub(crate) fn applicability(
    case: &Case,
    profile: &Profile,
    own: Option<&Library>,
    library: &Library,
) -> io::Result<Applicability> {
    let release = profile.claims.unwrap_or(releases::DEFAULT);
    let approved = approved(case, own, library, release);
    let permissions_bind = permissions_bind(&std::env::temp_dir())?;
    let not_played = not_played(case, approved.as_deref(), profile, release, permissions_bind);
    Ok(Applicability {
        needs: needs::of(case, approved.as_deref(), false),
        not_played: not_played.map(|NotPlayed { verdict, reason }| (verdict, reason)),
    })
}

/// The approved snapshot of a case, which shows what the case needs: the gateway's own one, or else that of the release. A
/// file that cannot be read is reported when the case is judged.
pub(super) fn approved(case: &Case, own: Option<&Library>, library: &Library, release: Release) -> Option<String> {
    own.into_iter().chain([library]).find_map(|library| {
        let history = library.serving(&case.id, release).ok()?;
        history.serving(release).map(|(_, variant)| variant.text.clone())
    })
}
