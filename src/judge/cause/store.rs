//! The differences in the store.

use super::parse::{self, ObservationBlock};
use super::word::{self, DiffWord};
use super::{CauseKind, Difference};

/// Compares the stores of two observations. If the store of one side was not accessible, the stores are not compared.
pub(super) fn compare(expected: &str, seen: &str) -> Vec<Difference> {
    if expected.is_empty() || seen.is_empty() {
        return Vec::new();
    }
    let (expected, mut seen) = (parse::sections(expected), parse::sections(seen));
    let mut found = Vec::new();
    for section in &expected {
        match seen.iter().position(|other| other.heading == section.heading) {
            Some(at) => Section { name: section.heading, found: &mut found }.compare(section, &seen.remove(at)),
            None => found.push(whole(section.heading, "is missing", section.heading, "")),
        }
    }
    found.extend(seen.iter().map(|section| whole(section.heading, "is new", "", section.heading)));
    found
}

/// A section that exists on only one side.
fn whole(name: &str, how: &str, expected: &str, seen: &str) -> Difference {
    Difference::new(CauseKind::Store, format!("section `{name}` {how}"), "store", expected, seen)
}

/// A record: its line and the lines of its tokens.
struct Record<'t> {
    name: String,
    line: &'t str,
    tokens: Vec<&'t str>,
}

impl Record<'_> {
    /// The whole record, without the numbers of symbols.
    fn plain(&self) -> Vec<String> {
        std::iter::once(&self.line).chain(&self.tokens).map(|line| parse::unnumbered(line)).collect()
    }
}

fn records<'t>(block: &ObservationBlock<'t>) -> Vec<Record<'t>> {
    let mut records: Vec<Record<'t>> = Vec::new();
    for line in block.lines.iter().copied().filter(|line| *line != "none") {
        match records.last_mut() {
            Some(record) if line.starts_with("  ") => record.tokens.push(line),
            _ => {
                let name = parse::unnumbered(first_word(line));
                records.push(Record { name, line, tokens: Vec::new() });
            }
        }
    }
    records
}

fn first_word(line: &str) -> &str {
    parse::words(line).next().unwrap_or_default()
}

/// A section that exists on both sides.
struct Section<'f, 't> {
    name: &'t str,
    found: &'f mut Vec<Difference>,
}

impl Section<'_, '_> {
    fn add(&mut self, kind: CauseKind, what: String, expected: &str, seen: &str) {
        self.found.push(Difference::new(kind, what, self.name, expected, seen));
    }

    fn compare(&mut self, expected: &ObservationBlock<'_>, seen: &ObservationBlock<'_>) {
        let name = self.name;
        let mut others = records(seen);
        for record in records(expected) {
            // Pending requests have no names, so equal requests are considered the same.
            let alike = others.iter().position(|other| other.plain() == record.plain());
            match alike.or_else(|| others.iter().position(|other| other.name == record.name)) {
                Some(at) => self.record(&record, &others.remove(at)),
                None => self.add(CauseKind::Store, format!("a record in `{name}` is missing"), record.line, ""),
            }
        }
        for other in others {
            self.add(CauseKind::Store, format!("`{name}` has an additional record"), "", other.line);
        }
    }

    /// Compares two records of one device, and their tokens by role.
    fn record(&mut self, expected: &Record<'_>, seen: &Record<'_>) {
        let name = self.name;
        self.line(&format!("a record in `{name}`"), expected.line, seen.line);
        let mut others = seen.tokens.clone();
        for token in &expected.tokens {
            match others.iter().position(|other| first_word(other) == first_word(token)) {
                Some(at) => self.line(&format!("a token in `{name}`"), token, others.remove(at)),
                None => self.add(CauseKind::Store, format!("a token in `{name}` is missing"), token, ""),
            }
        }
        for token in others {
            self.add(CauseKind::Store, format!("a record in `{name}` has an additional token"), "", token);
        }
    }

    fn line(&mut self, subject: &str, expected: &str, seen: &str) {
        for word in word::differing(expected, seen) {
            self.add(kind(&word), word.sentence(subject), expected, seen);
        }
    }
}

/// The kind of difference for a field. Rights affect later connections; other fields do not.
fn kind(word: &DiffWord<'_>) -> CauseKind {
    match word.topic() {
        "role" | "roles" | "scopes" | "approved" | "revoked" => CauseKind::Store,
        _ => CauseKind::Fields,
    }
}
