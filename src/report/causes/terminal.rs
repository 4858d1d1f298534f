//! Formats the causes for a terminal, on one screen: the most serious in full, the others in one line each.

use super::highlight::marked;
use super::{Cause, Causes, fold::fold};
use crate::counted::counted;
use crate::judge::cause::CauseKind;
use owo_colors::OwoColorize as _;
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
    /// The causes as lines, each of them printable.
    pub(crate) fn show(&self, causes: &Causes) -> Vec<String> {
        let list = causes.list();
        let mut rest = Vec::new();
        let mut briefly = list.len();
        let first = list.first().map_or(0, |cause| self.details(cause).len());
        // The first cause is always printed in full.
        if list.len() + first > self.lines {
            briefly = self.lines.saturating_sub(first + 2).max(1).min(list.len());
        }
        if briefly < list.len() {
            rest.push(more(&list[briefly..]));
        }
        if causes.others() > 0 {
            rest.push(format!("… and more causes in {}", counted(causes.others(), "case")));
        }
        let mut left = self.lines.saturating_sub(briefly + rest.len());
        let wide = list.iter().map(|cause| cause.cases.len()).max().unwrap_or_default().to_string().len();
        let (mut lines, mut in_full) = (Vec::new(), true);
        for (at, cause) in list[..briefly].iter().enumerate() {
            lines.push(self.headline(cause, wide));
            let details = self.details(cause);
            in_full &= at == 0 || details.len() <= left;
            match lines.last_mut() {
                Some(headline) if !in_full => headline.push_str(&example(cause)),
                _ => {
                    left = left.saturating_sub(details.len());
                    lines.extend(details);
                }
            }
        }
        lines.extend(rest);
        lines
    }

    fn headline(&self, cause: &Cause<'_>, wide: usize) -> String {
        let cases = cause.cases.len();
        let noun = if cases == 1 { "case " } else { "cases" };
        let title = cause.kind.title();
        let what = printable::line(&cause.what);
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
        if !example.place.is_empty() {
            lines.push(format!("at: {}", example.place));
        }
        let mut lines =
            lines.iter().map(|line| self.dim(&cut::line(&printable::line(line), WIDTH))).collect::<Vec<_>>();
        if cause.kind != CauseKind::Error {
            lines.extend(marked(&example.expected, &example.seen, self.colour, WIDTH));
        }
        lines.extend(behind(cause));
        lines.push(format!("show one: {}", printable::line(cause.rerun)));
        lines.retain(|line| !line.trim().is_empty());
        lines.iter().map(|line| format!("{INDENT}{line}")).collect()
    }

    fn dim(&self, text: &str) -> String {
        if self.colour { text.dimmed().to_string() } else { text.to_owned() }
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
    let cases = causes.iter().flat_map(|cause| &cause.cases).collect::<std::collections::BTreeSet<_>>();
    let mut line = format!("… {} in {}", counted(causes.len(), "more cause"), counted(cases.len(), "case"));
    if let Some(most) = causes.iter().max_by_key(|cause| cause.cases.len()).filter(|_| causes.len() > 1) {
        let (title, what) = (most.kind.title(), printable::line(&most.what));
        line.push_str(&format!("; in {}, {title}: {what}", counted(most.cases.len(), "case")));
    }
    cut::line(&line, WIDTH).into_owned()
}
