//! Checks whether a step got the expected answer.

use crate::observe::{Frame, Message, StepObservation};
use crate::scenario::expect::{Answer, Close, Expectation, Failure, Hello, Refused, StartRefused};
use crate::scenario::text::Pattern;
use serde_json::Value;

/// Whether a step met its expectation. Messages on other held connections do not count.
pub(super) fn is_met(expectation: &Expectation, step: &StepObservation) -> bool {
    let own = || step.seen.iter().filter(|seen| seen.on.is_none()).map(|seen| &seen.message);
    let hello = || own().any(|what| matches!(what, Message::Frame(Frame::Hello(_))));
    let ended = || own().any(|what| !matches!(what, Message::Frame(frame) if !matches!(frame, Frame::Other(_))));
    match expectation {
        Expectation::Hello(expected) => {
            own().any(|what| matches!(what, Message::Frame(Frame::Hello(seen)) if says(seen.auth.as_ref(), expected)))
        }
        Expectation::Refused(expected) => !hello() && is_refused(expected, own),
        Expectation::Open => !ended(),
        Expectation::Http(status) => own().any(|what| what == &Message::Http(*status)),
        Expectation::Close(expected) => own().any(|what| is_closed(expected, what)),
        Expectation::Ok(_) => own().any(
            |what| matches!(what, Message::Frame(Frame::Response { payload, .. }) if has(payload.as_ref(), step.expected.as_ref())),
        ),
        Expectation::Error(expected) => !ended() && own().any(|what| has_failed(expected, what)),
        Expectation::NothingPending => own().any(|what| matches!(what, Message::NothingPending(_))),
        Expectation::Event(_) => own().any(
            |what| matches!(what, Message::Frame(Frame::Event { payload, .. }) if has(payload.as_ref(), step.expected.as_ref())),
        ),
        Expectation::Started => own().any(|what| what == &Message::Started),
        Expectation::StartRefused(StartRefused { exit, log }) => own().any(|what| match what {
            Message::Exit { code, line } => {
                exit.is_none_or(|exit| *code == Some(exit))
                    && log.as_ref().is_none_or(|log| line.as_ref().is_some_and(|line| log.matches(line)))
            }
            _ => false,
        }),
    }
}

