//! The texts that explanations and findings have in common: single lines of limited length, and answers in one line.

use super::simulated_gateway::{Answer, Verdict};
use openclaw_model::Release;
use openclaw_protocol::frame::ErrorShape;
use serde_json::Value;
use std::collections::BTreeSet;
use untrusted_data::printable;

/// The effect on a release that refuses the configuration or the store.
pub(super) const NO_START: &str = "does not start";
/// The maximum length of a sentence, in characters.
const MAX_LENGTH: usize = 240;
/// The maximum length of a line of a gateway, in characters. Its advice comes last.
const MAX_LINE_LENGTH: usize = 1000;
/// Text from a file or a client, as one printable line of limited length.
pub(super) fn short(text: &str) -> String {
    within(MAX_LENGTH, text)
}

/// A line of a gateway, with its advice.
pub(super) fn full(text: &str) -> String {
    within(MAX_LINE_LENGTH, text)
}

fn within(longest: usize, text: &str) -> String {
    let line = printable::line(text);
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.into_owned(),
    }
}

/// A prefix of an id that `--device` accepts.
pub(super) fn short_id(id: &str) -> String {
    short(id).chars().take(12).collect()
}

/// Describes a token of a record without its value.
pub(super) fn token_words((role, token): (&String, &Value)) -> String {
    let revoked = token.get("revokedAtMs").is_some_and(|at| !at.is_null());
    let scopes = token.get("scopes").map_or_else(|| "absent".to_owned(), |scopes| short(&scopes.to_string()));
    format!("{} ({}, scopes {scopes})", short(role), if revoked { "revoked" } else { "active" })
}

/// `2026.4.2, 2026.4.5`.
pub(super) fn releases(releases: &[Release]) -> String {
    releases.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The answer in one line.
pub(super) fn summary(answer: &Answer) -> String {
    match &answer.verdict {
        Verdict::NoStart(refusal) => {
            let line = refusal.lines.first().map(|line| short(line)).unwrap_or_default();
            format!("the gateway does not start (exit code {}): {line}", refusal.exit_code)
        }
        Verdict::NoUpgrade { status, body } => format!("refused: HTTP {status} {}", short(body)),
        Verdict::Refused { error, close } => {
            let error = error.as_deref().map_or_else(|| "no answer".to_owned(), error_words);
            let close = close.as_ref().map_or_else(
                || "the connection stays open".to_owned(),
                |(code, reason)| format!("close {code} \"{}\"", short(reason)),
            );
            format!("refused: {error}, then {close}")
        }
        Verdict::LetIn(held) if !answer.withheld.is_empty() => {
            format!("let in as {}, without {}", short(&held.role), short(&answer.withheld.join(", ")))
        }
        Verdict::LetIn(held) => {
            let granted = format!("let in as {} [{}]", short(&held.role), short(&held.scopes.join(", ")));
            let sorted = |scopes: &[String]| scopes.iter().cloned().collect::<BTreeSet<_>>();
            match answer.announced.as_ref().filter(|announced| sorted(announced) != sorted(&held.scopes)) {
                Some(announced) => format!("{granted}; hello-ok names the scopes [{}]", short(&announced.join(", "))),
                None => granted,
            }
        }
    }
}

/// The code of the error, the code and the reason in its details, and its message.
fn error_words(error: &ErrorShape) -> String {
    let detail = |name: &str| error.details.as_ref()?.get(name)?.as_str().map(short);
    let words = [Some(short(&error.code)), detail("code"), detail("reason").or_else(|| detail("authReason"))];
    let words = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
    format!("{words} \"{}\"", short(&error.message))
}
