//! A set of releases as text.

use openclaw_model::{Release, releases};

/// Alternatives as text. Consecutive ones are a range: `2026.3.28 to 2026.4.1 or 2026.9.6`.
pub(crate) fn text(releases: &[Release]) -> String {
    ranges(releases).join(" or ")
}

/// A list as text. Consecutive releases are a range: `2026.3.28 to 2026.4.1, 2026.9.6`.
pub(crate) fn list(releases: &[Release]) -> String {
    ranges(releases).join(", ")
}

fn ranges(releases: &[Release]) -> Vec<String> {
    let known = releases::known_releases().collect::<Vec<_>>();
    let place = |release: Release| known.iter().position(|known| *known == release);
    let mut runs: Vec<(Release, Release)> = Vec::new();
    for release in releases {
        match runs.last_mut() {
            Some((_, last)) if place(*last).map(|at| at + 1) == place(*release) => *last = *release,
            _ => runs.push((*release, *release)),
        }
    }
    let named = runs.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&["2026.4.2"], "2026.4.2")]
    #[case(&["2026.3.28", "2026.3.31", "2026.4.1"], "2026.3.28 to 2026.4.1")]
    #[case(&["2026.3.28", "2026.4.1", "2026.9.6"], "2026.3.28 or 2026.4.1 or 2026.9.6")]
    #[case(&["2026.2.19", "2026.4.1", "2026.4.2", "2026.9.6"], "2026.2.19 or 2026.4.1 to 2026.4.2 or 2026.9.6")]
    fn consecutive_releases_form_range(#[case] releases: &[&str], #[case] expected: &str) {
        let releases = releases.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        assert_eq!(text(&releases), expected);
        assert_eq!(list(&releases), expected.replace(" or ", ", "));
    }
}
