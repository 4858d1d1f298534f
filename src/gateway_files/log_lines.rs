//! The words in lines that a gateway logs about a refused connect.

/// A connection that ended before its hello-ok.
pub(crate) const CLOSED: &str = "closed before connect ";
/// A refusal of the credentials.
pub(crate) const UNAUTHORIZED: &str = "[ws] unauthorized ";
/// A client that did not send its `connect` in time.
pub(crate) const TIMEOUT: &str = "[ws] handshake timeout ";
/// A proxy that the gateway does not know.
pub(crate) const UNKNOWN_PROXY: &str = "observed unattributable proxy-shaped traffic from ";
/// The beginnings of the details about a connection.
pub(crate) const DETAILS: [&str; 6] = [
    "device access upgrade requested ",
    "device metadata upgrade requested ",
    UNAUTHORIZED,
    TIMEOUT,
    "[ws] protocol mismatch ",
    "[ws] invalid handshake ",
];
/// The tag of a line about a WebSocket connection. Users often copy a line without its beginning.
pub(crate) const TAG: &str = "[ws] ";

/// Whether a text is, or contains, a line of a gateway's log.
pub(crate) fn is_of_gateway(text: &str) -> bool {
    let has_detail = || {
        let mut details = DETAILS.into_iter();
        details.any(|detail| match detail.strip_prefix(TAG) {
            // Other programs use these words, too.
            Some(untagged) => text.contains(untagged) && text.contains("conn="),
            None => text.contains(detail),
        })
    };
    text.contains(TAG) || text.contains(CLOSED) || text.contains(UNKNOWN_PROXY) || has_detail()
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
    #[case("[gateway] observed unattributable proxy-shaped traffic from 127.0.0.1", true)]
    #[case("gateway closed (1008): pairing required", false)]
    #[case("unauthorized (401)", false)]
    #[case("steps:\n  - connect: { device: laptop }\n", false)]
    fn lines_of_gateway(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_of_gateway(text), expected);
    }
}
