//! The parts of a URL that origin checks use. The parser follows the WHATWG URL parser for what browsers send in
//! `Origin` and `Host`. International names and percent-encoding stay unchanged, because no browser sends either.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The origin of a URL, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// `https://example.com`, or `null` for schemes without an origin, such as that of a browser extension.
    pub origin: String,
    /// Host name and port, without the scheme's default port.
    pub host: String,
    /// The host name. An IPv6 address is in brackets.
    pub hostname: String,
    /// The port, if it is not the scheme's default.
    pub port: Option<u16>,
}

impl Origin {
    /// The origin of a URL. `None` if the text is not a URL.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let url = url.trim();
        let (scheme, rest) = url.split_once(':')?;
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        match default_port(&scheme) {
            Some(default) => Self::special(&scheme, default, rest),
            None => Self::opaque(rest),
        }
    }

    /// The origin of a text that is only a scheme, a host and at most a slash. Schemes without an origin have one in
    /// this form as well.
    pub(crate) fn parse_bare(url: &str) -> Option<Self> {
        let url = url.trim();
        let (scheme, rest) = url.split_once("://")?;
        let host = rest.strip_suffix('/').unwrap_or(rest);
        if host.is_empty() || host.contains(['/', '?', '#', '\\']) || names_a_user(host) {
            return None;
        }
        let parsed = Self::parse(url).filter(|parsed| !parsed.host.is_empty())?;
        let origin = match parsed.origin.as_str() {
            "null" => format!("{}://{}", scheme.to_ascii_lowercase(), parsed.host),
            _ => parsed.origin,
        };
        Some(Self { origin, ..parsed })
    }

    /// A URL with a scheme that has an origin: any number of slashes, a host and an optional port.
    fn special(scheme: &str, default: Option<u16>, rest: &str) -> Option<Self> {
        let rest = rest.trim_start_matches(['/', '\\']);
        let (host, port) = authority(rest, &['/', '\\', '?', '#'])?;
        let hostname = special_host(&host.to_ascii_lowercase())?;
        let port = port.filter(|port| Some(*port) != default);
        let host = with_port(&hostname, port);
        Some(Self { origin: format!("{scheme}://{host}"), host, hostname, port })
    }

    /// A URL with any other scheme. Its origin is `null`, but it can have a host.
    fn opaque(rest: &str) -> Option<Self> {
        let (hostname, port) = match rest.strip_prefix("//") {
            Some(rest) => authority(rest, &['/', '?', '#'])?,
            None => (String::new(), None),
        };
        let hostname = hostname.to_lowercase();
        Some(Self { origin: "null".to_owned(), host: with_port(&hostname, port), hostname, port })
    }
}

/// The default port of a scheme that has an origin. `file` has neither and counts among the other schemes here.
fn default_port(scheme: &str) -> Option<Option<u16>> {
    match scheme {
        "http" | "ws" => Some(Some(80)),
        "https" | "wss" => Some(Some(443)),
        "ftp" => Some(Some(21)),
        _ => None,
    }
}

fn with_port(hostname: &str, port: Option<u16>) -> String {
    port.map_or_else(|| hostname.to_owned(), |port| format!("{hostname}:{port}"))
}

/// Host and port at the start of the text after the scheme. User name and password are skipped.
fn authority(rest: &str, ends: &[char]) -> Option<(String, Option<u16>)> {
    let authority = rest.split(ends).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let colon = authority.rfind(':').filter(|colon| !authority[*colon..].contains(']'));
    let (host, port) = match colon {
        Some(colon) => (&authority[..colon], &authority[colon + 1..]),
        None => (authority, ""),
    };
    let port = if port.is_empty() { None } else { Some(port.parse().ok()?) };
    Some((host.to_owned(), port))
}

/// Whether there is a user name or a password before the host.
fn names_a_user(authority: &str) -> bool {
    authority.rsplit_once('@').is_some_and(|(user, _)| !user.is_empty() && user != ":")
}

