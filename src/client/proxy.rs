//! The headers that a reverse proxy adds to an upgrade request on its way to the gateway.

use super::upgrade::Upgrade;
use std::net::IpAddr;

const FORWARDED_FOR: &str = "X-Forwarded-For";

/// A proxy in front of the gateway, configured as its documentation recommends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Proxy {
    /// nginx with the usual WebSocket location: `proxy_set_header` for `Host $host`, `X-Real-IP $remote_addr`,
    /// `X-Forwarded-For $proxy_add_x_forwarded_for` and `X-Forwarded-Proto $scheme`. It adds none of them by itself.
    Nginx,
    /// Caddy's `reverse_proxy`: forwards `Host`, adds `X-Forwarded-For`, `-Proto` and `-Host`, and replaces these
    /// headers of untrusted clients.
    Caddy,
    /// `tailscale serve`: `X-Forwarded-*` and the tailnet user's identity in `Tailscale-User-*`.
    TailscaleServe,
    /// A Cloudflare tunnel: `Cf-*`, `Cdn-Loop`, `X-Forwarded-For` and `-Proto`.
    Cloudflared,
    /// `ssh -L`: forwards bytes only. It adds no headers, and `Host` is the local end of the tunnel.
    SshTunnel,
}

impl Proxy {
    /// Whether the proxy changes requests. An SSH tunnel does not.
    pub(crate) fn adds_headers(self) -> bool {
        self != Self::SshTunnel
    }

    /// Changes `upgrade` to the request that the gateway receives if `client` asks the proxy for `public_host`.
    /// `Host` and `Origin` stay if `upgrade` sets them.
    pub(crate) fn apply(self, upgrade: &mut Upgrade, client: IpAddr, public_host: &str) {
        if self.adds_headers() {
            upgrade.host.get_or_insert_with(|| public_host.to_owned());
        } else {
            upgrade.host.get_or_insert_with(|| "localhost:18789".to_owned());
        }
        let mut added = self.headers(client, public_host);
        if self.appends() {
            for (_, value) in added.iter_mut().filter(|(name, _)| *name == FORWARDED_FOR) {
                let before = upgrade.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(FORWARDED_FOR));
                *value = before.map_or_else(|| value.clone(), |(_, before)| format!("{before}, {value}"));
            }
        }
        upgrade.headers.retain(|(name, _)| !added.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
        upgrade.headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }

    /// Whether the proxy appends the client's address to the `X-Forwarded-For` of the client (nginx's
    /// `$proxy_add_x_forwarded_for`, Cloudflare). `false`: it replaces the header (Caddy since 2.5, Tailscale).
    fn appends(self) -> bool {
        matches!(self, Self::Nginx | Self::Cloudflared)
    }

    fn headers(self, client: IpAddr, public_host: &str) -> Vec<(&'static str, String)> {
        let client = client.to_string();
        let https = || "https".to_owned();
        match self {
            Self::Nginx => {
                vec![("X-Real-IP", client.clone()), (FORWARDED_FOR, client), ("X-Forwarded-Proto", https())]
            }
            Self::Caddy => vec![
                (FORWARDED_FOR, client),
                ("X-Forwarded-Host", public_host.to_owned()),
                ("X-Forwarded-Proto", https()),
            ],
            Self::TailscaleServe => vec![
                ("Tailscale-Headers-Info", "https://tailscale.com/s/serve-headers".to_owned()),
                ("Tailscale-User-Login", "user@example.com".to_owned()),
                ("Tailscale-User-Name", "Example User".to_owned()),
                (FORWARDED_FOR, client),
                ("X-Forwarded-Host", public_host.to_owned()),
                ("X-Forwarded-Proto", https()),
            ],
            Self::Cloudflared => vec![
                ("Cdn-Loop", "cloudflare; loops=1".to_owned()),
                ("Cf-Connecting-Ip", client.clone()),
                ("Cf-Ipcountry", "XX".to_owned()),
                ("Cf-Ray", "8f0000000000abcd-XXX".to_owned()),
                ("Cf-Visitor", r#"{"scheme":"https"}"#.to_owned()),
                (FORWARDED_FOR, client),
                ("X-Forwarded-Proto", https()),
            ],
            Self::SshTunnel => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_replaces_forged_headers() {
        let mut upgrade = Upgrade {
            headers: vec![("x-forwarded-for".into(), "127.0.0.1".into()), ("X-Other".into(), "kept".into())],
            ..Upgrade::default()
        };
        Proxy::Caddy.apply(&mut upgrade, IpAddr::from([203, 0, 113, 7]), "gate.example");
        let forwarded: Vec<_> =
            upgrade.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-for")).collect();
        assert_eq!(forwarded, [&("X-Forwarded-For".to_owned(), "203.0.113.7".to_owned())]);
        assert!(upgrade.headers.contains(&("X-Other".into(), "kept".into())));
        assert_eq!(upgrade.host.as_deref(), Some("gate.example"));
    }

    #[test]
    fn nginx_appends_forwarded_for() {
        let headers = vec![("x-forwarded-for".into(), "127.0.0.1".into())];
        let mut upgrade = Upgrade { headers, ..Upgrade::default() };
        Proxy::Nginx.apply(&mut upgrade, IpAddr::from([203, 0, 113, 7]), "gate.example");
        assert!(upgrade.headers.contains(&("X-Forwarded-For".into(), "127.0.0.1, 203.0.113.7".into())));
    }
}
