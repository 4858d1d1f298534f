//! The cause of a refused connect that only the gateway's log tells: clocks, clients, sizes and durations are not in a state
//! directory.

use crate::release_ranges;
use openclaw_emulator::settings::HANDSHAKE_TIMEOUT_VARIABLE;
use openclaw_model::handshake::most_early_bytes;
use openclaw_model::{Facts, known_releases};

/// A cause and what removes it, in a sentence each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogCause {
    /// Why the gateway refused the client.
    pub cause: String,
    /// What to do about it.
    pub remedy: String,
}

/// The cause of a refusal with this close reason, or else with this close code.
///
/// `timeout_ms` is the handshake timeout of the gateway.
pub(super) fn of(reason: &str, code: &str, facts: &Facts, timeout_ms: u64) -> Option<LogCause> {
    let found = |cause: String, remedy: String| Some(LogCause { cause, remedy });
    let rules = &facts.handshake;
    match reason {
        _ if reason.contains("handshake timeout") => handshake_timeout(facts, timeout_ms),
        _ if reason.contains("signature expired") => {
            let minutes = rules.proof_form.tolerance_ms() / 60_000;
            found(
                format!("the clocks of the client and of the gateway differ by more than {minutes} minutes"),
                "set both clocks, for example with NTP; a virtual machine or a container has the clock of its host"
                    .to_owned(),
            )
        }
        _ if reason.contains("nonce required") || reason.contains("nonce mismatch") => found(
            "the client did not sign the nonce of this connection".to_owned(),
            "update the client, so that it waits for `connect.challenge` and signs its nonce for each connection"
                .to_owned(),
        ),
        _ if reason.contains("signature invalid") => found(
            "the client signed with another key, or another text than this release expects".to_owned(),
            format!("update the client to {}; if the client is up to date, let it create a new device identity", facts.release),
        ),
        _ if reason.contains("device identity mismatch") || reason.contains("public key invalid") => found(
            "the device id of the client is not the hash of its public key".to_owned(),
            "let the client create a new device identity".to_owned(),
        ),
        _ if reason.contains("invalid connect params") => found(
            "the connect request of the client does not have the form that this release accepts; the text after `at` names the field"
                .to_owned(),
            format!("use a client of {}", facts.release),
        ),
        _ if reason.contains("reload this page") => found(
            "the page in the browser belongs to an older release".to_owned(),
            "reload the page; if the page is still refused, delete the site data in the browser".to_owned(),
        ),
        _ if reason.contains("protocol mismatch") => protocol(facts),
        _ if code == "1009" => found(
            format!(
                "the first message of the client is too large: {} accepts at most {} KiB before the client is let in",
                facts.release,
                most_early_bytes(rules) / 1024
            ),
            "send `connect` first, without large fields".to_owned(),
        ),
        _ => None,
    }
}

fn handshake_timeout(facts: &Facts, limit: u64) -> Option<LogCause> {
    let longer = releases(|other| other.handshake.timeout_ms > limit);
    let mut ways = Vec::new();
    if facts.config.timeout_from_environment {
        ways.push(format!(
            "set {HANDSHAKE_TIMEOUT_VARIABLE}={} in the environment of the gateway, and restart it",
            2 * limit
        ));
    }
    if !longer.is_empty() {
        ways.push(format!("use a release that waits longer ({longer})"));
    }
    ways.push("find out what keeps the client or the gateway busy".to_owned());
    let cause = format!("the client did not send its connect request within {} s", limit as f64 / 1000.0);
    Some(LogCause { cause, remedy: ways.join("; or ") })
}

fn protocol(facts: &Facts) -> Option<LogCause> {
    let protocol = facts.handshake.protocol;
    let speaks = |other: &Facts| (other.client.protocols.0..=other.client.protocols.1).contains(&protocol);
    Some(LogCause {
        cause: format!("the client does not speak protocol {protocol}, the only one of {}", facts.release),
        remedy: format!(
            "update the client; the clients of these releases speak protocol {protocol}: {}",
            releases(speaks)
        ),
    })
}

fn releases(fits: impl Fn(&Facts) -> bool) -> String {
    let known = known_releases().filter_map(|release| Facts::of(release).ok()).filter(fits);
    release_ranges::list(&known.map(|facts| facts.release).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::clocks("2026.4.2", "device signature expired", "1008", "more than 2 minutes", "NTP")]
    #[case::clocks_of_an_old_release("2026.2.19", "device signature expired", "1008", "more than 10 minutes", "NTP")]
    #[case::page(
        "2026.9.6",
        "protocol mismatch: Control UI updated; reload this page",
        "1008",
        "older release",
        "reload"
    )]
    #[case::protocol("2026.6.11", "protocol mismatch", "1002", "protocol 4, the only one", "2026.6.11")]
    #[case::timeout(
        "2026.3.13",
        "handshake timeout",
        "1000",
        "within 3 s",
        "waits longer (2026.2.19 to 2026.2.26, 2026.3.28"
    )]
    #[case::timeout_from_the_environment(
        "2026.4.2",
        "handshake timeout",
        "1000",
        "within 10 s",
        "OPENCLAW_HANDSHAKE_TIMEOUT_MS"
    )]
    #[case::size("2026.4.2", "", "1009", "64 KiB", "first")]
    #[case::size_of_an_old_release("2026.2.26", "", "1009", "25600 KiB", "first")]
    #[case::schema("2026.4.2", "invalid connect params: at /client/id", "1008", "names the field", "2026.4.2")]
    fn cause_uses_limits_of_release(
        #[case] release: &str,
        #[case] reason: &str,
        #[case] code: &str,
        #[case] cause: &str,
        #[case] remedy: &str,
    ) {
        let facts = Facts::of(release.parse().unwrap()).unwrap();
        let found = of(reason, code, &facts, facts.handshake.timeout_ms).unwrap();
        assert!(found.cause.contains(cause) && found.remedy.contains(remedy), "{found:?}");
    }

    #[test]
    fn no_cause_if_directory_explains_it() {
        let facts = Facts::of("2026.4.2".parse().unwrap()).unwrap();
        for reason in ["pairing required", "token_mismatch", "origin not allowed"] {
            assert_eq!(of(reason, "1008", &facts, 10_000), None);
        }
        assert_eq!(of("", "1002", &facts, 10_000), None, "a malformed frame closes with 1002, too");
    }

    #[test]
    fn recommends_longer_timeout() {
        let facts = Facts::of("2026.6.11".parse().unwrap()).unwrap();
        let found = of("handshake timeout", "1000", &facts, 60_000).unwrap();
        assert!(found.cause.contains("within 60 s") && found.remedy.contains("_TIMEOUT_MS=120000"), "{found:?}");
    }
}
