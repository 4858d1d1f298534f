//! A line of a trace as text and as JSON, with the releases between which its rule applies.

use super::text::short;
use openclaw_model::{Check, Fact, Release, TraceLine};
use serde_json::{Value, json};

/// Whether a line is useful for a reader who knows the client. The connection and the first message appear only if they affect
/// the decision.
pub(crate) fn is_shown(line: &TraceLine) -> bool {
    !matches!(line.check, Check::Upgrade | Check::Frame) || line.fact.is_some()
}

/// The line as text: the check, the finding, and since when the rule applies.
pub(crate) fn text(line: &TraceLine, release: Release) -> String {
    format!("{:<11} {}{}", line.check.name(), short(&line.sentence), period(line, release))
}

/// The line as a member of a JSON document.
pub(crate) fn json(line: &TraceLine, release: Release) -> Value {
    let since = line.fact.and_then(|fact| fact.since(release));
    json!({
        "check": line.check.name(),
        "found": short(&line.sentence),
        "fact": line.fact.map(Fact::name),
        "since": since.map(|since| since.release.to_string()),
        "change": since.map(|since| since.what),
        "until": line.fact.and_then(|fact| fact.until(release)).map(|until| until.release.to_string()),
        "sources": since.map(|since| since.sources.iter().map(ToString::to_string).collect::<Vec<_>>()),
    })
}

/// The release that introduced the rule behind the line. `None` if the rule also applies in the oldest known release.
pub(crate) fn since(line: &TraceLine, release: Release) -> Option<Release> {
    line.fact?.since(release).map(|since| since.release)
}

fn period(line: &TraceLine, release: Release) -> String {
    let until = line.fact.and_then(|fact| fact.until(release)).map(|until| until.release);
    match (since(line, release), until) {
        (None, None) => String::new(),
        (Some(since), None) => format!(" (since {since})"),
        (None, Some(until)) => format!(" (until {until})"),
        (Some(since), Some(until)) => format!(" (since {since}, until {until})"),
    }
}
