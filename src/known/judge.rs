//! Decides whether the differences of a case are known.

use super::date::Date;
use super::digest;
use super::file::{Entry, KnownFile};
use crate::enumeration::enumeration;
use crate::judge::cause::CauseKind;
use crate::judge::{Difference, Level, Verdict};
use crate::scenario::spans::{Span, Spanned};
use crate::scenario::{Case, Source};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// The known deviations of a gateway, from all files.
#[derive(Debug, Clone, Default)]
pub struct KnownDeviations {
    pub(super) entries: Vec<ListedEntry>,
    pub(super) observations: HashMap<String, PinnedObservation>,
}

/// An entry and its file.
#[derive(Debug, Clone)]
pub(super) struct ListedEntry {
    pub(super) entry: Arc<Entry>,
    pub(super) source: Arc<Source>,
}

/// The digest of a whole observation.
#[derive(Debug, Clone)]
pub(super) struct PinnedObservation {
    pub(super) digest: Spanned<String>,
    pub(super) key: Span,
    pub(super) source: Arc<Source>,
}

/// The result of a case.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlayedCase<'a> {
    /// The id of the case.
    pub id: &'a str,
    /// The requirements that it tests.
    pub requirements: &'a [String],
    /// The verdict without a list.
    pub verdict: Verdict,
    /// The level at which it was compared. Differences beyond the level need no entry.
    pub level: Level,
    /// The differences. If the case is an error without differences, the error.
    pub differences: &'a [Difference],
    /// The text of the observation, if the case was played to its end.
    pub observation: Option<&'a str>,
}

/// The verdict with a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownVerdict {
    /// The verdict after the list was applied.
    pub verdict: Verdict,
    /// Why: the entries and their reasons, or the mismatch with the entries.
    pub reason: String,
    /// The lists with the entries that no longer hold.
    pub obsolete_in: BTreeSet<PathBuf>,
}

impl KnownVerdict {
    fn new(verdict: Verdict, reason: String) -> Self {
        Self { verdict, reason, obsolete_in: BTreeSet::new() }
    }
}

impl KnownDeviations {
    pub(super) fn of(file: KnownFile, source: &Arc<Source>) -> Self {
        let listed = |entry| ListedEntry { entry: Arc::new(entry), source: Arc::clone(source) };
        let pinned = |(case, digest): (Spanned<String>, Spanned<String>)| {
            (case.value, PinnedObservation { digest, key: case.span, source: Arc::clone(source) })
        };
        Self {
            entries: file.known.into_iter().map(listed).collect(),
            observations: file.observations.into_iter().map(pinned).collect(),
        }
    }

    /// Adds the entries of another list. An observation that is pinned twice keeps the first digest.
    pub(crate) fn add(&mut self, other: Self) {
        self.entries.extend(other.entries);
        for (case, pinned) in other.observations {
            self.observations.entry(case).or_insert(pinned);
        }
    }

    /// Whether there are no entries.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.observations.is_empty()
    }

    /// Removes the entries that have expired.
    pub(super) fn drop_expired(&mut self, today: Date) {
        self.entries.retain(|listed| !listed.entry.has_expired(today));
    }

    /// Why a case is excluded. `None` if no entry excludes it.
    pub(crate) fn excludes(&self, case: &Case) -> Option<String> {
        let requirements = case.requirements().map(str::to_owned).collect::<Vec<_>>();
        let mut entries = self.of_case(&case.id, &requirements).filter(|listed| listed.entry.exclude);
        entries.next().map(|listed| format!("excluded: {}", listed.why()))
    }

    /// The entries about a case.
    pub(super) fn of_case(&self, id: &str, requirements: &[String]) -> impl Iterator<Item = &ListedEntry> {
        self.entries.iter().filter(move |listed| listed.entry.is_about(id, requirements))
    }

    /// Whether an entry is about this difference of a case.
    pub(super) fn covers(&self, id: &str, requirements: &[String], seen: &Difference) -> bool {
        self.of_case(id, requirements).any(|listed| !listed.entry.exclude && listed.entry.covers(seen))
    }

    /// The verdict on a case. `None` if no entry is about the case.
    pub(crate) fn judge(&self, case: PlayedCase<'_>) -> Option<KnownVerdict> {
        let entries =
            self.of_case(case.id, case.requirements).filter(|listed| !listed.entry.exclude).collect::<Vec<_>>();
        if entries.is_empty() {
            return None;
        }
        match case.verdict {
            Verdict::Conforms | Verdict::Deviates | Verdict::Error => self.with_entries(case, &entries),
            Verdict::KnownDeviation | Verdict::UnexpectedlyConforms | Verdict::NotApplicable | Verdict::Skipped => None,
        }
    }

    /// The verdict by the entries about a case. `None` if they do not change it.
    fn with_entries(&self, case: PlayedCase<'_>, entries: &[&ListedEntry]) -> Option<KnownVerdict> {
        let unknown = case
            .differences
            .iter()
            .find(|seen| seen.kind.level() <= case.level && !entries.iter().any(|listed| listed.entry.covers(seen)));
        if let Some(unknown) = unknown.filter(|_| case.verdict != Verdict::Conforms) {
            let reason = format!("not a known deviation: {}: {}", unknown.kind.title(), unknown.what);
            return Some(KnownVerdict::new(case.verdict, reason));
        }
        let is_seen = |listed: &&&ListedEntry| case.differences.iter().any(|seen| listed.entry.shows(seen, case.level));
        let gone = entries.iter().filter(|listed| !listed.entry.flaky && !is_seen(listed)).collect::<Vec<_>>();
        if !gone.is_empty() {
            let obsolete_in = gone.iter().map(|listed| listed.source.path.clone()).collect();
            let reason = no_longer_hold(&gone);
            return Some(KnownVerdict { verdict: Verdict::UnexpectedlyConforms, reason, obsolete_in });
        }
        if case.verdict == Verdict::Conforms && !entries.iter().any(|listed| is_seen(&listed)) {
            let all = reasons(entries.iter().copied());
            return Some(KnownVerdict::new(Verdict::Conforms, format!("known to be flaky: {all}")));
        }
        if let Some(reason) = self.another_observation(case).filter(|_| case.verdict != Verdict::Conforms) {
            return Some(KnownVerdict::new(case.verdict, reason));
        }
        // The differences of the case do not count at this level.
        if case.verdict == Verdict::Conforms {
            return None;
        }
        let seen = reasons(entries.iter().filter(is_seen).copied());
        // A case without differences cannot match an entry.
        Some(match seen.is_empty() {
            true => KnownVerdict::new(case.verdict, "not a known deviation".to_owned()),
            false => KnownVerdict::new(Verdict::KnownDeviation, seen),
        })
    }

    /// Why the observation does not match the pinned digest. All differences are known, but the rest of the
    /// observation, which was not compared, has changed.
    fn another_observation(&self, case: PlayedCase<'_>) -> Option<String> {
        let pinned = self.observations.get(case.id)?;
        let seen = digest(case.observation?);
        (seen != pinned.digest.value).then(|| {
            format!(
                "the differences are known, but the observation differs from the accepted one: {} lists the digest {}, but the new digest is {seen}",
                pinned.place(),
                pinned.digest.value
            )
        })
    }
}

