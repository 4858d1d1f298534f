//! Which cases can be played on a gateway, and why the others cannot.

mod needs;
mod not_played;

use crate::gateway::{Capability, Profile};
use crate::judge::Verdict;
use crate::known::KnownDeviations;
use crate::observe::snapshot::{Library, LibraryError};
use crate::scenario::Case;
pub(crate) use not_played::lacked;
pub(crate) use not_played::{NotPlayed, without};
use not_played::{not_played, permissions_bind};
use openclaw_model::Release;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Decides which cases a run plays, without starting the gateway.
pub(crate) struct Planner<'a> {
    profile: &'a Profile,
    release: Release,
    /// The gateway's own snapshots.
    own: Option<&'a Library>,
    library: &'a Library,
    known: &'a KnownDeviations,
    permissions_bind: bool,
}

impl<'a> Planner<'a> {
    /// A planner for a gateway that is compared with `release`. `temporary` is a directory in which it tests the permissions
    /// of this user.
    ///
    /// # Errors
    /// The temporary directory cannot be written.
    pub(crate) fn new(
        profile: &'a Profile,
        release: Release,
        (own, library): (Option<&'a Library>, &'a Library),
        known: &'a KnownDeviations,
        temporary: &Path,
    ) -> io::Result<Self> {
        Ok(Self { profile, release, own, library, known, permissions_bind: permissions_bind(temporary)? })
    }

    /// Why the run does not play a case. `None` if it plays the case.
    pub(crate) fn not_played(&self, case: &Case) -> Option<NotPlayed> {
        if let Some(reason) = self.known.excludes(case) {
            return Some(NotPlayed::new(Verdict::NotApplicable, reason));
        }
        // The snapshots are needed here only if the gateway lacks a feature.
        let approved = if self.profile.lacks.is_empty() { None } else { self.approved(case) };
        not_played(case, approved.as_deref(), self.profile, self.release, self.permissions_bind)
    }

    /// Checks the approved snapshots of a case that will be played. The user has to correct a snapshot that cannot be
    /// used. It is no failure of the gateway, so it is found before the first case.
    ///
    /// # Errors
    /// A file cannot be read or is not a snapshot.
    pub(crate) fn check_snapshots(&self, case: &Case) -> Result<(), LibraryError> {
        self.own.into_iter().chain([self.library]).try_for_each(|library| library.check(&case.id))
    }

    /// The features that a case needs.
    pub(crate) fn needs(&self, case: &Case) -> BTreeSet<Capability> {
        needs::of(case, self.approved(case).as_deref(), false)
    }

    /// The approved snapshot of a case, which shows what the case needs: the gateway's own one, or else that of the
    /// release. [`Self::check_snapshots`] reports a file that cannot be read.
    fn approved(&self, case: &Case) -> Option<String> {
        self.own.into_iter().chain([self.library]).find_map(|library| {
            let history = library.serving(&case.id, self.release).ok()?;
            history.serving(self.release).map(|(_, variant)| variant.text.clone())
        })
    }
}
