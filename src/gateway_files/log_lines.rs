//! Recognizes the lines that a gateway logs about a refused connect.

use super::verbose_line::VerboseLine;

/// A connection that ended before its hello-ok.
pub(crate) const CLOSED: &str = "closed before connect ";
/// A refusal of the credentials.
pub(crate) const UNAUTHORIZED: &str = "unauthorized ";
/// A client that did not send its `connect` in time.
pub(crate) const TIMEOUT: &str = "handshake timeout ";
/// A proxy that the gateway does not know.
pub(crate) const UNKNOWN_PROXY: &str = "observed unattributable proxy-shaped traffic from ";
/// The beginnings of the lines about an upgrade that a paired device requests.
const UPGRADES: [&str; 2] = ["device access upgrade requested ", "device metadata upgrade requested "];
/// The beginnings of the lines about a refused connection, after the tag.
const REFUSALS: [&str; 4] = [UNAUTHORIZED, TIMEOUT, "protocol mismatch ", "invalid handshake "];
/// The tag of a line about a WebSocket connection. Users often copy a line without its beginning.
pub(crate) const TAG: &str = "[ws] ";
/// The first field of a line about a connection. Other programs use the words before it, too.
const CONNECTION: &str = "conn=";

/// A line of a gateway's log about a refused connect. The texts are what follows the words of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalLine<'a> {
    /// A requested upgrade.
    Upgrade(&'a str),
    /// A refusal, with the words of the line.
    Refused(&'static str, &'a str),
    /// The connection was closed before its hello-ok.
    Closed(&'a str),
    /// An unknown proxy.
    UnknownProxy(&'a str),
}

impl<'a> RefusalLine<'a> {
    /// Recognizes a line, also without its beginning.
    pub(crate) fn of(line: &'a str) -> Option<Self> {
        let after = |words: &str| Some(line.split_once(words)?.1);
        let refused = |words: &'static str| {
            let (before, rest) = line.split_once(words)?;
            (before.ends_with(TAG) || rest.starts_with(CONNECTION)).then_some(Self::Refused(words, rest))
        };
        // A user can copy only the end of a line.
        let end = || line.find("code=1008").filter(|_| line.contains("reason=")).map(|start| &line[start..]);
        let upgrade = || UPGRADES.into_iter().find_map(after).map(Self::Upgrade);
        let refused = || REFUSALS.into_iter().find_map(refused);
        let closed = || after(CLOSED).or_else(end).map(Self::Closed);
        upgrade().or_else(refused).or_else(closed).or_else(|| after(UNKNOWN_PROXY).map(Self::UnknownProxy))
    }
}

/// The words in messages that a client prints about a refused connect.
const CLIENT_MESSAGES: [&str; 5] =
    ["gateway closed (", "gateway connect failed", "pairing required", "device identity required", "unauthorized: "];

/// Whether a text contains a message that a client prints about a refused connect. Lines of a gateway's log contain some
/// of them, too.
pub(crate) fn has_client_message(text: &str) -> bool {
    CLIENT_MESSAGES.iter().any(|words| text.contains(words))
}

/// Whether a text is, or contains, a line of a gateway's log.
pub(crate) fn is_of_gateway(text: &str) -> bool {
    text.contains(TAG) || text.lines().any(|line| RefusalLine::of(line).is_some() || VerboseLine::of(line).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("[ws] closed before connect conn=1 code=1008 reason=pairing required", true)]
    #[case("2026-04-02T10:00:00Z [ws] invalid handshake conn=c1 remote=127.0.0.1", true)]
    #[case("unauthorized conn=c1 remote=127.0.0.1 reason=token_mismatch", true)]
    #[case("security audit: device access upgrade requested reason=role-upgrade", true)]
    #[case("code=1008 reason=pairing required", true)]
    #[case("connection 0: answer: refused: pairing required", true)]
    #[case("[gateway] observed unattributable proxy-shaped traffic from 127.0.0.1", true)]
    #[case("gateway closed (1008): pairing required", false)]
    #[case("unauthorized (401)", false)]
    #[case("the handshake timeout is 10 s", false)]
    #[case("connection 0: refused", false)]
    #[case("steps:\n  - connect: { device: laptop }\n", false)]
    fn lines_of_gateway(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_of_gateway(text), expected);
    }
}