impl Entry {
    pub(super) fn is_about(&self, id: &str, requirements: &[String]) -> bool {
        let tests = |id: &Spanned<String>| requirements.contains(&id.value);
        self.requirement.as_ref().is_none_or(tests) && self.case.0.iter().any(|case| case.value.matches(id))
    }

    pub(super) fn has_expired(&self, today: Date) -> bool {
        self.expires.as_ref().is_some_and(|expires| expires.value < today)
    }

    /// Whether a difference is the one of the entry.
    pub(super) fn covers(&self, seen: &Difference) -> bool {
        let is_required = match (&self.requirement, &seen.requires) {
            (Some(requirement), Some(of)) => requirement.value == *of,
            _ => true,
        };
        let is_of_kind = |kind: CauseKind| kind == seen.kind;
        let text = self.seen.as_ref().is_none_or(|pattern| pattern.value.matches(&seen.what));
        is_required && text && self.kind.is_none_or(is_of_kind)
    }
}

impl Entry {
    /// Whether a difference shows that the entry still holds. An entry for any difference holds only if a difference counts at
    /// `wire`, or at `exact` in a run with this level: the texts of another gateway almost always differ. A run at `decisions`
    /// can use the list of a run at `wire`.
    pub(super) fn shows(&self, seen: &Difference, level: Level) -> bool {
        let is_any = self.kind.is_none() && self.seen.as_ref().is_none_or(|pattern| pattern.value.is_any());
        self.covers(seen) && (!is_any || seen.kind.level() <= level.max(Level::Wire))
    }
}

impl ListedEntry {
    /// The file and the line: `known.yaml:12`.
    pub(super) fn place(&self) -> String {
        place(&self.source, self.entry.span())
    }

    /// The reason and the link.
    fn why(&self) -> String {
        let link = self.entry.link.as_ref().map(|link| format!(" ({})", link.value)).unwrap_or_default();
        format!("{}{link}", self.entry.reason.value.trim())
    }
}

/// Describes entries whose deviation no longer occurs: where the entries are, what to do, and for each entry what is no
/// longer seen.
fn no_longer_hold(gone: &[&&ListedEntry]) -> String {
    let places = enumeration(&gone.iter().map(|listed| listed.place()).collect::<Vec<_>>());
    let (hold, them) = if gone.len() == 1 { ("holds", "it") } else { ("hold", "them") };
    let mut text = format!("{places} no longer {hold}; remove {them} from the list");
    for listed in gone {
        text.push_str(&format!("\nno longer seen: {}", listed.entry.sentence()));
        text.push_str(&format!("\nreason in the list: {}", listed.why()));
    }
    text
}

/// The reasons of entries, each once, in the order of the list.
fn reasons<'a>(entries: impl Iterator<Item = &'a ListedEntry>) -> String {
    let mut all: Vec<String> = Vec::new();
    for why in entries.map(ListedEntry::why) {
        if !all.contains(&why) {
            all.push(why);
        }
    }
    all.join("; ")
}

impl PinnedObservation {
    fn place(&self) -> String {
        place(&self.source, self.key)
    }
}

fn place(source: &Source, span: Span) -> String {
    format!("{}:{}", source.path.display(), source.line(span))
}
