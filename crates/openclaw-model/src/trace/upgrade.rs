//! The connection of a client: the address of its peer, and the headers of its upgrade request.

use super::quoted::{CUT, Sentence, quoted};
use crate::origin::Origin;
use crate::{GatewayConfig, Peer, locality};
use std::fmt;
use std::net::IpAddr;

/// The maximum length of a value, in characters. A longer value is not shown.
const MAX_VALUE: usize = 200;
/// The maximum number of headers. The order of [`SHOWN`] decides which ones are omitted.
const MAX_HEADERS: usize = 20;
/// Headers that decide about the answer and hold no secret, the most important ones first. Of other headers that mark a
/// proxy, only the name is shown: some proxies send a token or a user in them.
const SHOWN: [&str; 8] = [
    "host",
    "origin",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "forwarded",
    "x-real-ip",
    "x-openclaw-scopes",
];

/// The connection of a client, as far as the answer depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeFinding {
    /// The address of the TCP peer.
    pub peer: IpAddr,
    /// The headers, with names in lower case. A value can be hidden.
    pub headers: Vec<(String, Option<String>)>,
    /// Whether further headers are omitted.
    pub is_cut: bool,
}

impl UpgradeFinding {
    /// The connection of a peer. A proxy that authenticates users adds further headers.
    pub(crate) fn of(peer: &Peer, config: &GatewayConfig) -> Self {
        let proxy = config.trusted_proxy.as_ref();
        let of_users = proxy.into_iter().flat_map(|proxy| proxy.required_headers.iter().chain([&proxy.user_header]));
        let of_users = of_users.map(|name| name.to_lowercase()).collect::<Vec<_>>();
        let is_of_users = |name: &str| of_users.iter().any(|known| known == name);
        let is_named = |name: &str| SHOWN.contains(&name) || locality::marks_proxy(name) || is_of_users(name);
        let is_public = |name: &str, value: &str| SHOWN.contains(&name) && (name != "origin" || is_bare_origin(value));
        let is_short = |value: &str| value.chars().count() <= MAX_VALUE;
        let is_shown = |name: &str, value: &str| value.is_empty() || is_short(value) && is_public(name, value);
        let named = peer.headers.iter().filter(|(name, _)| is_named(name) && is_name(name));
        let mut named = named.enumerate().collect::<Vec<_>>();
        named.sort_by_key(|(_, (name, _))| SHOWN.iter().position(|shown| shown == name).unwrap_or(SHOWN.len()));
        let is_cut = named.len() > MAX_HEADERS;
        named.truncate(MAX_HEADERS);
        named.sort_unstable_by_key(|(arrival, _)| *arrival);
        let headers = named.into_iter().map(|(_, (name, value))| (name, is_shown(name, value).then_some(value)));
        let headers = headers.map(|(name, value)| (name.clone(), value.cloned())).collect();
        Self { peer: peer.address, headers, is_cut }
    }

    /// Reads the sentence of a trace.
    pub fn of_sentence(sentence: &str) -> Option<Self> {
        let mut rest = Sentence(sentence);
        rest.words("from ")?;
        let peer = rest.text()?.parse().ok()?;
        let (mut headers, mut is_cut) = (Vec::new(), false);
        while !rest.is_at_end() && !is_cut {
            rest.words(", ")?;
            if let Some(end) = rest.0.strip_prefix(CUT) {
                (rest.0, is_cut) = (end, true);
                continue;
            }
            let length = rest.0.find([':', ',']).unwrap_or(rest.0.len());
            let name = rest.0.get(..length).filter(|name| is_name(name))?.to_ascii_lowercase();
            rest.0 = rest.0.get(length..)?;
            let value = if rest.has(": ") { Some(rest.text()?) } else { None };
            headers.push((name, value));
        }
        rest.is_at_end().then_some(Self { peer, headers, is_cut })
    }
}