fn says(auth: Option<&Value>, expected: &Hello) -> bool {
    let member = |name: &str| auth.and_then(|auth| auth.get(name));
    let sorted = |scopes: &[&str]| {
        let mut scopes = scopes.to_vec();
        scopes.sort_unstable();
        scopes.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let scopes = member("scopes")
        .and_then(Value::as_array)
        .map(|scopes| sorted(&scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>()));
    expected.role.as_ref().is_none_or(|role| member("role").and_then(Value::as_str) == Some(role))
        && expected
            .scopes
            .as_ref()
            .is_none_or(|expected| scopes == Some(sorted(&expected.iter().map(String::as_str).collect::<Vec<_>>())))
        && expected.device_token.is_none_or(|given| member("deviceToken").is_some() == given)
}

/// The expected conditions that a hello-ok does not meet.
pub(super) fn unmet_conditions(auth: Option<&Value>, expected: &Hello) -> Hello {
    let none = Hello::default();
    let role = Hello { role: expected.role.clone(), ..none.clone() };
    let scopes = Hello { scopes: expected.scopes.clone(), ..none.clone() };
    let device_token = Hello { device_token: expected.device_token, ..none };
    Hello {
        role: role.role.clone().filter(|_| !says(auth, &role)),
        scopes: scopes.scopes.clone().filter(|_| !says(auth, &scopes)),
        device_token: device_token.device_token.filter(|_| !says(auth, &device_token)),
    }
}

fn is_refused<'a, I: Iterator<Item = &'a Message<Frame>>>(expected: &Refused, own: impl Fn() -> I) -> bool {
    let error = own().find_map(|what| if let Message::Frame(Frame::Error(error)) = what { Some(error) } else { None });
    // The loss of a connection without a close frame is not a refusal, because the gateway may have crashed.
    let close = own().find_map(|what| match what {
        Message::Close { code: Some(code), reason, .. } => Some((*code, reason)),
        _ => None,
    });
    let text = |path: &str| error.and_then(|error| error.pointer(path)).and_then(Value::as_str);
    (error.is_some() || close.is_some())
        && expected.code.as_ref().is_none_or(|code| text("/code") == Some(code))
        && expected.detail.as_ref().is_none_or(|detail| text("/details/code") == Some(detail))
        && expected.reason.as_ref().is_none_or(|reason| text("/details/reason") == Some(reason))
        && meets(expected.message.as_ref(), text("/message"))
        && expected.close.is_none_or(|code| close.is_some_and(|(seen, _)| seen == code))
        && meets(expected.close_reason.as_ref(), close.map(|(_, reason)| reason.as_str()))
}

fn is_closed(expected: &Close, what: &Message<Frame>) -> bool {
    let Message::Close { code, reason, clean } = what else { return false };
    expected.code.is_none_or(|expected| *code == Some(expected))
        && meets(expected.reason.as_ref(), Some(reason))
        && expected.clean.is_none_or(|expected| *clean == expected)
}

fn has_failed(expected: &Failure, what: &Message<Frame>) -> bool {
    let Message::Frame(Frame::Error(error)) = what else { return false };
    let text = |path: &str| error.pointer(path).and_then(Value::as_str);
    expected.code.as_ref().is_none_or(|code| text("/code") == Some(code))
        && expected.detail.as_ref().is_none_or(|detail| text("/details/code") == Some(detail))
        && meets(expected.message.as_ref(), text("/message"))
}

fn meets(pattern: Option<&Pattern>, text: Option<&str>) -> bool {
    pattern.is_none_or(|pattern| text.is_some_and(|text| pattern.matches(text)))
}

/// Whether a value contains the expected value. An object may have additional members, and everything else must be
/// equal.
fn has(seen: Option<&Value>, expected: Option<&Value>) -> bool {
    match (seen, expected) {
        (_, None) => true,
        (Some(Value::Object(seen)), Some(Value::Object(expected))) => {
            expected.iter().all(|(name, expected)| has(seen.get(name), Some(expected)))
        }
        (seen, Some(expected)) => seen.unwrap_or(&Value::Null) == expected,
    }
}

/// An expectation in words.
pub(crate) fn describe(expectation: &Expectation) -> String {
    let mut words = Vec::new();
    let what = match expectation {
        Expectation::Hello(Hello { role, scopes, device_token }) => {
            words.extend(role.as_ref().map(|role| format!("role {role}")));
            words.extend(scopes.as_ref().map(|scopes| format!("scopes {}", list(scopes))));
            words.extend(device_token.map(|given| if given { "a device token" } else { "no device token" }.to_owned()));
            "hello-ok"
        }
        Expectation::Refused(Refused { code, detail, reason, message, close, close_reason }) => {
            words.extend([code, detail, reason].into_iter().flatten().cloned());
            words.extend(message.as_ref().map(|message| format!("message \"{message}\"")));
            words.extend(close.map(|code| format!("close {code}")));
            words.extend(close_reason.as_ref().map(|reason| format!("close reason \"{reason}\"")));
            "a refusal"
        }
        Expectation::Open => "an open connection",
        Expectation::Http(status) => {
            words.push(status.to_string());
            "an HTTP refusal"
        }
        Expectation::Close(Close { code, reason, clean }) => {
            words.extend(code.map(|code| code.to_string()));
            words.extend(reason.as_ref().map(|reason| format!("reason \"{reason}\"")));
            words.extend(clean.map(|clean| if clean { "clean" } else { "not clean" }.to_owned()));
            "a close"
        }
        Expectation::Ok(Answer { payload }) => {
            words.extend(payload.as_ref().map(ToString::to_string));
            "an answer"
        }
        Expectation::Error(Failure { code, detail, message }) => {
            words.extend([code, detail].into_iter().flatten().cloned());
            words.extend(message.as_ref().map(|message| format!("message \"{message}\"")));
            "an error on an open connection"
        }
        Expectation::NothingPending => "that nothing is pending",
        Expectation::Event(Answer { payload }) => {
            words.extend(payload.as_ref().map(ToString::to_string));
            "an event"
        }
        Expectation::Started => "that the gateway starts",
        Expectation::StartRefused(StartRefused { exit, log }) => {
            words.extend(exit.map(|code| format!("exit code {code}")));
            words.extend(log.as_ref().map(|log| format!("log line \"{log}\"")));
            "that the gateway refuses to start"
        }
    };
    if words.is_empty() { what.to_owned() } else { format!("{what} with {}", words.join(", ")) }
}

fn list(items: &[String]) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Received;
    use rstest::rstest;
    use serde_json::json;

    fn step(seen: Vec<Message<Frame>>) -> StepObservation {
        StepObservation {
            number: 0,
            step: "step".to_owned(),
            rounds: None,
            seen: seen.into_iter().map(|message| Received { on: None, message }).collect(),
            parallel: Vec::new(),
            expected: None,
        }
    }

    fn hello() -> Message<Frame> {
        Message::Frame(Frame::Hello(crate::observe::Hello {
            protocol: json!(3),
            auth: Some(
                json!({"role": "operator", "scopes": ["operator.write", "operator.read"], "deviceToken": "<token-1>"}),
            ),
            policy: None,
            features: None,
            keys: Vec::new(),
        }))
    }

    fn refusal() -> Vec<Message<Frame>> {
        let error = json!({"code": "NOT_PAIRED", "message": "pairing required",
            "details": {"code": "PAIRING_REQUIRED", "reason": "role-upgrade"}});
        vec![Message::Frame(Frame::Error(error)), close(Some(1008), true)]
    }

    fn close(code: Option<u16>, clean: bool) -> Message<Frame> {
        Message::Close { code, reason: "pairing required".to_owned(), clean }
    }

    fn expect(value: Value) -> Expectation {
        // A bare word is the short form of a map without further keys.
        let value = match value.as_str() {
            Some(word @ ("hello" | "refused")) => json!({ word: {} }),
            _ => value,
        };
        serde_json::from_value(value).unwrap()
    }

    #[rstest]
    #[case(json!("hello"), vec![hello()], true)]
    #[case(json!("hello"), refusal(), false)]
    #[case(json!({"hello": {"role": "operator", "scopes": ["operator.read", "operator.write"]}}), vec![hello()], true)]
    #[case(json!({"hello": {"scopes": ["operator.read"]}}), vec![hello()], false)]
    #[case(json!({"hello": {"device-token": false}}), vec![hello()], false)]
    #[case(json!("refused"), refusal(), true)]
    #[case(json!("refused"), vec![hello()], false)]
    #[case(json!("refused"), vec![hello(), close(Some(1008), true)], false)]
    #[case(json!("refused"), vec![Message::Silence], false)]
    #[case(json!({"refused": {"reason": "role-upgrade", "close": 1008, "close-reason": "pairing*"}}), refusal(), true)]
    #[case(json!({"refused": {"reason": "scope-upgrade"}}), refusal(), false)]
    #[case(json!({"refused": {"close": 1000}}), refusal(), false)]
    #[case(json!({"refused": {"close": 1008}}), vec![refusal().remove(0)], false)]
    #[case(json!("open"), vec![], true)]
    #[case(json!("open"), vec![Message::Silence], false)]
    #[case(json!("open"), vec![Message::NoChallenge], false)]
    #[case(json!({"http": 403}), vec![Message::Http(403)], true)]
    #[case(json!({"http": 403}), vec![Message::Http(401)], false)]
    #[case(json!({"close": {"code": 1008, "clean": true}}), vec![close(Some(1008), true)], true)]
    #[case(json!({"close": {"clean": true}}), vec![close(None, false)], false)]
    #[case(json!({"error": {"code": "NOT_PAIRED"}}), vec![refusal().remove(0)], true)]
    #[case(json!({"error": {"code": "NOT_PAIRED"}}), refusal(), false)]
    #[case(json!("nothing-pending"), vec![Message::NothingPending("laptop".to_owned())], true)]
    #[case(json!("started"), vec![Message::Started], true)]
    #[case(json!({"start-refused": {"exit": 1}}), vec![Message::Exit { code: Some(1), line: None }], true)]
    #[case(json!({"start-refused": {"log": "*parse*"}}), vec![Message::Exit { code: Some(1), line: None }], false)]
    fn matches_expectation(#[case] expectation: Value, #[case] seen: Vec<Message<Frame>>, #[case] met: bool) {
        assert_eq!(is_met(&expect(expectation), &step(seen)), met);
    }

    #[rstest]
    #[case(json!({"a": {"b": 1}}), true)]
    #[case(json!({"a": {"b": 2}}), false)]
    #[case(json!({"missing": 1}), false)]
    #[case(json!({"list": [1]}), false)]
    #[case(json!({"list": [1, 2]}), true)]
    fn payload_is_minimum(#[case] expected: Value, #[case] met: bool) {
        let payload = Some(json!({"a": {"b": 1, "c": 2}, "list": [1, 2]}));
        let mut step = step(vec![Message::Frame(Frame::Response { method: None, payload })]);
        step.expected = Some(expected);
        assert_eq!(is_met(&expect(json!({"ok": {}})), &step), met);
    }

    #[test]
    fn ignores_other_connections() {
        let mut step = step(vec![hello()]);
        step.seen[0].on = Some("admin".to_owned());
        assert!(!is_met(&expect(json!("hello")), &step));
    }

    #[test]
    fn finding_says_what_is_expected() {
        let expectation =
            expect(json!({"refused": {"code": "NOT_PAIRED", "close": 1008, "close-reason": "pairing *"}}));
        assert_eq!(describe(&expectation), "a refusal with NOT_PAIRED, close 1008, close reason \"pairing *\"");
    }
}
