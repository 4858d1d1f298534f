//! The transport of a connection: a TCP address, or a pipe to the embedded gateway.

use std::fmt;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite};

/// A two-way byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A way to reach a gateway. Each connection needs a new one.
pub enum Link {
    /// A TCP address.
    Tcp {
        /// A host name or an address, without brackets.
        host: String,
        /// The TCP port.
        port: u16,
    },
    /// A pipe whose other end the gateway already holds.
    Pipe {
        /// The client's end.
        stream: Box<dyn Stream>,
        /// The `Host` header, unless the upgrade request sets another.
        authority: String,
    },
}

/// A text that is not the URL of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// `wss:` needs TLS, which clawcheck does not support.
    #[error(
        "`{0}`: wss:// is not supported; terminate TLS in front of clawcheck (socat TCP-LISTEN:18790,bind=127.0.0.1,fork OPENSSL:HOST:PORT) and use ws://127.0.0.1:18790"
    )]
    Tls(String),
    /// The scheme is not `ws:`.
    #[error("`{0}` is not a gateway URL; expected ws://HOST:PORT[/PATH]")]
    Scheme(String),
    /// The host is missing.
    #[error("`{0}` has no host; expected ws://HOST:PORT[/PATH]")]
    Host(String),
    /// The port is not a number below 65536.
    #[error("`{0}`: the port must be a number from 1 to 65535")]
    Port(String),
    /// `ws://user:password@host`.
    #[error("a gateway URL must not contain a user name or a password")]
    Credentials,
}

impl Link {
    /// A loopback or remote socket address.
    pub fn tcp(address: SocketAddr) -> Self {
        Self::Tcp { host: address.ip().to_string(), port: address.port() }
    }

    /// Splits `ws://HOST[:PORT][/PATH]` into the link and the path (default `/`). The default port is 80, as in every
    /// `ws:` URL.
    ///
    /// # Errors
    /// Returns what is wrong with the text.
    pub fn from_url(url: &str) -> Result<(Self, String), UrlError> {
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ws") => rest,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("wss") => return Err(UrlError::Tls(url.to_owned())),
            _ => return Err(UrlError::Scheme(url.to_owned())),
        };
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let cut = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(cut);
        if authority.contains('@') {
            return Err(UrlError::Credentials);
        }
        let (host, port) = split_authority(authority).ok_or_else(|| UrlError::Port(url.to_owned()))?;
        if host.is_empty() {
            return Err(UrlError::Host(url.to_owned()));
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok((Self::Tcp { host: host.to_owned(), port }, path))
    }

    /// The `Host` header, unless the upgrade request sets another.
    pub(crate) fn authority(&self) -> String {
        match self {
            Self::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port } => format!("{host}:{port}"),
            Self::Pipe { authority, .. } => authority.clone(),
        }
    }
}

/// Host (without brackets) and port. `None` if the port is invalid.
fn split_authority(authority: &str) -> Option<(&str, u16)> {
    let (host, port) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':')?)),
        None => match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = port.map_or(Some(80), |text| text.parse().ok().filter(|port| *port != 0))?;
    Some((host, port))
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { .. } => write!(f, "tcp {}", self.authority()),
            Self::Pipe { .. } => write!(f, "pipe {}", self.authority()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("ws://127.0.0.1:18789", "127.0.0.1:18789", "/")]
    #[case("WS://gate.example/ws?x=1#frag", "gate.example:80", "/ws?x=1")]
    #[case("ws://[::1]:9/", "[::1]:9", "/")]
    #[case("ws://host?x", "host:80", "/?x")]
    fn reads_urls(#[case] url: &str, #[case] authority: &str, #[case] path: &str) {
        let (link, found) = Link::from_url(url).unwrap();
        assert_eq!((link.authority().as_str(), found.as_str()), (authority, path));
    }

    #[rstest]
    #[case("wss://host", UrlError::Tls("wss://host".into()))]
    #[case("http://host", UrlError::Scheme("http://host".into()))]
    #[case("host:80", UrlError::Scheme("host:80".into()))]
    #[case("ws://:80/", UrlError::Host("ws://:80/".into()))]
    #[case("ws://h:0/", UrlError::Port("ws://h:0/".into()))]
    #[case("ws://h:99999", UrlError::Port("ws://h:99999".into()))]
    #[case("ws://me:secret@h", UrlError::Credentials)]
    fn rejects_invalid_urls(#[case] url: &str, #[case] error: UrlError) {
        assert_eq!(Link::from_url(url).unwrap_err(), error);
    }
}
