//! Adds entries to a list of known deviations. The rest of the file stays as it is, with its comments.

use super::date::Date;
use super::file::has_no_content;
use super::judge::{KnownDeviations, PlayedCase};
use super::{digest, parse};
use crate::judge::cause::CauseKind;
use crate::judge::{Difference, Level, Verdict};
use crate::scenario::problems::{ScenarioErrors, within};
use crate::scenario::{Source, nodes};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use untrusted_data::printable;

/// A failing case of a run.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    /// The id of the case.
    pub case: String,
    /// The verdict of the case: `deviates` or `error`.
    pub verdict: Verdict,
    /// The requirements that it tests.
    pub requirements: Vec<String>,
    /// The level at which it was compared.
    pub level: Level,
    /// The differences of the case that count at the level.
    pub differences: Vec<Difference>,
    /// The text of the observation.
    pub observation: Option<String>,
}

/// Why a list was not extended.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum ExtendError {
    /// The existing file is not valid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Invalid(#[from] ScenarioErrors),
    /// The existing entries are in a form that cannot be extended.
    #[error("clawcheck cannot change {0}: `known` must be a block list, with one `- case:` for each entry")]
    #[diagnostic(help("rewrite the list `[...]` with a line that begins with `- ` for each entry"))]
    Form(String),
}

/// A list with new entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExtendedList {
    /// The whole text of the file.
    pub text: String,
    /// The number of new entries.
    pub entries: usize,
    /// The number of cases with a new entry or another pinned observation.
    pub cases: usize,
}

const HEADER: &str = "# Known deviations, for `clawcheck run --known`.\n";

/// The text of a list with additional entries for these cases. `text` is the existing list.
///
/// # Errors
/// The existing list is not valid, or its form cannot be extended.
pub(crate) fn extend(
    path: &Path,
    text: Option<&str>,
    observed: &[Observed],
    reason: &str,
    link: Option<&str>,
    today: Date,
) -> Result<ExtendedList, ExtendError> {
    let before = text.unwrap_or(HEADER);
    let is_empty = has_no_content(before);
    let known = if is_empty { KnownDeviations::default() } else { parse(path, before)? };
    // An expired entry no longer applies, so its deviation needs a new one.
    let mut valid = known.clone();
    valid.drop_expired(today);
    let new = new_entries(&valid, observed);
    let mut edits = Vec::new();
    let mut added = String::new();
    for ((kind, seen), cases) in &new {
        added.push_str(&entry(*kind, seen, cases, reason, link));
    }
    let sections = if is_empty { BTreeMap::new() } else { sections(path, before)? };
    insert(before, "known", &sections, &added, &mut edits);
    let pinned = observations(&valid, observed);
    let mut lines = String::new();
    for (case, digest) in &pinned {
        match known.observations.get(*case) {
            Some(old) => edits.push((old.digest.span.start..old.digest.span.end, quoted(digest))),
            None => lines.push_str(&format!("{}: {}\n", plain(case), quoted(digest))),
        }
    }
    insert(before, "observations", &sections, &lines, &mut edits);
    // New lines end like the others.
    if before.contains("\r\n") {
        edits.iter_mut().for_each(|(_, new)| *new = new.replace('\n', "\r\n"));
    }
    let after = apply(before, edits);
    // Parse the new text to ensure that it contains the new entries.
    let form = || ExtendError::Form(path.display().to_string());
    let read = parse(path, &after).map_err(|_| form())?;
    let is_known = |one: &Observed| {
        read.judge(one.seen()).is_some_and(|judged| !matches!(judged.verdict, Verdict::Deviates | Verdict::Error))
    };
    if read.entries.len() != known.entries.len() + new.len() || !observed.iter().all(is_known) {
        return Err(form());
    }
    let mut cases = new.values().flatten().copied().chain(pinned.keys().copied()).collect::<Vec<_>>();
    cases.sort_unstable();
    cases.dedup();
    Ok(ExtendedList { entries: new.len(), cases: cases.len(), text: after })
}

impl Observed {
    fn seen(&self) -> PlayedCase<'_> {
        PlayedCase {
            id: &self.case,
            requirements: &self.requirements,
            verdict: self.verdict,
            level: self.level,
            differences: &self.differences,
            observation: self.observation.as_deref(),
        }
    }
}

