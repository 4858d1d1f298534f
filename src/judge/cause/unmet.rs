//! Converts an unmet expectation of a scenario into a difference.

use super::answer::{Answer, is_close, is_request};
use super::{CauseKind, Difference};
use crate::judge::expectation::{describe, unmet_conditions};
use crate::observe::{Frame, Message, StepObservation};
use crate::scenario::expect::{Expectation, Failure, Hello, Refused};

/// The difference for a step with an unmet expectation. `seen` describes the observation in words.
pub(in crate::judge) fn difference(
    expectation: &Expectation,
    step: &StepObservation,
    seen: &str,
    requires: Option<String>,
) -> Difference {
    let own = step.seen.iter().filter(|seen| seen.on.is_none());
    let lines = own.map(|seen| seen.line()).collect::<Vec<_>>();
    let lines = lines.iter().map(String::as_str).collect::<Vec<_>>();
    let answer = Answer::of(&lines);
    let kind = kind(expectation, answer);
    let saw = match answer {
        Answer::Undecided if kind == CauseKind::LetIn => "an open connection".to_owned(),
        _ => answer.sign(),
    };
    let what = match kind {
        // The decision is as expected, but its details are not.
        CauseKind::Granted => granted(expectation, step, &saw),
        CauseKind::Close | CauseKind::Details => {
            format!("{saw} instead of {}", describe(expectation))
        }
        _ => format!("{saw} instead of {}", sign(expectation)),
    };
    Difference { requires, ..Difference::new(kind, what, &step.step, &describe(expectation), seen) }
}

/// How the granted access differs from the expected access.
fn granted(expectation: &Expectation, step: &StepObservation, saw: &str) -> String {
    let Expectation::Hello(expected) = expectation else {
        return format!("{saw} instead of {}", describe(expectation));
    };
    let mut own = step.seen.iter().filter(|seen| seen.on.is_none()).map(|seen| &seen.message);
    let auth = own.find_map(|message| match message {
        Message::Frame(Frame::Hello(hello)) => hello.auth.as_ref(),
        _ => None,
    });
    match unmet_conditions(auth, expected) {
        Hello { role: None, scopes: None, device_token: Some(true) } => format!("{saw} lacks a device token"),
        Hello { role: None, scopes: None, device_token: Some(false) } => format!("{saw} also has a device token"),
        unmet => format!("{saw} instead of {}", describe(&Expectation::Hello(unmet))),
    }
}

/// The expectation, in the form of the codes of an answer: `hello-ok`, `NOT_PAIRED PAIRING_REQUIRED role-upgrade`.
fn sign(expectation: &Expectation) -> String {
    let codes = |codes: [&Option<String>; 3]| codes.into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let named = match expectation {
        Expectation::Hello(_) => "hello-ok".to_owned(),
        Expectation::Refused(Refused { code, detail, reason, .. }) => codes([code, detail, reason]),
        Expectation::Error(Failure { code, detail, .. }) => codes([code, detail, &None]),
        _ => String::new(),
    };
    if named.is_empty() { describe(expectation) } else { named }
}

