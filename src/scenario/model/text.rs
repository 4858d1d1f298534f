//! Short texts with a syntax of their own: durations, patterns and ranges of releases.

use openclaw_model::Release;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt;

/// A duration: a whole number and `ms`, `s`, `m`, `h` or `d`. It is never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct TimeSpan {
    /// The duration in milliseconds.
    pub milliseconds: u64,
}

/// An offset in time: a [`TimeSpan`] after `+` or `-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Offset {
    /// The offset in milliseconds. A negative offset is earlier.
    pub milliseconds: i64,
}

/// Maximum duration in a scenario: one hundred years.
const MAX_MS: u64 = 100 * 365 * 24 * 3600 * 1000;

fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 3600 * 1000,
        "d" => 24 * 3600 * 1000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor).filter(|&length| length <= MAX_MS)
}

impl TryFrom<String> for TimeSpan {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        milliseconds(&text)
            .map(|milliseconds| Self { milliseconds })
            .ok_or_else(|| format!("`{text}` is not a duration; expected for example 250ms, 15s, 6m, 2h or 3d"))
    }
}

impl TryFrom<String> for Offset {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let error = || format!("`{text}` is not a time offset; expected for example -121s or +10m");
        let length = milliseconds(text.get(1..).unwrap_or_default()).and_then(|length| i64::try_from(length).ok());
        match (text.as_bytes().first(), length) {
            (Some(b'-'), Some(length)) => Ok(Self { milliseconds: -length }),
            (Some(b'+'), Some(length)) => Ok(Self { milliseconds: length }),
            _ => Err(error()),
        }
    }
}

/// A text that must match exactly. `*` matches any characters or none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Pattern(pub String);

impl Pattern {
    /// Whether the pattern matches the whole text.
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
        let mut parts: Vec<_> = parts.collect();
        let Some(last) = parts.pop() else { return rest.is_empty() };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }

    /// Whether the pattern matches every text.
    pub(crate) fn is_any(&self) -> bool {
        !self.0.is_empty() && self.0.chars().all(|c| c == '*')
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A version of OpenClaw, such as `2026.3.31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Version(pub Release);

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: openclaw_model::releases::ReleaseError| error.to_string())
    }
}

/// Releases: comparisons joined with `,` (all must hold) and alternatives joined with `||`, such as `>=2026.3.31,
/// <2026.4.2`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Releases {
    text: String,
    alternatives: Vec<Vec<(Comparison, Release)>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

impl Releases {
    /// Whether a release meets the comparisons.
    pub fn contains(&self, release: Release) -> bool {
        self.alternatives.iter().any(|all| {
            all.iter().all(|&(comparison, bound)| match comparison {
                Comparison::Less => release < bound,
                Comparison::LessOrEqual => release <= bound,
                Comparison::Equal => release == bound,
                Comparison::GreaterOrEqual => release >= bound,
                Comparison::Greater => release > bound,
            })
        })
    }
}

impl TryFrom<String> for Releases {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let comparison = |part: &str| {
            let part = part.trim();
            let operators = [
                (">=", Comparison::GreaterOrEqual),
                ("<=", Comparison::LessOrEqual),
                (">", Comparison::Greater),
                ("<", Comparison::Less),
                ("=", Comparison::Equal),
            ];
            let (comparison, version) = operators
                .iter()
                .find_map(|(sign, comparison)| Some((*comparison, part.strip_prefix(sign)?)))
                .ok_or_else(|| format!("`{part}` is not a comparison; expected for example >=2026.3.31, <2026.4.2"))?;
            let version = version.trim();
            if let Some((first, second)) = version.split_once(char::is_whitespace) {
                let sign = &part[..part.len() - version.len()];
                return Err(format!(
                    "a comma is missing between two comparisons; expected {}{first}, {}",
                    sign.trim(),
                    second.trim()
                ));
            }
            let release = version.parse::<Release>().map_err(|error| error.to_string())?;
            Ok::<_, String>((comparison, release))
        };
        let alternatives = text
            .split("||")
            .map(|all| all.split(',').map(comparison).collect())
            .collect::<Result<Vec<Vec<_>>, String>>()?;
        let empty = text.split("||").zip(&alternatives).find(|(_, all)| is_empty(all));
        if let Some((range, _)) = empty {
            return Err(format!(
                "no release can be in the range `{}`; expected a lower bound before the upper one",
                range.trim()
            ));
        }
        Ok(Self { text, alternatives })
    }
}

