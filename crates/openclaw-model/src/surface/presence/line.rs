//! The line in which an app says that it is there (`system-presence.ts` parsePresence).

use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

/// What a line of the form `Node: box (10.0.0.7) · app 1.2 · last input 5s ago · mode ui · reason periodic` says; `None` where it
/// has another form. It may stand behind other words, in letters of any size.
pub(super) fn read(text: &str) -> Option<Record> {
    let lower = text.to_ascii_lowercase();
    lower.match_indices("node:").find_map(|(at, _)| parse(&text[at + "node:".len()..]))
}

fn parse(line: &str) -> Option<Record> {
    let parts: Vec<&str> = line.splitn(5, '·').map(js::trim).collect();
    let [who, app, input, mode, reason] = parts.try_into().ok()?;
    let (host, address) = who.strip_suffix(')')?.split_once('(')?;
    let host = js::trim(host);
    if host.is_empty() || host.contains(' ') || address.is_empty() || address.contains(')') {
        return None;
    }
    let seconds = after(input, "last input")?;
    let seconds = seconds.get(..seconds.len().checked_sub("s ago".len())?).filter(|_| ends(seconds, "s ago"))?;
    if seconds.is_empty() || !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = seconds.parse::<i64>().map_or(Value::Null, Value::from);
    let [app, mode, reason] = [after(app, "app"), after(mode, "mode"), after(reason, "reason")];
    let said = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(|text| json!(text));
    Some(Record::from_iter([
        ("host".to_owned(), json!(host)),
        ("ip".to_owned(), json!(js::trim(address))),
        ("version".to_owned(), said(app)?),
        ("lastInputSeconds".to_owned(), seconds),
        ("mode".to_owned(), said(mode)?),
        ("reason".to_owned(), said(reason).filter(|_| !line.contains('\n'))?),
    ]))
}

/// What follows this word, whatever the size of its letters.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = (text.get(..word.len())?, text.get(word.len()..)?);
    head.eq_ignore_ascii_case(word).then(|| js::trim(rest))
}

fn ends(text: &str, word: &str) -> bool {
    text.to_ascii_lowercase().ends_with(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Node: box (10.0.0.7) · app 1.2 · last input 5s ago · mode ui · reason periodic · more", true)]
    #[case("see NODE:box(10.0.0.7)·APP 1.2·Last Input 5S AGO·mode ui·reason x", true)]
    #[case("Node: box (10.0.0.7) · app 1.2 · mode ui · reason periodic", false)]
    #[case("Node: a box (10.0.0.7) · app 1.2 · last input 5s ago · mode ui · reason periodic", false)]
    #[case("Node: box (10.0.0.7) · app 1.2 · last input soon ago · mode ui · reason periodic", false)]
    fn a_line_has_six_parts(#[case] text: &str, #[case] read_at_all: bool) {
        let said = read(text);
        assert_eq!(said.is_some(), read_at_all);
        assert!(said.is_none_or(|said| said["host"] == "box" && said["lastInputSeconds"] == 5 && said["mode"] == "ui"));
    }
}
