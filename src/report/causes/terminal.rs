//! Formats the causes for a terminal, on one screen: the most serious in full, the others shorter.

use super::highlight::marked;
use super::layout::{self, DetailLevel};
use super::{Cause, Causes, fold::fold};
use crate::counted::counted;
use crate::judge::Difference;
use crate::judge::cause::CauseKind;
use owo_colors::OwoColorize as _;
use std::collections::BTreeSet;
use untrusted_data::cut;
use untrusted_data::printable;

/// The maximum length of a line, in characters. Commands are never truncated, because users copy them.
const WIDTH: usize = 150;
/// The approximate length of a line of ids, in characters.
const IDS: usize = 110;
/// The maximum number of links and of requirements that are printed for a cause.
const LINKS: usize = 4;
/// The indentation of the lines of a cause.
const INDENT: &str = "      ";

/// How causes are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CauseDisplay {
    /// Whether terminal colors are used.
    pub colour: bool,
    /// The maximum number of lines. At least one cause is printed in full.
    pub lines: usize,
}

impl CauseDisplay {
    /// The causes as lines, each of them printable. The first cause has all its details. Each cause with a different decision
    /// has a headline and its difference, if there is space. The other causes have a headline each, as long as there is
    /// space. The rest of the causes of a kind share a line.
    pub(crate) fn show(&self, causes: &Causes) -> Vec<String> {
        let list = causes.list();
        let mut others = Vec::new();
        if causes.others() > 0 {
            others.push(format!("… and more causes in {}", counted(causes.others(), "case")));
        }
        let lines = self.lines.saturating_sub(others.len());
        let wide = list.iter().map(|cause| cause.cases.len()).max().unwrap_or_default().to_string().len();
        let named = list.iter().take(lines.max(1)).map(|cause| self.cause(cause, wide)).collect::<Vec<_>>();
        let layout = layout::Layout::new(&list, &named.iter().map(CauseLines::lengths).collect::<Vec<_>>(), lines);
        let named = named.into_iter().zip(&layout.forms).flat_map(|(cause, form)| cause.lines(*form));
        let rest = list.get(layout.forms.len()..).unwrap_or_default();
        let rest = match layout.folds_by_kind {
            true => layout::kinds(rest).map(|causes| self.kind(causes, wide)).collect(),
            false => Vec::from_iter((!rest.is_empty()).then(|| more(rest))),
        };
        named.chain(rest).chain(others).collect()
    }

    fn cause(&self, cause: &Cause<'_>, wide: usize) -> CauseLines {
        let headline = self.headline(cause, wide);
        CauseLines {
            details: self.details(cause),
            difference: self.difference(cause),
            example: example(cause),
            headline,
        }
    }