impl fmt::Display for UpgradeFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {}", self.peer)?;
        self.headers.iter().try_for_each(|(name, value)| match value {
            Some(value) => write!(f, ", {}: {}", locality::header_name(name), quoted(value)),
            None => write!(f, ", {}", locality::header_name(name)),
        })?;
        if self.is_cut { write!(f, ", {CUT}") } else { Ok(()) }
    }
}

/// Whether an origin has only a scheme, a host and a port, or is `null`. A user, a path or a query can hold a secret.
pub(crate) fn is_bare_origin(origin: &str) -> bool {
    origin == "null" || Origin::parse_bare(origin).is_some()
}

/// Whether this is the name of an HTTP header, and not a long one.
fn is_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=MAX_VALUE).contains(&name.len()) && name.bytes().all(is_token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[test]
    fn secrets_of_headers_are_hidden() {
        let names =
            ["host", "authorization", "cookie", "x-forwarded-access-token", "tailscale-user-login", "x-real-ip"];
        let headers = names.map(|name| (name.to_owned(), format!("of {name}")));
        let peer = Peer { address: IpAddr::from([192, 0, 2, 7]), headers: headers.to_vec() };
        let line = UpgradeFinding::of(&peer, &GatewayConfig::default()).to_string();
        let expected = "from 192.0.2.7, Host: \"of host\", X-Forwarded-Access-Token, Tailscale-User-Login, X-Real-IP: \"of x-real-ip\"";
        assert_eq!(line, expected);
    }

    #[rstest]
    #[case("https://gateway.example:8443", true)]
    #[case("http://[::1]:18789", true)]
    #[case("chrome-extension://abcdefghijklmnopabcdefghijklmnop", true)]
    #[case("null", true)]
    #[case("http://evil.example/dashboard/token/PATHSECRET99", false)]
    #[case("http://user:secret@evil.example", false)]
    #[case("http://evil.example?token=secret", false)]
    #[case("http://evil.example#token=secret", false)]
    #[case("token=secret", false)]
    fn only_bare_origin_is_shown(#[case] origin: &str, #[case] is_shown: bool) {
        let peer =
            Peer { address: IpAddr::from([192, 0, 2, 7]), headers: vec![("origin".to_owned(), origin.to_owned())] };
        let found = UpgradeFinding::of(&peer, &GatewayConfig::default());
        let shown = is_shown.then(|| origin.to_owned());
        assert_eq!(found.headers, [("origin".to_owned(), shown)]);
    }

    #[test]
    fn many_headers_do_not_omit_the_deciding_ones() {
        let others = (0..22).map(|number| (format!("x-forwarded-{number}"), String::new()));
        let last = [("origin", "http://a.example".to_owned()), ("host", "é".repeat(MAX_VALUE))];
        let last = last.map(|(name, value)| (name.to_owned(), value));
        let peer = Peer { address: IpAddr::from([192, 0, 2, 7]), headers: others.chain(last.clone()).collect() };
        let found = UpgradeFinding::of(&peer, &GatewayConfig::default());
        assert_eq!(found.headers[MAX_HEADERS - 2..], last.map(|(name, value)| (name, Some(value))));
        assert!(found.is_cut && found.to_string().ends_with(", …"));
        assert_eq!(UpgradeFinding::of_sentence(&found.to_string()), Some(found));
    }

    proptest! {
        #[test]
        fn connection_is_read_back(
            address in any::<IpAddr>(),
            headers in proptest::collection::vec(("host|origin|forwarded|x-real-ip|x-forwarded-[a-z-]{0,6}|cookie", ".{0,230}"), 0..25),
        ) {
            let peer = Peer { address, headers };
            let found = UpgradeFinding::of(&peer, &GatewayConfig::default());
            prop_assert_eq!(UpgradeFinding::of_sentence(&found.to_string()), Some(found.clone()));
            for (name, value) in &found.headers {
                let sent = peer.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value);
                prop_assert!(name != "cookie" && value.iter().all(|value| sent.clone().any(|sent| sent == value)));
            }
        }

        #[test]
        fn any_sentence_is_read(sentence in "(from )?.{0,60}") {
            let _ = UpgradeFinding::of_sentence(&sentence);
        }
    }
}