/// Whether the comparisons contradict each other.
fn is_empty(all: &[(Comparison, Release)]) -> bool {
    let bounds = |strict, or_equal| {
        all.iter().filter(move |(comparison, _)| [strict, or_equal, Comparison::Equal].contains(comparison))
    };
    let lower = bounds(Comparison::Greater, Comparison::GreaterOrEqual).max_by_key(|(_, at)| *at);
    let upper = bounds(Comparison::Less, Comparison::LessOrEqual).min_by_key(|(_, at)| *at);
    let (Some((from, lower)), Some((to, upper))) = (lower, upper) else { return false };
    let is_strict = *from == Comparison::Greater || *to == Comparison::Less;
    lower > upper || (lower == upper && is_strict)
}

impl fmt::Display for Releases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Gives a text type an inline JSON Schema.
macro_rules! text_schema {
    ($($type:ty, $pattern:literal;)*) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    )*};
}

text_schema! {
    TimeSpan, "^[0-9]+(ms|s|m|h|d)$";
    Offset, "^[+-][0-9]+(ms|s|m|h|d)$";
    Version, r"^20\d\d\.\d+\.\d+(-\d+)?$";
    Releases, r"^\s*(>=|<=|>|<|=)\s*20\d\d\.";
    Pattern, "";
}

#[cfg(test)]
mod tests {
    use super::{Offset, Pattern, Releases, TimeSpan};
    use rstest::rstest;

    #[rstest]
    #[case("250ms", Some(250))]
    #[case("15s", Some(15_000))]
    #[case("10m", Some(600_000))]
    #[case("2h", Some(7_200_000))]
    #[case("1d", Some(86_400_000))]
    #[case("-1s", None)]
    #[case("s", None)]
    #[case("5", None)]
    #[case("5 s", None)]
    #[case("1.5s", None)]
    #[case("99999999999999999999d", None)]
    #[case("400000000d", None)]
    fn lengths(#[case] text: &str, #[case] milliseconds: Option<u64>) {
        assert_eq!(TimeSpan::try_from(text.to_owned()).ok().map(|length| length.milliseconds), milliseconds);
    }

    #[rstest]
    #[case("-121s", Some(-121_000))]
    #[case("+10m", Some(600_000))]
    #[case("10m", None)]
    #[case("--1s", None)]
    #[case("ä1s", None)]
    #[case("", None)]
    fn offsets(#[case] text: &str, #[case] milliseconds: Option<i64>) {
        assert_eq!(Offset::try_from(text.to_owned()).ok().map(|offset| offset.milliseconds), milliseconds);
    }

    #[rstest]
    #[case("pairing required", "pairing required", true)]
    #[case("pairing required", "pairing required!", false)]
    #[case("pairing*", "pairing required", true)]
    #[case("*required", "pairing required", true)]
    #[case("*ing*qui*", "pairing required", true)]
    #[case("*quired*ing*", "pairing required", false)]
    #[case("a*a", "a", false)]
    #[case("*", "", true)]
    #[case("", "x", false)]
    fn patterns(#[case] pattern: &str, #[case] text: &str, #[case] matches: bool) {
        assert_eq!(Pattern(pattern.to_owned()).matches(text), matches);
    }

    #[rstest]
    #[case(">=2026.3.31", "2026.3.31", true)]
    #[case(">2026.3.31", "2026.3.31", false)]
    #[case(">=2026.3.31, <2026.4.2", "2026.4.1", true)]
    #[case(">=2026.3.31, <2026.4.2", "2026.4.2", false)]
    #[case("<2026.3.31 || =2026.4.2", "2026.4.2", true)]
    #[case("<2026.3.31 || =2026.4.2", "2026.4.1", false)]
    fn releases(#[case] range: &str, #[case] release: &str, #[case] contains: bool) {
        assert_eq!(Releases::try_from(range.to_owned()).unwrap().contains(release.parse().unwrap()), contains);
    }
}
