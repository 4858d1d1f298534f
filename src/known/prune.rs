//! Removes the deviations that no longer occur from a list of known deviations. The rest of the file does not change.

use super::extend::{ExtendError, Observed, apply, sections};
use super::file::is_glob;
use super::judge::{KnownDeviations, ListedEntry};
use super::parse;
use crate::judge::Verdict;
use crate::judge::cause::CauseKind;
use crate::scenario::nodes::{self, Node, NodeKind};
use crate::scenario::spans::Span;
use std::ops::Range;
use std::path::Path;

/// A list without the entries that no longer hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pruned {
    /// The whole text of the file.
    pub text: String,
    /// The number of removed entries.
    pub entries: usize,
    /// The number of ids that were removed from other entries.
    pub ids: usize,
    /// Globs with cases that do not show the deviation: the place of each glob, and these cases. Only the user can change
    /// a glob.
    pub globs: Vec<String>,
}

/// The text of a list without what these cases no longer show. An id whose case was not played stays, and so does a glob.
///
/// # Errors
/// The list is not valid, or its form does not allow to remove entries.
pub(crate) fn prune(path: &Path, text: &str, played: &[Observed]) -> Result<Pruned, ExtendError> {
    let form = || ExtendError::Form(path.display().to_string());
    let known = parse(path, text)?;
    let mut edits = Vec::new();
    let (mut entries, mut ids, mut globs) = (Vec::new(), 0, Vec::new());
    for (at, listed) in known.entries.iter().enumerate() {
        let stale = stale(listed, played, &mut globs);
        if stale.len() == listed.entry.case.0.len() {
            entries.push(at);
        } else {
            ids += stale.len();
            edits.extend(without_ids(text, listed, &stale));
        }
    }
    let sections = sections(path, text)?;
    if let Some(section) = sections.get("known").filter(|_| !entries.is_empty()) {
        if entries.len() == known.entries.len() {
            edits = vec![(section_range(text, section), "known: []\n".to_owned())];
        } else {
            let items = items(text).ok_or_else(form)?;
            edits.extend(entries.iter().map(|at| (item_range(text, &items, *at, section.end), String::new())));
        }
    }
    let without_entries = apply(text, edits);
    let left = parse(path, &without_entries).map_err(|_| form())?;
    let text = without_observations(path, &without_entries, &left)?;
    // Parse the new text to ensure that only these entries and ids are missing.
    let read = parse(path, &text).map_err(|_| form())?;
    let count = |known: &KnownDeviations| known.entries.iter().map(|listed| listed.entry.case.0.len()).sum::<usize>();
    let of_entries = entries.iter().map(|at| known.entries[*at].entry.case.0.len()).sum::<usize>();
    if read.entries.len() + entries.len() != known.entries.len() || count(&read) + of_entries + ids != count(&known) {
        return Err(form());
    }
    Ok(Pruned { text, entries: entries.len(), ids, globs })
}

/// The ids of an entry whose cases were played and do not show the deviation. A glob with such cases goes to `globs`: it can
/// also match cases that were not played.
fn stale(listed: &ListedEntry, played: &[Observed], globs: &mut Vec<String>) -> Vec<Span> {
    let entry = &listed.entry;
    let mut stale = Vec::new();
    // A flaky deviation need not occur, and the report of a case with an error that is known has no differences.
    if entry.flaky || entry.exclude || entry.kind == Some(CauseKind::Error) {
        return stale;
    }
    for glob in &entry.case.0 {
        let is_about = |one: &&Observed| glob.value.matches(&one.case) && entry.is_about(&one.case, &one.requirements);
        let (shown, gone): (Vec<_>, Vec<_>) = played
            .iter()
            .filter(is_about)
            .partition(|one| one.differences.iter().any(|seen| entry.shows(seen, one.level)));
        let gone = gone.iter().filter(|one| is_evidence(one.verdict)).map(|one| one.case.as_str()).collect::<Vec<_>>();
        if gone.is_empty() {
            continue;
        }
        if is_glob(&glob.value.text) {
            globs.push(format!("{}: `{}` also matches {}", listed.place(), glob.value.text, gone.join(", ")));
        } else if shown.is_empty() {
            stale.push(glob.span);
        }
    }
    stale
}

