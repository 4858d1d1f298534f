//! The differences in the steps.

use super::answer::{Answer, is_close, is_request, other_members, sign};
use super::parse::{self, ObservationBlock};
use super::word::{self, DiffWord};
use super::{CauseKind, Difference};
use similar::{Algorithm, capture_diff_slices};
use std::ops::Range;

/// The end of a note that a step waited in vain.
const NOTHING_RECEIVED: &str = "nothing came";

/// Compares the steps of two observations.
pub(super) fn compare(expected: &str, seen: &str) -> Vec<Difference> {
    let (expected, seen) = (parse::steps(expected), parse::steps(seen));
    let mut found = Vec::new();
    for pair in aligned(&expected, &seen) {
        match pair {
            (Some(expected), Some(seen)) => Step { expected, seen }.compare(&mut found),
            (Some(expected), None) => found.push(unpaired(expected, CauseKind::Silence, "a step is missing")),
            (None, Some(seen)) => {
                found.push(unpaired(seen, CauseKind::Message, "a repeated step was answered in two ways"))
            }
            (None, None) => {}
        }
    }
    found
}

fn unpaired(block: &ObservationBlock<'_>, kind: CauseKind, what: &str) -> Difference {
    let line = block.lines.first().copied().unwrap_or_default();
    let (expected, seen) = if kind == CauseKind::Silence { (line, "") } else { ("", line) };
    Difference::new(kind, what.to_owned(), block.heading, expected, seen)
}

type StepPair<'b, 't> = (Option<&'b ObservationBlock<'t>>, Option<&'b ObservationBlock<'t>>);

/// Pairs the steps of both sides. Two different steps at the same position are the same step with other values.
fn aligned<'b, 't>(expected: &'b [ObservationBlock<'t>], seen: &'b [ObservationBlock<'t>]) -> Vec<StepPair<'b, 't>> {
    let headings =
        |blocks: &[ObservationBlock<'_>]| blocks.iter().map(|block| unrepeated(block.heading)).collect::<Vec<_>>();
    let pick = |blocks: &'b [ObservationBlock<'t>], range: &Range<usize>, at| {
        range.clone().nth(at).and_then(|at| blocks.get(at))
    };
    let mut pairs = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &headings(expected), &headings(seen)) {
        let (old, new) = (op.old_range(), op.new_range());
        for at in 0..old.len().max(new.len()) {
            pairs.push((pick(expected, &old, at), pick(seen, &new, at)));
        }
    }
    pairs
}

/// A heading without the rounds of a repeated step, and without the numbers of symbols.
fn unrepeated(heading: &str) -> String {
    let times = heading.rsplit_once("  (").filter(|(_, times)| times.ends_with(')'));
    parse::unnumbered(times.map_or(heading, |(bare, _)| bare))
}

/// A step on both sides.
struct Step<'b, 't> {
    expected: &'b ObservationBlock<'t>,
    seen: &'b ObservationBlock<'t>,
}

impl Step<'_, '_> {
    fn found(&self, kind: CauseKind, what: String, expected: &str, seen: &str) -> Difference {
        Difference::new(kind, what, self.expected.heading, expected, seen)
    }

    fn compare(&self, found: &mut Vec<Difference>) {
        if self.expected.lines == self.seen.lines {
            return;
        }
        let (expected, seen) = (own(self.expected), own(self.seen));
        let answers = (Answer::of(&expected), Answer::of(&seen));
        if let Some(kind) = self.decision(answers) {
            let what = format!("{} instead of {}", self.sign(answers.1), self.expected_codes(kind, answers.0));
            found.push(self.found(kind, what, answers.0.line(), answers.1.line()));
            return;
        }
        let before = found.len();
        self.answers(answers, found);
        self.closes(&expected, &seen, answers, found);
        let closes_differently = found[before..].iter().any(|difference| difference.kind == CauseKind::Close);
        self.others(answers, closes_differently, found);
    }

    /// The kind of difference where another decision was taken.
    fn decision(&self, (expected, seen): (Answer<'_>, Answer<'_>)) -> Option<CauseKind> {
        match (expected, seen) {
            (Answer::Refused(_), Answer::Undecided) if self.opens() => Some(CauseKind::LetIn),
            (Answer::Undecided, Answer::Refused(_)) if self.opens() => Some(CauseKind::Refused),
            _ => decision(expected, seen),
        }
    }

