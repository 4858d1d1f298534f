//! What differs between two observations of a case, by cause.
//!
//! Two observations are compared step by step, then store section by store section. Each difference has a [`CauseKind`], which
//! says how serious it is, and a sentence that names no device, step or case. Differences of several cases with the
//! same kind and the same sentence usually have the same cause.
//!
//! If a connection is unexpectedly admitted or refused, most of the later differences in the case are consequences.
//! After such a difference, only more serious differences are kept.

mod abbreviate;
mod answer;
mod difference;
mod parse;
mod steps;
mod store;
pub(super) mod unmet;
mod word;

pub(crate) use difference::{CauseKind, Difference};
use untrusted_data::cut;

/// The maximum number of differences that are kept for a case.
const MAX: usize = 16;
/// The maximum number of lines of an observation that are compared.
const MAX_LINES: usize = 4000;
/// The differences between the expected and the actual text of an observation, in the order of the steps. The list is
/// empty if and only if the texts are equal.
pub(crate) fn differences(expected: &str, seen: &str) -> Vec<Difference> {
    if expected == seen {
        return Vec::new();
    }
    let (short_expected, short_seen) = (cut::lines(expected, MAX_LINES, 0), cut::lines(seen, MAX_LINES, 0));
    let (steps_expected, store_expected) = parse::split_text(&short_expected);
    let (steps_seen, store_seen) = parse::split_text(&short_seen);
    let mut found = without_consequences(steps::compare(steps_expected, steps_seen));
    // After an unexpected answer, a difference in the store is also a consequence. It is kept if it is more serious.
    let unexpected = found.iter().map(|difference| difference.kind).min().filter(|kind| *kind <= CauseKind::ErrorCode);
    let in_store = store::compare(store_expected, store_seen).into_iter();
    found.extend(in_store.filter(|difference| unexpected.is_none_or(|kind| difference.kind.level() < kind.level())));
    if found.is_empty() {
        found.push(first_line_that_differs(expected, seen));
    }
    most_serious_of(found)
}

/// At most [`MAX`] of the differences, the most serious ones, in the order of the steps.
fn most_serious_of(found: Vec<Difference>) -> Vec<Difference> {
    let mut numbered = found.into_iter().enumerate().collect::<Vec<_>>();
    numbered.sort_by_key(|(_, difference)| (difference.kind.level(), difference.kind));
    numbered.truncate(MAX);
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, difference)| difference).collect()
}

/// The most serious difference between two texts. If several are equally serious, the first one.
pub(crate) fn most_serious(expected: &str, seen: &str) -> Difference {
    let all = differences(expected, seen).into_iter();
    all.min_by_key(|difference| difference.kind).unwrap_or_else(|| first_line_that_differs(expected, seen))
}

/// The differences up to the first unexpected decision, and after it the more serious ones and those that count at a less
/// strict level.
pub(super) fn without_consequences(all: Vec<Difference>) -> Vec<Difference> {
    let mut most_serious: Option<CauseKind> = None;
    let mut kept = Vec::new();
    for difference in all {
        let kind = difference.kind;
        if most_serious.is_none_or(|most_serious| kind < most_serious || kind.level() < most_serious.level()) {
            if kind <= CauseKind::ErrorCode {
                most_serious = Some(kind);
            }
            kept.push(difference);
        }
    }
    kept
}

/// The difference if all lines are equal except for the numbers of symbols: a value differs from the expected one.
fn first_line_that_differs(expected: &str, seen: &str) -> Difference {
    let unequal = expected.lines().zip(seen.lines()).find(|(expected, seen)| expected != seen);
    let (expected, seen) = unequal.unwrap_or_default();
    let symbol = parse::symbols(seen).into_iter().find(|symbol| !expected.contains(*symbol));
    let what = match symbol {
        Some(symbol) => format!("another {} than expected", parse::unnumbered(symbol)),
        None => "another value than expected".to_owned(),
    };
    Difference::new(CauseKind::Fields, what, "", expected, seen)
}

#[cfg(test)]
mod tests;