/// Whether a case with this verdict shows all its differences.
fn is_evidence(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Conforms | Verdict::Deviates | Verdict::UnexpectedlyConforms)
}

/// The text without the digests of cases that no entry is about.
fn without_observations(path: &Path, text: &str, known: &KnownDeviations) -> Result<String, ExtendError> {
    let named = |case: &str| known.entries.iter().any(|listed| listed.entry.names(case));
    let loose = known.observations.iter().filter(|(case, _)| !named(case)).map(|(_, pinned)| pinned.key);
    let mut edits = loose.map(|key| (line_range(text, key), String::new())).collect::<Vec<_>>();
    let left = known.observations.len() - edits.len();
    if !edits.is_empty() && edits.len() == known.observations.len() {
        let section = sections(path, text)?.remove("observations");
        edits = section.map(|section| (section_range(text, &section), String::new())).into_iter().collect();
    }
    // In a flow mapping, several digests can share a line.
    let text = apply(text, edits);
    match parse(path, &text) {
        Ok(read) if read.observations.len() == left => Ok(text),
        _ => Err(ExtendError::Form(path.display().to_string())),
    }
}

/// The positions of the items of a block list under `known`, or `None` if it has another form.
fn items(text: &str) -> Option<Vec<usize>> {
    let root = nodes::parse(text).ok()?;
    let NodeKind::List(items) = &root.get("known")?.kind else { return None };
    let start = |item: &Node| {
        let start = line_range(text, item.span).start;
        (text[start..item.span.start].trim() == "-").then_some(start)
    };
    items.iter().map(start).collect()
}

/// A section without the comments and blank lines at its end, which belong to the next section.
fn section_range(text: &str, section: &Range<usize>) -> Range<usize> {
    section.start..end_of_content(text, section.clone())
}

/// The end of the last line that is neither blank nor a comment.
fn end_of_content(text: &str, range: Range<usize>) -> usize {
    let is_content = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let after = text[range.clone()].split_inclusive('\n').rev().take_while(|line| !is_content(line));
    range.end - after.map(str::len).sum::<usize>()
}

/// The lines of an item, with the comment above it. The comments and the blank lines at its end belong to the next item.
fn item_range(text: &str, items: &[usize], at: usize, section: usize) -> Range<usize> {
    let next = items.get(at + 1).copied().unwrap_or(section);
    let end = end_of_content(text, items[at]..next);
    let mut start = items[at];
    if at > 0 {
        let above = text[items[at - 1]..start].split_inclusive('\n').rev();
        start -= above.take_while(|line| line.trim_start().starts_with('#')).map(str::len).sum::<usize>();
    }
    start..end
}

/// What to remove for the stale ids of an entry: the line of each, or its place in a flow list. The ids before the first one
/// that stays go with the comma behind them, and the others with the comma before them.
fn without_ids(text: &str, listed: &ListedEntry, stale: &[Span]) -> Vec<(Range<usize>, String)> {
    let ids = listed.entry.case.0.iter().map(|id| id.span).collect::<Vec<_>>();
    let is_stale = |id: &Span| stale.contains(id);
    let first = ids.iter().position(|id| !is_stale(id)).unwrap_or(0);
    let range = |(at, id): (usize, &Span)| {
        let line = line_range(text, *id);
        if text[line.start..id.start].trim() == "-" {
            line
        } else if at < first {
            id.start..ids[at + 1].start
        } else {
            ids[at - 1].end..id.end
        }
    };
    let stale = ids.iter().enumerate().filter(|(_, id)| is_stale(id));
    stale.map(|stale| (range(stale), String::new())).collect()
}

/// The line of a position, with its end.
fn line_range(text: &str, span: Span) -> Range<usize> {
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.start..].find('\n').map_or(text.len(), |at| span.start + at + 1);
    start..end
}
