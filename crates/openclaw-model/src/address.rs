//! IP addresses as the releases read and compare them (`src/shared/net/ip.ts` and `src/gateway/net.ts`): trimmed,
//! without brackets, IPv4 only in canonical form, and IPv4-mapped IPv6 as IPv4.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Parses an address in canonical form. IPv4-mapped addresses become IPv4.
pub(crate) fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    // A zone is part of the text but not of the comparisons here.
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    Some(address.parse::<IpAddr>().ok()?.to_canonical())
}

/// Parses an address that can have a port, as in `X-Forwarded-For`.
pub(crate) fn parse_with_port(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return parse(inner.0);
    }
    match text.rsplit_once(':') {
        Some((address, _)) if address.contains('.') && !address.contains(':') => parse(address).or_else(|| parse(text)),
        _ => parse(text),
    }
}

/// An entry of `X-Forwarded-For` as releases that accept any text read it: without brackets and port, in lower case.
pub(crate) fn without_port(text: &str) -> String {
    let text = text.trim();
    let bare = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, _)) => inner,
        None => match text.rsplit_once(':') {
            Some((address, _)) if address.parse::<Ipv4Addr>().is_ok() => address,
            _ => text,
        },
    };
    let bare = bare.trim().to_lowercase();
    bare.strip_prefix("::ffff:").map_or(bare.clone(), str::to_owned)
}

/// Whether the address is loopback.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether the address is private, link-local, carrier-grade NAT or loopback, or an IPv6 address of special use.
pub(crate) fn is_private_or_loopback(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => is_special_use(v6),
    }
}

fn is_special_use(address: Ipv6Addr) -> bool {
    let [a, b, c, d, ..] = address.segments();
    let documentation = a == 0x2001 && b == 0xdb8;
    let benchmarking = a == 0x2001 && b == 2 && c == 0;
    let orchid2 = a == 0x2001 && (b & 0xfff0) == 0x20;
    let discard = a == 0x100 && b == 0 && c == 0 && d == 0;
    let site_local = (a & 0xffc0) == 0xfec0;
    address.is_unspecified()
        || address.is_loopback()
        || address.is_unicast_link_local()
        || address.is_unique_local()
        || address.is_multicast()
        || documentation
        || benchmarking
        || orchid2
        || discard
        || site_local
}

/// Whether an address is in a list of addresses and CIDR ranges. Invalid entries match nothing.
pub(crate) fn is_listed(address: IpAddr, list: &[String]) -> bool {
    let address = address.to_canonical();
    list.iter().any(|entry| match entry.trim().split_once('/') {
        None => parse(entry) == Some(address),
        Some((base, prefix)) => {
            let base = base.parse::<IpAddr>().ok().map(|base| base.to_canonical());
            base.zip(prefix.parse().ok()).is_some_and(|(base, prefix)| is_within(address, base, prefix))
        }
    })
}

fn is_within(address: IpAddr, base: IpAddr, prefix: u32) -> bool {
    match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) if prefix <= 32 => {
            u32::MAX.checked_shl(32 - prefix).unwrap_or(0) & (u32::from(address) ^ u32::from(base)) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(base)) if prefix <= 128 => {
            u128::MAX.checked_shl(128 - prefix).unwrap_or(0) & (u128::from(address) ^ u128::from(base)) == 0
        }
        _ => false,
    }
}

