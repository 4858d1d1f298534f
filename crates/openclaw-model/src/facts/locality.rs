//! What differs among the releases in who counts as local.

/// What makes a connection local in one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalityRules {
    /// `Host` must name this machine (`localhost`, a loopback address, `*.ts.net`), and the client's address as
    /// `trustedProxies` and the forwarding headers give it must be loopback. Otherwise locality is a loopback peer
    /// without any proxy header, whatever `Host` and `trustedProxies` say.
    pub host_and_trusted_proxies_count: bool,
    /// `localhost.` is this machine as `localhost` is.
    pub trailing_dots: bool,
    /// Every proxy header counts in the checks that come after locality; else `X-Forwarded-For` and `X-Real-IP` only.
    pub every_proxy_header_counts: bool,
    /// Every header that begins with `X-Forwarded-` is a proxy header, be it empty.
    pub forwarded_prefix: bool,
    /// `Forwarded` and `X-Real-IP` mark a proxy where they are there at all, be they empty.
    pub empty_headers_count: bool,
    /// Who comes through a proxy must be attributable: the peer is a trusted proxy and names an address that is not loopback.
    /// Else the upgrade is refused.
    pub attribution_required: bool,
    /// The client's address behind a trusted proxy is the last of `X-Forwarded-For` that is no trusted proxy, and
    /// `X-Real-IP` counts where `allowRealIpFallback` is set; every loopback `Host` names this machine. Else it is the
    /// first of `X-Forwarded-For`, or `X-Real-IP`, and only `localhost`, `127.0.0.1` and `::1` do.
    pub addresses_judged: bool,
    /// A loopback address in `X-Forwarded-For` is no client's; else it is taken for one unless it is a trusted proxy.
    pub skips_loopback_hops: bool,
}

impl LocalityRules {
    /// The rules of 2026.2.19, the oldest release of the history.
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