    /// Whether the step opens a connection and sends nothing. No answer to such a step means that the connection was
    /// accepted.
    fn opens(&self) -> bool {
        self.expected.heading.starts_with("open a connection")
    }

    /// The codes of the expected answer. If a refusal with only one code was expected and the gateway let in the client,
    /// the text of the refusal is added. The first releases use the same code for a damaged signature and an invalid field.
    fn expected_codes(&self, kind: CauseKind, answer: Answer<'_>) -> String {
        let sign = self.sign(answer);
        let text = answer.line().split('"').nth(1).and_then(|text| text.split(':').next());
        match text.filter(|text| kind == CauseKind::LetIn && !sign.contains(' ') && !text.is_empty()) {
            Some(text) => format!("{sign} \"{text}\""),
            None => sign,
        }
    }

    fn sign(&self, answer: Answer<'_>) -> String {
        if answer == Answer::Undecided && self.opens() { "an open connection".to_owned() } else { answer.sign() }
    }

    /// Compares two answers with the same decision.
    fn answers(&self, (expected, seen): (Answer<'_>, Answer<'_>), found: &mut Vec<Difference>) {
        if is_close(expected.line()) || is_close(seen.line()) {
            return;
        }
        let subject = seen.sign();
        for word in word::differing(expected.line(), seen.line()) {
            let kind = kind_of_word(&word, expected);
            found.push(self.found(kind, word.sentence(&subject), expected.line(), seen.line()));
        }
        if matches!(expected, Answer::Missing(_)) && expected != seen {
            let what = word::says(&subject, reason_text(expected.line()), reason_text(seen.line()));
            found.push(self.found(CauseKind::Text, what, expected.line(), seen.line()));
        }
    }

    /// Compares how the step's own connection was closed.
    fn closes(&self, expected: &[&str], seen: &[&str], answers: (Answer<'_>, Answer<'_>), found: &mut Vec<Difference>) {
        let close = |lines: &[&str]| lines.iter().find(|line| is_close(line)).map(|line| (*line).to_owned());
        let (a, b) = (close(expected).unwrap_or_default(), close(seen).unwrap_or_default());
        let clean = |line: &str| !line.ends_with("  not clean");
        let (sign_a, sign_b) = (sign(&a), sign(&b));
        let (kind, what) = match (a.is_empty(), b.is_empty()) {
            (true, true) => return,
            _ if a == b && closes_first(expected, answers.0) == closes_first(seen, answers.1) => return,
            _ if a == b => (CauseKind::Close, "the close and the answer are in a different order".to_owned()),
            (false, true) => (CauseKind::Close, format!("the connection stays open instead of {sign_a}")),
            (true, false) => (CauseKind::Close, format!("{sign_b} in addition")),
            _ if sign_a != sign_b => (CauseKind::Close, format!("{sign_b} instead of {sign_a}")),
            _ if clean(&a) != clean(&b) => {
                (CauseKind::Close, format!("{sign_b}, {}", if clean(&a) { "not clean" } else { "clean" }))
            }
            _ => (CauseKind::Text, word::says(&sign_b, reason_text(&a), reason_text(&b))),
        };
        found.push(self.found(kind, what, &a, &b));
    }

    /// Compares the other lines: events, later answers, notes, and messages on other connections. If the connection is closed
    /// differently, the note that nothing came says the same again.
    fn others(&self, answers: (Answer<'_>, Answer<'_>), closes_differently: bool, found: &mut Vec<Difference>) {
        let mut missing = rest(self.expected, answers.0);
        let mut extra = Vec::new();
        for line in rest(self.seen, answers.1) {
            if closes_differently && line.ends_with(NOTHING_RECEIVED) {
                continue;
            }
            match missing.iter().position(|other| parse::unnumbered(other) == parse::unnumbered(line)) {
                Some(at) => drop(missing.remove(at)),
                None => extra.push(line),
            }
        }
        for line in missing {
            match extra.iter().position(|other| sign(other) == sign(line)) {
                Some(at) => {
                    let other = extra.remove(at);
                    let words = word::differing(line, other);
                    found.extend(
                        words
                            .iter()
                            .map(|word| self.found(CauseKind::Fields, word.sentence(&sign(other)), line, other)),
                    );
                }
                None => found.push(self.found(kind_of(line), format!("{} is missing", sign(line)), line, "")),
            }
        }
        found.extend(extra.iter().map(|line| {
            let what = match other_members(line) {
                Some(members) => format!("a frame also has {}", word::names(members)),
                None => format!("{} in addition", sign(line)),
            };
            self.found(kind_of(line), what, "", line)
        }));
    }
}