fn special_host(host: &str) -> Option<String> {
    if let Some(inner) = host.strip_prefix('[') {
        let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || "<>[]^|%:\\".contains(c)) {
        return None;
    }
    let labels: Vec<&str> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
    match labels.last() {
        Some(last) if number(last).is_some() || last.bytes().all(|b| b.is_ascii_digit()) && !last.is_empty() => {
            ipv4(&labels).map(|address| address.to_string())
        }
        _ => Some(host.to_owned()),
    }
}

/// An IPv4 address of one to four numbers. The last number fills the remaining bytes.
fn ipv4(labels: &[&str]) -> Option<Ipv4Addr> {
    let numbers: Vec<u64> = labels.iter().map(|label| number(label)).collect::<Option<_>>()?;
    let (last, first) = numbers.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) || *last >= 256_u64.pow(4 - first.len() as u32) {
        return None;
    }
    let value = first.iter().enumerate().fold(*last, |value, (at, part)| value + (part << (8 * (3 - at))));
    u32::try_from(value).ok().map(Ipv4Addr::from)
}

/// A decimal, octal or hexadecimal number in an IPv4 address.
fn number(label: &str) -> Option<u64> {
    if let Some(hex) = label.strip_prefix("0x") {
        return if hex.is_empty() { Some(0) } else { u64::from_str_radix(hex, 16).ok() };
    }
    let digits = label.strip_prefix('0').filter(|octal| !octal.is_empty());
    digits.map_or_else(|| label.parse().ok(), |octal| u64::from_str_radix(octal, 8).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// The results of Node.js 22's `URL`: origin, host, hostname.
    #[rstest]
    #[case("http://127.1", "http://127.0.0.1", "127.0.0.1", "127.0.0.1")]
    #[case("HTTP://LocalHost:80", "http://localhost", "localhost", "localhost")]
    #[case("chrome-extension://abc", "null", "abc", "abc")]
    #[case("file:///x", "null", "", "")]
    #[case("http://[::1]:3000", "http://[::1]:3000", "[::1]:3000", "[::1]")]
    #[case("https://a.b:443/x", "https://a.b", "a.b", "a.b")]
    #[case("localhost:3000", "null", "", "")]
    #[case("http://a@b:1", "http://b:1", "b:1", "b")]
    #[case("http://0x7f.1", "http://127.0.0.1", "127.0.0.1", "127.0.0.1")]
    #[case("http://1.2.3.4.", "http://1.2.3.4", "1.2.3.4", "1.2.3.4")]
    #[case("http://localhost.", "http://localhost.", "localhost.", "localhost.")]
    #[case("http:///x", "http://x", "x", "x")]
    #[case("http:/x.y", "http://x.y", "x.y", "x.y")]
    #[case("ws://a:80", "ws://a", "a", "a")]
    #[case("http://a:", "http://a", "a", "a")]
    #[case("moz-extension://x:80", "null", "x:80", "x")]
    #[case("http://a_b", "http://a_b", "a_b", "a_b")]
    fn parses_origin_like_browser(#[case] url: &str, #[case] origin: &str, #[case] host: &str, #[case] hostname: &str) {
        let read = Origin::parse(url).unwrap();
        assert_eq!((read.origin.as_str(), read.host.as_str(), read.hostname.as_str()), (origin, host, hostname));
    }

    #[rstest]
    #[case("https://A.b:443/", Some("https://a.b"))]
    #[case("chrome-extension://Abc", Some("chrome-extension://abc"))]
    #[case("https://a.b/x", None)]
    #[case("https://u@a.b", None)]
    #[case("file://", None)]
    #[case("http:/x.y", None)]
    fn bare_origin_is_scheme_and_host(#[case] url: &str, #[case] origin: Option<&str>) {
        assert_eq!(Origin::parse_bare(url).map(|read| read.origin).as_deref(), origin);
    }

    #[rstest]
    #[case("")]
    #[case("localhost")]
    #[case("http://a b")]
    #[case("http://")]
    #[case("http://a:99999")]
    #[case("http://256.1.1.1")]
    #[case("http://[::1")]
    fn invalid_url_has_no_origin(#[case] url: &str) {
        assert_eq!(Origin::parse(url), None);
    }
}