/// The host name in a `Host` header, in lower case, without brackets and port.
pub(crate) fn host_name(header: &str) -> String {
    let host = header.trim().to_lowercase();
    if let Some((inner, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return inner.to_owned();
    }
    if host.parse::<Ipv6Addr>().is_ok() {
        return host;
    }
    host.split(':').next().unwrap_or_default().to_owned()
}

/// Whether a host name or address names this host. With `trailing_dots`, `localhost.` counts too.
pub(crate) fn is_loopback_host(host: &str, trailing_dots: bool) -> bool {
    is_localhost(host, trailing_dots) || host_address(host).is_some_and(is_loopback)
}

/// Whether a host name or address names this host or a private network.
pub(crate) fn is_private_or_loopback_host(host: &str, trailing_dots: bool) -> bool {
    is_localhost(host, trailing_dots)
        || host_address(host).is_some_and(|address| {
            let excluded = matches!(address, IpAddr::V6(v6) if v6.is_multicast() || v6.is_unspecified());
            !excluded && is_private_or_loopback(address)
        })
}

fn is_localhost(host: &str, trailing_dots: bool) -> bool {
    let host = host.trim().to_lowercase();
    host == "localhost" || (trailing_dots && host.trim_end_matches('.') == "localhost")
}

fn host_address(host: &str) -> Option<IpAddr> {
    (!host.is_empty()).then(|| parse(host)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("unknown", "unknown")]
    #[case("203.0.113.7:4711", "203.0.113.7")]
    #[case("[2001:DB8::7]:4711", "2001:db8::7")]
    #[case("::ffff:10.0.0.1", "10.0.0.1")]
    #[case("host:1", "host:1")]
    fn first_hop_in_2026_2_19_is_not_validated(#[case] written: &str, #[case] taken: &str) {
        assert_eq!(without_port(written), taken);
    }

    #[rstest]
    #[case("127.0.0.1", Some("127.0.0.1"))]
    #[case(" [::1] ", Some("::1"))]
    #[case("::ffff:10.0.0.1", Some("10.0.0.1"))]
    #[case("127.1", None)]
    #[case("010.0.0.1", None)]
    #[case("example.com", None)]
    #[case("", None)]
    fn canonical_addresses(#[case] text: &str, #[case] address: Option<&str>) {
        assert_eq!(parse(text).map(|address| address.to_string()).as_deref(), address);
    }

    #[rstest]
    #[case("203.0.113.7:4711", Some("203.0.113.7"))]
    #[case("[2001:db8::1]:80", Some("2001:db8::1"))]
    #[case("2001:db8::1", Some("2001:db8::1"))]
    #[case("unknown", None)]
    fn strips_port(#[case] text: &str, #[case] address: Option<&str>) {
        assert_eq!(parse_with_port(text).map(|address| address.to_string()).as_deref(), address);
    }

    #[rstest]
    #[case("10.1.2.3", "10.0.0.0/8", true)]
    #[case("11.1.2.3", "10.0.0.0/8", false)]
    #[case("11.1.2.3", "0.0.0.0/0", true)]
    #[case("127.0.0.1", " 127.0.0.1 ", true)]
    #[case("127.0.0.1", "::1", false)]
    #[case("2001:db8::5", "2001:db8::/32", true)]
    #[case("10.1.2.3", "10.0.0.0/33", false)]
    #[case("10.1.2.3", "", false)]
    #[case("::ffff:10.1.2.3", "10.1.2.3", true)]
    fn matches_proxy_by_address_or_range(#[case] address: IpAddr, #[case] entry: &str, #[case] listed: bool) {
        assert_eq!(is_listed(address, &[entry.to_owned()]), listed);
    }

    #[rstest]
    #[case("192.168.1.1", true)]
    #[case("100.64.0.1", true)]
    #[case("169.254.0.1", true)]
    #[case("8.8.8.8", false)]
    #[case("fd00::1", true)]
    #[case("fec0::1", true)]
    #[case("2606:4700::1", false)]
    fn recognizes_private_addresses(#[case] address: IpAddr, #[case] private: bool) {
        assert_eq!(is_private_or_loopback(address), private);
    }

    #[rstest]
    #[case("localhost:18789", "localhost")]
    #[case("[::1]:18789", "::1")]
    #[case("::1", "::1")]
    #[case("Example.com", "example.com")]
    fn host_header_to_name(#[case] header: &str, #[case] name: &str) {
        assert_eq!(host_name(header), name);
    }

    #[rstest]
    #[case("localhost", true, true)]
    #[case("localhost.", false, true)]
    #[case("127.5.5.5", true, true)]
    #[case("[::1]", true, true)]
    #[case("10.0.0.1", false, false)]
    fn loopback_hosts_are_known(#[case] host: &str, #[case] before: bool, #[case] since: bool) {
        assert_eq!((is_loopback_host(host, false), is_loopback_host(host, true)), (before, since));
    }
}