    /// One line for several causes of a kind, with the most frequent one.
    fn kind(&self, causes: &[Cause<'_>], wide: usize) -> String {
        let [one] = causes else {
            let cases = causes.iter().flat_map(|cause| &cause.cases).collect::<BTreeSet<_>>().len();
            let most = causes.iter().rev().max_by_key(|cause| cause.cases.len());
            let (kind, most) = most.map(|most| (most.kind, most.what.as_str())).unwrap_or((CauseKind::Error, ""));
            let what = format!("{}; most often {}", counted(causes.len(), "cause"), printable::line(most));
            return self.line(kind, cases, &what, wide);
        };
        self.cause(one, wide).line()
    }

    /// The difference in one line. If the expected and the actual answer need two lines, the place of the difference.
    fn difference(&self, cause: &Cause<'_>) -> Option<String> {
        let example = cause.example;
        let marked = marked(&example.expected, &example.seen, self.colour, WIDTH);
        let line = match marked.as_slice() {
            [one] if cause.kind != CauseKind::Error => one.clone(),
            _ if example.place.is_empty() => return None,
            _ => dim(&format!("at: {}", example.place), self.colour),
        };
        (!line.trim().is_empty()).then(|| format!("{INDENT}{line}"))
    }

    fn headline(&self, cause: &Cause<'_>, wide: usize) -> String {
        self.line(cause.kind, cause.cases.len(), &cause.what, wide)
    }

    fn line(&self, kind: CauseKind, cases: usize, what: &str, wide: usize) -> String {
        let noun = if cases == 1 { "case " } else { "cases" };
        let (title, what) = (kind.title(), printable::line(what));
        let line = cut::line(&format!("{title}: {what}"), WIDTH).into_owned();
        let line = if self.colour { line.replacen(title, &title.red().bold().to_string(), 1) } else { line };
        format!("{cases:>wide$} {noun}  {line}")
    }

    fn details(&self, cause: &Cause<'_>) -> Vec<String> {
        let (mut lines, example) = (Vec::new(), cause.example);
        // The second line of an error belongs to the headline.
        if cause.kind == CauseKind::Error {
            lines.push(example.seen.clone());
        }
        if cause.cases.len() > 1 {
            lines.push(fold(&cause.cases, IDS));
        }
        let mut lines = lines.iter().map(|line| dim(line, self.colour)).collect::<Vec<_>>();
        lines.extend(sides(example, self.colour));
        lines.extend(behind(cause));
        lines.push(format!("show one: {}", printable::line(cause.rerun)));
        lines.retain(|line| !line.trim().is_empty());
        lines.iter().map(|line| format!("{INDENT}{line}")).collect()
    }
}

/// The place of a difference, and what was expected there and what was seen.
pub(crate) fn sides(difference: &Difference, colour: bool) -> Vec<String> {
    let place = Some(&difference.place).filter(|place| !place.is_empty());
    let mut lines = Vec::from_iter(place.map(|place| dim(&format!("at: {place}"), colour)));
    if difference.kind != CauseKind::Error {
        lines.extend(marked(&difference.expected, &difference.seen, colour, WIDTH));
    }
    lines
}

/// A line of secondary information.
fn dim(line: &str, colour: bool) -> String {
    let line = cut::line(&printable::line(line), WIDTH).into_owned();
    if colour { line.dimmed().to_string() } else { line }
}

/// The parts of a cause.
struct CauseLines {
    headline: String,
    example: String,
    difference: Option<String>,
    details: Vec<String>,
}

impl CauseLines {
    /// The number of lines in each form.
    fn lengths(&self) -> layout::LineCounts {
        layout::LineCounts { short: 1 + usize::from(self.difference.is_some()), full: 1 + self.details.len() }
    }

    fn line(self) -> String {
        self.headline + &self.example
    }

    fn lines(mut self, form: DetailLevel) -> Vec<String> {
        match form {
            DetailLevel::Line => vec![self.line()],
            DetailLevel::Short => {
                let difference = self.difference.take();
                std::iter::once(self.line()).chain(difference).collect()
            }
            DetailLevel::Full => std::iter::once(self.headline).chain(self.details).collect(),
        }
    }
}

/// The example case of a cause that has only one line.
fn example(cause: &Cause<'_>) -> String {
    let simplest = printable::line(cause.simplest);
    if cause.cases.len() == 1 { format!("  ({simplest})") } else { format!("  (for example {simplest})") }
}

/// The requirements and links behind a cause.
fn behind(cause: &Cause<'_>) -> Option<String> {
    let listed = |all: &[&str]| {
        let shown = all.iter().take(LINKS).map(|one| printable::line(one).into_owned()).collect::<Vec<_>>().join(", ");
        let more = all.len().saturating_sub(LINKS);
        if more > 0 { format!("{shown} and {more} more") } else { shown }
    };
    let named = [("requirements", &cause.requirements), ("links", &cause.links)];
    let named = named.into_iter().filter(|(_, all)| !all.is_empty());
    let parts = named.map(|(name, all)| format!("{name}: {}", listed(all))).collect::<Vec<_>>();
    (!parts.is_empty()).then(|| cut::line(&parts.join("; "), WIDTH).into_owned())
}

/// The line about the causes that are not printed. It contains the most frequent one, because most failing cases can
/// have it.
fn more(causes: &[Cause<'_>]) -> String {
    let cases = causes.iter().flat_map(|cause| &cause.cases).collect::<BTreeSet<_>>();
    let mut line = format!("… {} in {}", counted(causes.len(), "more cause"), counted(cases.len(), "case"));
    if let Some(most) = causes.iter().rev().max_by_key(|cause| cause.cases.len()).filter(|_| causes.len() > 1) {
        let (title, what) = (most.kind.title(), printable::line(&most.what));
        line.push_str(&format!("; in {}, {title}: {what}", counted(most.cases.len(), "case")));
    }
    cut::line(&line, WIDTH).into_owned()
}