/// The text after the codes of a line: the reason of a close or of a failed connection.
fn reason_text(line: &str) -> &str {
    let word = parse::words(line).next().unwrap_or_default();
    match (word.find('"'), word.split_once(": ")) {
        (Some(quote), _) => &word[quote..],
        (None, Some((_, text))) => text,
        (None, None) => "nothing",
    }
}

/// The lines of the step's own connection.
fn own<'t>(block: &ObservationBlock<'t>) -> Vec<&'t str> {
    block.lines.iter().copied().filter(|line| parse::on(line).0.is_none()).collect()
}

/// The lines that are neither the answer nor the close of the step's own connection, without connection names.
fn rest<'t>(block: &ObservationBlock<'t>, answer: Answer<'_>) -> Vec<&'t str> {
    let rest = block.lines.iter().copied().filter(|line| *line != answer.line() && !is_close(line));
    rest.map(|line| parse::on(line).1).collect()
}

fn closes_first(lines: &[&str], answer: Answer<'_>) -> bool {
    lines.iter().position(|line| is_close(line)) < lines.iter().position(|line| *line == answer.line())
}

/// The kind of difference where another decision was taken.
fn decision(expected: Answer<'_>, seen: Answer<'_>) -> Option<CauseKind> {
    let other = expected.sign() != seen.sign();
    match (expected, seen) {
        (Answer::Accepted(line), Answer::Refused(_)) => {
            Some(if is_request(line) { CauseKind::Denied } else { CauseKind::Refused })
        }
        (Answer::Refused(_) | Answer::Missing(_), Answer::Accepted(line)) => {
            Some(if is_request(line) { CauseKind::Allowed } else { CauseKind::LetIn })
        }
        (Answer::Accepted(_) | Answer::Refused(_), Answer::Missing(_) | Answer::Undecided) => Some(CauseKind::Silence),
        (Answer::Missing(_), Answer::Refused(_)) => Some(CauseKind::ErrorCode),
        (Answer::Missing(_), Answer::Missing(_)) if other => Some(CauseKind::Silence),
        (Answer::Refused(a), Answer::Refused(b)) if is_close(a) && is_close(b) => None,
        (Answer::Refused(_), Answer::Refused(_)) if other => Some(CauseKind::ErrorCode),
        _ => None,
    }
}

/// The kind of difference for a missing or an additional line.
fn kind_of(line: &str) -> CauseKind {
    match Answer::of(&[line]) {
        _ if other_members(line).is_some() => CauseKind::Fields,
        // The step waited for a message.
        Answer::Missing(line) if line.ends_with(NOTHING_RECEIVED) => CauseKind::Message,
        Answer::Missing(_) => CauseKind::Silence,
        Answer::Refused(line) if is_close(line) => CauseKind::Close,
        Answer::Refused(_) => CauseKind::ErrorCode,
        Answer::Accepted(_) | Answer::Undecided => CauseKind::Message,
    }
}

/// The kind of difference for a word of an answer, whose decision is as expected.
fn kind_of_word(word: &DiffWord<'_>, expected: Answer<'_>) -> CauseKind {
    let line = expected.line();
    let welcomed = line.starts_with("<- hello-ok");
    match (word.topic(), word) {
        ("role" | "scopes" | "device-token", _) if welcomed => CauseKind::Granted,
        ("role" | "scopes", DiffWord::Other(..)) if is_request(line) => CauseKind::Granted,
        ("\"", _) => CauseKind::Text,
        _ if matches!(expected, Answer::Missing(_)) => CauseKind::Text,
        ("protocol", DiffWord::Other(..)) if welcomed => CauseKind::Details,
        // Clients use the values of an answer, except for message texts and lists of records.
        (_, DiffWord::Less(value) | DiffWord::Other(_, value)) if !welcomed && !value.contains(['"', '{']) => {
            CauseKind::Details
        }
        _ => CauseKind::Fields,
    }
}
