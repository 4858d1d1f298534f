//! Decides how much of each cause fits on the screen.

use super::Cause;
use crate::judge::cause::CauseKind;

/// How much of a cause is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DetailLevel {
    /// Only the headline.
    Line,
    /// The headline and the difference in one line.
    Short,
    /// Everything.
    Full,
}

/// The number of lines of a cause in the forms with more than one line.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineCounts {
    pub(super) short: usize,
    pub(super) full: usize,
}

impl LineCounts {
    fn of(self, form: DetailLevel) -> usize {
        match form {
            DetailLevel::Line => 1,
            DetailLevel::Short => self.short,
            DetailLevel::Full => self.full,
        }
    }
}

/// The forms of the first causes. The other causes share lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) forms: Vec<DetailLevel>,
    /// Whether the other causes share a line for each kind. Otherwise, they share one line.
    pub(super) folds_by_kind: bool,
}

impl Layout {
    /// Fits causes into a number of lines. `list` starts with the most serious cause. `lengths` has an item for each cause that
    /// can be shown. The first cause is always shown in full.
    pub(super) fn new(list: &[Cause<'_>], lengths: &[LineCounts], lines: usize) -> Self {
        let first = lengths.first().map_or(0, |first| first.full);
        let serious = list.iter().take_while(|cause| is_serious(cause.kind)).count();
        let needed = |named: usize, rest: usize| first + named.saturating_sub(1) + rest;
        let folded = |named: usize| kinds(list.get(named..).unwrap_or_default()).count();
        let in_one_line = |named: usize| usize::from(named < list.len());
        let most = serious.min(lengths.len());
        let largest =
            |rest: &dyn Fn(usize) -> usize| (1..=most.max(1)).rev().find(|named| needed(*named, rest(*named)) <= lines);
        let (named, folds_by_kind) = match largest(&folded) {
            Some(named) => (named, true),
            None => (largest(&in_one_line).unwrap_or(1), false),
        };
        let rest = |named: usize| if folds_by_kind { folded(named) } else { in_one_line(named) };
        let named = named.min(list.len());
        let mut layout = Self { forms: vec![DetailLevel::Line; named], folds_by_kind };
        if let Some(form) = layout.forms.first_mut() {
            *form = DetailLevel::Full;
        }
        let mut left = lines.saturating_sub(needed(named, rest(named)));
        layout.extend(DetailLevel::Short, lengths, &mut left);
        let most = list.len().min(lengths.len());
        // A line for every cause comes before the details of some. If there is no space for that, the details come first.
        if most == list.len() && most - named <= left + rest(named) {
            layout.unfold(most, &rest, &mut left);
            layout.extend(DetailLevel::Short, lengths, &mut left);
        }
        layout.extend(DetailLevel::Full, lengths, &mut left);
        layout.unfold(most, &rest, &mut left);
        layout
    }

    /// Gives causes that share a line a line of their own, in order, as long as there are lines. `rest` is the number of lines
    /// of the causes after the first ones.
    fn unfold(&mut self, most: usize, rest: &impl Fn(usize) -> usize, left: &mut usize) {
        while self.forms.len() < most {
            let named = self.forms.len();
            let more = (1 + rest(named + 1)).saturating_sub(rest(named));
            if more > *left {
                break;
            }
            *left -= more;
            self.forms.push(DetailLevel::Line);
        }
    }

    /// Gives causes a longer form, in order, as long as there are lines.
    fn extend(&mut self, longer: DetailLevel, lengths: &[LineCounts], left: &mut usize) {
        for (form, length) in self.forms.iter_mut().zip(lengths) {
            let more = length.of(longer).saturating_sub(length.of(*form));
            if *form == DetailLevel::Full || more == 0 {
                continue;
            }
            if more > *left {
                break;
            }
            *left -= more;
            *form = longer;
        }
    }
}

/// Whether the gateway made a different decision in causes of this kind. Such causes get lines before the others.
fn is_serious(kind: CauseKind) -> bool {
    kind <= CauseKind::Store
}

/// The causes by kind.
pub(super) fn kinds<'c, 'a>(list: &'c [Cause<'a>]) -> impl Iterator<Item = &'c [Cause<'a>]> {
    list.chunk_by(|one, other| one.kind == other.kind)
}
