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
    /// Fits causes into a number of lines. `list` starts with the most serious cause. `lengths` has an item for each cause that can be
    /// shown. The first cause is always shown in full.
    pub(super) fn new(list: &[Cause<'_>], lengths: &[LineCounts], lines: usize) -> Self {
        let first = lengths.first().map_or(0, |first| first.full);
        let serious = list.iter().take_while(|cause| is_serious(cause.kind)).count();
        let needed = |named: usize, rest: usize| first + named.saturating_sub(1) + rest;
        let by_kind = |named: usize| needed(named, kinds(list.get(named..).unwrap_or_default()).count());
        let most = serious.min(lengths.len());
        let fits = (1..=most).rev().find(|named| by_kind(*named) <= lines);
        let mut layout = match fits {
            Some(named) => Self { forms: vec![DetailLevel::Line; named], folds_by_kind: true },
            None if by_kind(1) <= lines => {
                Self { forms: vec![DetailLevel::Line; 1.min(list.len())], folds_by_kind: true }
            }
            None => Self { forms: vec![DetailLevel::Line; 1.min(list.len())], folds_by_kind: false },
        };
        if let Some(form) = layout.forms.first_mut() {
            *form = DetailLevel::Full;
        }
        let mut left = lines.saturating_sub(if layout.folds_by_kind { by_kind(layout.forms.len()) } else { lines });
        layout.extend(DetailLevel::Short, lengths, &mut left);
        let folded = kinds(list.get(layout.forms.len()..).unwrap_or_default()).count();
        let unfolded = list.len() - layout.forms.len();
        if layout.folds_by_kind && list.len() <= lengths.len() && unfolded <= left + folded {
            left = left + folded - unfolded;
            layout.forms.resize(list.len(), DetailLevel::Line);
            layout.extend(DetailLevel::Short, lengths, &mut left);
        }
        layout.extend(DetailLevel::Full, lengths, &mut left);
        layout
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
