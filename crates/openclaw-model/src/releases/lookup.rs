//! The facts of a release, and a release from its text. Both need the list of the known releases.

use super::{DEFAULT, FACTS, KNOWN, OLDEST, described};
use crate::facts::Facts;
use crate::release::Release;
use std::str::FromStr;

/// An error: the release is older than the oldest known one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the rules of {0} are not known; the nearest known release is the oldest one, {oldest} (`--release {oldest}`, \
     `--gateway embedded@{oldest}`); `clawcheck releases` lists all known releases",
    oldest = OLDEST
)]
pub struct UnknownRelease(pub Release);

impl Facts {
    /// The facts of a release: those of the newest known release at or before it.
    ///
    /// # Errors
    /// Returns an error for a release before the oldest known one.
    pub fn of(release: Release) -> Result<Self, UnknownRelease> {
        match described(release) {
            Some(_) => Ok(Self::nearest(release)),
            None => Err(UnknownRelease(release)),
        }
    }

    /// As [`Self::of`], and the facts of the oldest known release for every release before it.
    pub fn nearest(release: Release) -> Self {
        match facts_at(release) {
            Some(known) => Self { release, ..known.clone() },
            None => Self::oldest(release),
        }
    }

    /// The newest release at or before this one that is known without a gap: the one that these facts describe.
    pub fn described(&self) -> Release {
        described(self.release).unwrap_or(OLDEST)
    }
}

/// The facts of the newest known release up to this one. `None` before the oldest known release.
fn facts_at(release: Release) -> Option<&'static Facts> {
    FACTS.iter().take_while(|facts| facts.release <= release).last()
}

/// The year of the first versions.
const FIRST_YEAR: u16 = 2026;

/// Whether a text has the form of a version, and its year is before [`FIRST_YEAR`].
fn is_of_earlier_year(text: &str) -> bool {
    let parts = text.split(['.', '-']).map(str::parse::<u16>).collect::<Result<Vec<_>, _>>();
    parts.is_ok_and(|parts| parts.len() >= 3 && parts[0] < FIRST_YEAR)
}

/// A text that is not an OpenClaw version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an OpenClaw version; {expected}", text = self.0, expected = self.expected())]
pub struct ReleaseError(String);

impl ReleaseError {
    /// The known release that was probably meant (`4.2`, `v2026.4.2`), or the form of a version.
    fn expected(&self) -> String {
        let text = self.0.trim_start_matches('v');
        // A version inside of a longer text: `openclaw 2026.4.2`, `2026.4.2-beta.1`.
        let words =
            self.0.split(|letter: char| !letter.is_ascii_digit() && letter != '.').filter(|word| *word != self.0);
        if let Some(inside) = words.filter_map(|word| word.parse::<Release>().ok()).next() {
            return format!("did you mean {inside}?");
        }
        let known = KNOWN.iter().map(|known| known.release.to_string());
        let mut meant = known.filter(|known| known == text || known.ends_with(&format!(".{text}")));
        match (meant.next(), meant.next()) {
            (Some(only), None) => format!("did you mean {only}?"),
            _ if is_of_earlier_year(text) => format!(
                "the first versions are from {FIRST_YEAR}; clawcheck knows the rules of {OLDEST} to {DEFAULT} \
                 (`clawcheck releases` lists these releases)"
            ),
            _ => "expected something like 2026.4.2 or 2026.7.1-2 (`clawcheck releases` lists the known releases)"
                .to_owned(),
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
        if parts.next().is_some() || release.year < FIRST_YEAR || !(1..=12).contains(&release.month) {
            return Err(error());
        }
        Ok(release)
    }
}
