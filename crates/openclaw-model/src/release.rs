//! OpenClaw versions and their order.

use super::releases::KNOWN;
use std::fmt;
use std::str::FromStr;

/// An OpenClaw version. The order is that of the npm releases, and a suffix counts as a later build: 2026.7.1 <
/// 2026.7.1-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    year: u16,
    month: u16,
    patch: u16,
    build: u16,
}

impl Release {
    /// A release from its parts.
    pub const fn new(year: u16, month: u16, patch: u16) -> Self {
        Self { year, month, patch, build: 0 }
    }
}

/// A text that is not an OpenClaw version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an OpenClaw version; {expected}", text = self.0, expected = self.expected())]
pub struct ReleaseError(String);

impl ReleaseError {
    /// The known release that was probably meant (`4.2`, `v2026.4.2`), or the form of a version.
    fn expected(&self) -> String {
        let text = self.0.trim_start_matches('v');
        let known = KNOWN.iter().map(|known| known.release.to_string());
        let mut meant = known.filter(|known| known == text || known.ends_with(&format!(".{text}")));
        match (meant.next(), meant.next()) {
            (Some(only), None) => format!("did you mean {only}?"),
            _ => "expected something like 2026.4.2 or 2026.7.1-2".to_owned(),
        }
    }
}

impl FromStr for Release {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ReleaseError(text.to_owned());
        let (version, build) = text.split_once('-').unwrap_or((text, "0"));
        let mut parts = version.split('.').map(|part| part.parse::<u16>().map_err(|_| error()));
        let mut next = || parts.next().unwrap_or_else(|| Err(error()));
        let release =
            Self { year: next()?, month: next()?, patch: next()?, build: build.parse().map_err(|_| error())? };
        // The third number counts the releases of a month. It is not a day: there is a 2026.7.35.
        if parts.next().is_some() || release.year < 2026 || !(1..=12).contains(&release.month) {
            return Err(error());
        }
        Ok(release)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.year, self.month, self.patch)?;
        if self.build > 0 {
            write!(f, "-{}", self.build)?;
        }
        Ok(())
    }
}
