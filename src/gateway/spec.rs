//! The gateway argument of the command line.

use crate::client::{Link, UrlError};
use openclaw_model::releases::ReleaseError;
use openclaw_model::{Release, releases};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A gateway as named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewaySpec {
    /// `embedded`, `embedded@2026.3.31`: the gateway in this process. Without a release: the default release.
    Embedded(Option<Release>),
    /// `openclaw@2026.4.2`: a release from npm.
    OpenClaw(Release),
    /// `ws://HOST:PORT[/PATH]`: a gateway that is already running.
    Attached(String),
    /// The path of a description, or the name of one that is built in (`clawdbot` for `gateways/clawdbot.yaml`).
    Described(PathBuf),
}

/// Why an argument is not a gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// `openclaw` without a release.
    #[error("`openclaw` needs a release, for example openclaw@2026.4.2")]
    NoRelease,
    /// The text after the `@` is not a release.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The URL is not valid.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The argument is empty.
    #[error(
        "no gateway is named; expected embedded, embedded@RELEASE, openclaw@RELEASE, ws://HOST:PORT or a description file"
    )]
    Empty,
}

impl GatewaySpec {
    /// The argument with the default release added: `embedded@2026.9.6` for `embedded`.
    #[must_use]
    pub fn with_release(self) -> Self {
        match self {
            Self::Embedded(None) => Self::Embedded(Some(releases::DEFAULT)),
            named => named,
        }
    }
}

impl FromStr for GatewaySpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.contains("://") {
            return Link::from_url(text).map(|_| Self::Attached(text.to_owned())).map_err(SpecError::from);
        }
        match text.split_once('@').map_or((text, None), |(name, release)| (name, Some(release))) {
            ("", _) => Err(SpecError::Empty),
            ("embedded", release) => Ok(Self::Embedded(release.map(str::parse).transpose()?)),
            ("openclaw", Some(release)) => Ok(Self::OpenClaw(release.parse()?)),
            ("openclaw", None) => Err(SpecError::NoRelease),
            _ => Ok(Self::Described(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for GatewaySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(None) => f.write_str("embedded"),
            Self::Embedded(Some(release)) => write!(f, "embedded@{release}"),
            Self::OpenClaw(release) => write!(f, "openclaw@{release}"),
            Self::Attached(url) => f.write_str(url),
            Self::Described(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("embedded")]
    #[case("embedded@2026.3.31")]
    #[case("openclaw@2026.7.1-2")]
    #[case("ws://127.0.0.1:18789/ws")]
    #[case("gateways/pyclaw.yaml")]
    #[case("clawdbot")]
    fn reads_what_it_shows(#[case] text: &str) {
        assert_eq!(text.parse::<GatewaySpec>().unwrap().to_string(), text);
    }

    #[rstest]
    #[case("openclaw")]
    #[case("openclaw@latest")]
    #[case("embedded@")]
    #[case("wss://example")]
    #[case("")]
    fn rejects_other_names(#[case] text: &str) {
        text.parse::<GatewaySpec>().unwrap_err();
    }
}
