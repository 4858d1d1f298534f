//! Differences between the releases in which connections count as local.

/// The conditions for a local connection in one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalityRules {
    /// `Host` must name this host (`localhost`, a loopback address or `*.ts.net`), and the client address from
    /// `trustedProxies` and the forwarding headers must be loopback. Otherwise, a connection is local if the peer is
    /// loopback and no proxy header is present, whatever `Host` and `trustedProxies` contain.
    pub host_and_trusted_proxies_count: bool,
    /// `localhost.` is a loopback host like `localhost`.
    pub trailing_dots: bool,
    /// Every proxy header counts in the checks after locality. Otherwise, only `X-Forwarded-For` and `X-Real-IP` do.
    pub every_proxy_header_counts: bool,
    /// Every header that begins with `X-Forwarded-` is a proxy header, even if it is empty.
    pub forwarded_prefix: bool,
    /// `Forwarded` and `X-Real-IP` mark a proxy even if they are empty.
    pub empty_headers_count: bool,
    /// A connection through a proxy must be attributable: the peer is a trusted proxy and provides an address that is
    /// not loopback. Otherwise, the upgrade is refused.
    pub attribution_required: bool,
    /// Behind a trusted proxy, the client address is the last address in `X-Forwarded-For` that is not a trusted proxy,
    /// and `X-Real-IP` counts with `allowRealIpFallback`. Every loopback `Host` names this host. Otherwise, the client
    /// address is the first entry of `X-Forwarded-For` or `X-Real-IP`, and only `localhost`, `127.0.0.1` and `::1` name
    /// this host.
    pub addresses_judged: bool,
    /// A loopback address in `X-Forwarded-For` is never the client address. Otherwise, it can be, unless it is a
    /// trusted proxy.
    pub skips_loopback_hops: bool,
}

impl LocalityRules {
    /// The rules of 2026.2.19, the oldest known release.
    pub fn oldest() -> Self {
        Self {
            host_and_trusted_proxies_count: true,
            trailing_dots: false,
            every_proxy_header_counts: false,
            forwarded_prefix: false,
            empty_headers_count: false,
            attribution_required: false,
            addresses_judged: false,
            skips_loopback_hops: false,
        }
    }
}