/// The kind of an unmet expectation. Its level is never `exact`, because the author of the scenario requires it
/// explicitly.
fn kind(expectation: &Expectation, answer: Answer<'_>) -> CauseKind {
    let wants_yes = matches!(expectation, Expectation::Hello(_) | Expectation::Open);
    let wants_no = matches!(
        expectation,
        Expectation::Refused(_) | Expectation::Error(_) | Expectation::Http(_) | Expectation::StartRefused(_)
    );
    match answer {
        Answer::Accepted(line) if line.starts_with("<- hello-ok") && matches!(expectation, Expectation::Hello(_)) => {
            CauseKind::Granted
        }
        Answer::Accepted(line) if wants_no => {
            if is_request(line) {
                CauseKind::Allowed
            } else {
                CauseKind::LetIn
            }
        }
        Answer::Undecided if matches!(expectation, Expectation::Http(_)) => CauseKind::LetIn,
        Answer::Refused(_) if matches!(expectation, Expectation::Ok(_)) => CauseKind::Denied,
        Answer::Refused(_) if wants_yes => CauseKind::Refused,
        // A close instead of an error on an open connection, or instead of a refusal with a reason.
        Answer::Refused(line) if is_close(line) => CauseKind::Close,
        Answer::Refused(_) if wants_no => CauseKind::ErrorCode,
        Answer::Refused(_) | Answer::Accepted(_) if matches!(expectation, Expectation::Close(_)) => CauseKind::Close,
        Answer::Missing(_) if matches!(expectation, Expectation::StartRefused(_)) => CauseKind::ErrorCode,
        Answer::Missing(_) | Answer::Undecided => CauseKind::Silence,
        Answer::Accepted(_) | Answer::Refused(_) => CauseKind::Details,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Hello as SeenHello, Received};
    use rstest::rstest;
    use serde_json::{Value, json};

    fn hello() -> Message<Frame> {
        hello_with(None)
    }

    fn hello_with(auth: Option<Value>) -> Message<Frame> {
        let (protocol, keys) = (json!(3), Vec::new());
        Message::Frame(Frame::Hello(SeenHello { protocol, auth, policy: None, keys, features: None }))
    }

    fn refusal() -> Message<Frame> {
        let details = json!({"code": "PAIRING_REQUIRED", "reason": "role-upgrade"});
        let error = json!({"code": "NOT_PAIRED", "message": "pairing required", "details": details});
        Message::Frame(Frame::Error(error))
    }

    fn close() -> Message<Frame> {
        Message::Close { code: Some(1008), reason: "no".to_owned(), clean: true }
    }

    fn done() -> Message<Frame> {
        Message::Frame(Frame::Response { method: Some("status".to_owned()), payload: Some(json!({})) })
    }

    #[rstest]
    #[case::locked_out(json!({"hello": {}}), refusal(), "Refused: NOT_PAIRED PAIRING_REQUIRED role-upgrade instead of hello-ok")]
    #[case::let_in(json!({"refused": {"code": "NOT_PAIRED"}}), hello(), "LetIn: hello-ok instead of NOT_PAIRED")]
    #[case::let_in_against_any(json!({"refused": {}}), hello(), "LetIn: hello-ok instead of a refusal")]
    #[case::rights(json!({"hello": {"role": "node"}}), hello(), "Granted: hello-ok instead of hello-ok with role node")]
    #[case::no_token(json!({"hello": {"role": "operator", "device-token": true}}), hello_with(Some(json!({"role": "operator"}))), "Granted: hello-ok lacks a device token")]
    #[case::token(json!({"hello": {"device-token": false}}), hello_with(Some(json!({"deviceToken": "t"}))), "Granted: hello-ok also has a device token")]
    #[case::role_and_token(json!({"hello": {"role": "node", "scopes": [], "device-token": true}}), hello_with(Some(json!({"role": "operator", "scopes": []}))), "Granted: hello-ok instead of hello-ok with role node, a device token")]
    #[case::reason(json!({"refused": {"reason": "scope-upgrade"}}), refusal(), "ErrorCode: NOT_PAIRED PAIRING_REQUIRED role-upgrade instead of scope-upgrade")]
    #[case::silence(json!({"hello": {}}), Message::Silence, "Silence: nothing came instead of hello-ok")]
    #[case::granted(json!({"error": {"code": "FORBIDDEN"}}), done(), "Allowed: ok status instead of FORBIDDEN")]
    #[case::denied(json!({"ok": {}}), refusal(), "Denied: NOT_PAIRED PAIRING_REQUIRED role-upgrade instead of an answer")]
    #[case::closed(json!({"error": {"code": "FORBIDDEN"}}), close(), "Close: close 1008 instead of an error on an open connection with FORBIDDEN")]
    #[case::another_close(json!({"close": {"code": 1002}}), close(), "Close: close 1008 instead of a close with 1002")]
    #[case::starts(json!({"start-refused": {"exit": 78}}), Message::Started, "LetIn: gateway started instead of that the gateway refuses to start with exit code 78")]
    fn kind_and_sentence_of_unmet_expectation(
        #[case] expected: Value,
        #[case] seen: Message<Frame>,
        #[case] says: &str,
    ) {
        let expectation: Expectation = serde_json::from_value(expected).unwrap();
        let step = StepObservation {
            number: 0,
            step: "step".to_owned(),
            rounds: None,
            seen: vec![Received { on: None, message: seen }],
            parallel: Vec::new(),
            expected: None,
        };
        let found = difference(&expectation, &step, "words", Some("PAIR-1".to_owned()));
        assert_eq!(format!("{:?}: {}", found.kind, found.what), says);
        assert_eq!(
            (found.place.as_str(), found.seen.as_str(), found.requires.as_deref()),
            ("step", "words", Some("PAIR-1"))
        );
    }
}