/// The differences that no entry covers, with their cases.
fn new_entries<'a>(known: &KnownDeviations, observed: &'a [Observed]) -> BTreeMap<(CauseKind, &'a str), Vec<&'a str>> {
    let mut new: BTreeMap<(CauseKind, &str), Vec<&str>> = BTreeMap::new();
    for one in observed {
        for difference in one.differences.iter().filter(|difference| difference.kind.level() <= one.level) {
            if !known.covers(&one.case, &one.requirements, difference) {
                let cases = new.entry((difference.kind, &difference.what)).or_default();
                if !cases.contains(&one.case.as_str()) {
                    cases.push(&one.case);
                }
            }
        }
    }
    new.values_mut().for_each(|cases| cases.sort_unstable());
    new
}

/// The digests that are not in the list yet. The observation of a flaky case is not stable.
fn observations<'a>(known: &KnownDeviations, observed: &'a [Observed]) -> BTreeMap<&'a str, String> {
    let is_flaky = |one: &Observed| known.of_case(&one.case, &one.requirements).any(|listed| listed.entry.flaky);
    let mut digests = BTreeMap::new();
    for one in observed.iter().filter(|one| !is_flaky(one)) {
        let Some(text) = &one.observation else { continue };
        let digest = digest(text);
        if known.observations.get(&one.case).is_none_or(|old| old.digest.value != digest) {
            digests.insert(one.case.as_str(), digest);
        }
    }
    digests
}

/// An entry without indentation.
fn entry(kind: CauseKind, seen: &str, cases: &[&str], reason: &str, link: Option<&str>) -> String {
    let mut text = match cases {
        [case] => format!("- case: {}\n", plain(case)),
        cases => {
            let lines = cases.iter().map(|case| format!("    - {}\n", plain(case))).collect::<String>();
            format!("- case:\n{lines}")
        }
    };
    text.push_str(&format!("  kind: {}\n  seen: {}\n  reason: {}\n", kind.name(), quoted(seen), quoted(reason)));
    if let Some(link) = link {
        text.push_str(&format!("  link: {}\n", quoted(link)));
    }
    text
}

fn quoted(text: &str) -> String {
    printable::yaml(text)
}

/// A word that needs no quotes, or a quoted text.
fn plain(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_.#=-".contains(c);
    let begins = word.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins && word.chars().all(is_plain) { word.to_owned() } else { quoted(word) }
}

/// The sections of a file: each key at the top with the bytes up to the next key.
pub(super) fn sections(path: &Path, text: &str) -> Result<BTreeMap<String, Range<usize>>, ExtendError> {
    let source = Source { path: path.to_owned(), embedded: false, text: text.into() };
    let root = nodes::parse(text).map_err(|error| ScenarioErrors(within(vec![error], &source)))?;
    let starts = root.entries().iter().map(|entry| entry.key.span.start).chain([text.len()]).collect::<Vec<_>>();
    let ranges = starts.windows(2).map(|pair| pair[0]..pair[1].max(pair[0]));
    Ok(root.entries().iter().map(|entry| entry.key.value.clone()).zip(ranges).collect())
}

/// Adds lines to the end of a section, or a new section to the end of the file.
fn insert(
    text: &str,
    key: &str,
    sections: &BTreeMap<String, Range<usize>>,
    lines: &str,
    edits: &mut Vec<(Range<usize>, String)>,
) {
    if lines.is_empty() && (sections.contains_key(key) || key != "known") {
        return;
    }
    let Some(range) = sections.get(key) else {
        let before = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let empty = if lines.is_empty() { " []" } else { "" };
        edits.push((text.len()..text.len(), format!("{before}{key}:{empty}\n{}", indented(lines, 2))));
        return;
    };
    let section = &text[range.clone()];
    let mut end = section.len();
    let mut indent = 2;
    let mut is_first = true;
    let mut at = 0;
    for line in section.split_inclusive('\n') {
        let content = line.trim_start_matches(' ');
        // A comment without indentation and blank lines belong to the next section.
        if !content.trim().is_empty() && !line.starts_with('#') {
            end = at + line.len();
        }
        if at > 0 && is_first && !content.trim().is_empty() && !content.starts_with('#') {
            (indent, is_first) = (line.len() - content.len(), false);
        }
        at += line.len();
    }
    let line_break = if section[..end].ends_with('\n') { "" } else { "\n" };
    let empty = format!("{key}: []");
    let first = section.lines().next().unwrap_or_default();
    if first.strip_prefix(&empty).is_some_and(has_no_content) {
        // A comment after the brackets remains after the key.
        edits.push((range.start + key.len() + 1..range.start + empty.len(), String::new()));
        let at = range.start + first.len();
        edits.push((at..at, format!("\n{}", indented(lines, indent).trim_end())));
        return;
    }
    let at = range.start + end;
    edits.push((at..at, format!("{line_break}{}", indented(lines, indent))));
}

fn indented(lines: &str, by: usize) -> String {
    lines.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect()
}

/// Applies edits to ranges. Where two ranges overlap, the text of both is removed.
pub(super) fn apply(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    // A stable sort: what is appended first stays first.
    edits.sort_by_key(|(range, _)| range.start);
    let (mut out, mut at) = (String::new(), 0);
    for (range, new) in edits {
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(&new);
        at = at.max(range.end);
    }
    out.push_str(&text[at..]);
    out
}
