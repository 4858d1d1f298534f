//! Finds words that no known release has: codes and reasons of errors, and releases.

use crate::scenario::model::text::Releases;
use crate::scenario::syntax::nodes::{Entry, Node, NodeKind};
use crate::scenario::syntax::problems::SpannedError;
use crate::suggestions::{nearest, nearest_within};
use openclaw_model::{Facts, Release, known_releases, releases};
use openclaw_protocol::codes::{error, refusal};

/// The words that no known release has. A word that resembles a known one is an error, and any other word is a warning:
/// another gateway can have it.
pub(super) fn unknown_words(root: &Node, errors: &mut Vec<SpannedError>) {
    if let Some(node) = root.get("releases") {
        range(node, errors);
    }
    actions(root, errors);
}

fn actions(node: &Node, errors: &mut Vec<SpannedError>) {
    if let NodeKind::List(items) = &node.kind {
        items.iter().for_each(|item| actions(item, errors));
    }
    for Entry { key, value } in node.entries() {
        match key.as_str() {
            "start" | "written-by" => {
                value.get("release").into_iter().for_each(|release| self::release(release, errors));
                actions(value, errors);
            }
            "expect" => answers(value, errors),
            "call" => value.get("method").into_iter().for_each(|node| method(node, errors)),
            // Raw values are intended.
            "params" | "frame" | "store" | "other-store" | "gateway" => {}
            _ => actions(value, errors),
        }
    }
}

fn answers(expect: &Node, errors: &mut Vec<SpannedError>) {
    for Entry { key, value } in expect.entries() {
        let mut check = |name: &str, what: &str, known: &[&str]| {
            if let Some(node) = value.get(name) {
                word(node, what, known, errors);
            }
        };
        match key.as_str() {
            "refused" => {
                check("code", "code", &error::ALL);
                check("detail", "code of the details", &refusal::CODES);
                check("reason", "reason", &refusal::REASONS);
            }
            "error" => check("code", "code", &error::ALL),
            _ => {}
        }
    }
}

fn word(node: &Node, what: &str, known: &[&str], errors: &mut Vec<SpannedError>) {
    let NodeKind::Text(word) = &node.kind else { return };
    // A reference to an axis, or a sentence.
    if known.contains(&word.as_str()) || word.contains(['$', ' ']) {
        return;
    }
    let found = SpannedError::at(node.span, format!("no known release answers with the {what} `{word}`"), "");
    let keys = [("code", &error::ALL[..]), ("detail", &refusal::CODES), ("reason", &refusal::REASONS)];
    if let Some((key, _)) = keys.iter().find(|(_, words)| words.contains(&word.as_str())) {
        errors.push(found.help(format!("this word belongs to another key: `{key}: {word}`")));
        return;
    }
    errors.push(match nearest(word, known.iter().copied()) {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found.help(format!("known values: {}", known.join(", "))).warning(),
    });
}

/// A method that no known release has, and that resembles one.
fn method(node: &Node, errors: &mut Vec<SpannedError>) {
    let NodeKind::Text(word) = &node.kind else { return };
    let Some(near) = method_like(word) else { return };
    let found = SpannedError::at(node.span, format!("no known release has the method `{word}`"), "");
    errors.push(found.help(format!("did you mean `{near}`?")).warning());
}

/// The method that a misspelled one resembles. `None` if a known release has this method, or none that resembles it.
pub(super) fn method_like(word: &str) -> Option<&'static str> {
    let all = || known_releases().rev().filter_map(|release| Facts::of(release).ok()).map(|facts| facts.rpc.methods);
    if all().any(|methods| methods.letter(word).is_some()) {
        return None;
    }
    all().find_map(|methods| nearest_within(2, word, methods.listed()))
}

/// A range that no known release meets.
fn range(node: &Node, errors: &mut Vec<SpannedError>) {
    let NodeKind::Text(text) = &node.kind else { return };
    let Ok(range) = Releases::try_from(text.clone()) else { return };
    if !known_releases().any(|release| range.contains(release)) {
        let message = format!("no known release is in the range `{text}`");
        errors.push(SpannedError::at(node.span, message, "").help(known()).warning());
    }
}

fn release(node: &Node, errors: &mut Vec<SpannedError>) {
    let NodeKind::Text(text) = &node.kind else { return };
    let Ok(release) = text.parse::<Release>() else { return };
    let rules = match releases::described(release) {
        Some(known) if known == release => return,
        Some(known) => format!("the embedded gateway uses the rules of {known}"),
        None => "the embedded gateway cannot start it".to_owned(),
    };
    let message = format!("`{release}` is not a known release; {rules}");
    errors.push(SpannedError::at(node.span, message, "").help(known()).warning());
}

fn known() -> String {
    format!("known releases: {}", known_releases().map(|release| release.to_string()).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in;

    /// The codes and the reason of an error in a snapshot: `<- error CODE DETAIL reason  "message"`.
    fn of_snapshot(line: &str) -> Option<Vec<&str>> {
        let words = line.trim_start().strip_prefix("<- error ")?.split("  ").next()?;
        Some(words.split(' ').filter(|word| !word.is_empty()).collect())
    }

    /// What the releases were seen to answer is known, and what is known is in the model or was found in the releases.
    #[test]
    fn codes_in_snapshots_are_known() {
        let mut seen = 0;
        for contents in built_in::snapshots().values() {
            let contents = std::str::from_utf8(contents).unwrap();
            for (at, words) in contents.lines().scan("", |step, line| {
                // A step begins in the first column.
                *step = if line.starts_with(' ') { *step } else { line };
                Some((*step, of_snapshot(line)))
            }) {
                let Some(words) = words else { continue };
                seen += 1;
                assert!(error::ALL.contains(&words[0]), "{at}: {words:?}");
                if at.starts_with("connect ") {
                    words.get(1).into_iter().for_each(|word| assert!(refusal::CODES.contains(word), "{at}: {words:?}"));
                    words
                        .get(2)
                        .into_iter()
                        .for_each(|word| assert!(refusal::REASONS.contains(word), "{at}: {words:?}"));
                }
            }
        }
        assert!(seen > 1000, "{seen}");
    }
}
