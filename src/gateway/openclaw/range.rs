//! The part of npm's version ranges that `engines.node` uses.

/// The three numbers of a version.
pub(super) type NodeVersion = (u64, u64, u64);

/// Reads `v24.21.0`, `24.21.0` or `24`. Everything after a dash or a plus is ignored.
pub(super) fn version(text: &str) -> Option<NodeVersion> {
    let text = text.trim().trim_start_matches(['v', '=']);
    let text = text.split(['-', '+']).next()?;
    let mut numbers =
        text.split('.').filter(|part| !matches!(*part, "x" | "X" | "*")).map(|part| part.parse::<u64>().ok());
    let first = numbers.next()??;
    let mut next = || numbers.next().map_or(Some(0), |number| number);
    Some((first, next()?, next()?))
}

/// Whether a range such as `>=22.22.3 <23 || >=24.15.0 <25` contains a version. A range that cannot be read contains
/// every version: the release itself reports an unsuitable Node.js.
pub(super) fn holds(range: &str, version: NodeVersion) -> bool {
    range
        .split("||")
        .any(|part| part.split_whitespace().all(|comparator| compares(comparator, version).unwrap_or(true)))
}

fn compares(comparator: &str, found: NodeVersion) -> Option<bool> {
    let operator =
        comparator.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '*' | '+'));
    let text = &comparator[operator.len()..];
    let bound = version(text)?;
    let parts = text.split('.').filter(|part| !matches!(*part, "x" | "X" | "*")).count();
    let next_major = (bound.0 + 1, 0, 0);
    let next_minor = (bound.0, bound.1 + 1, 0);
    Some(match (operator, parts) {
        (">=", _) => found >= bound,
        (">", _) => found > bound,
        ("<=", _) => found <= bound,
        ("<", _) => found < bound,
        ("^", _) | ("~" | "" | "=", 1) => found >= bound && found < next_major,
        ("~", _) | ("" | "=", 2) => found >= bound && found < next_minor,
        ("" | "=", _) => found == bound,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(">=22.14.0", "v24.21.0", true)]
    #[case(">=22.14.0", "v20.20.2", false)]
    #[case(">=22.22.3 <23 || >=24.15.0 <25 || >=25.9.0", "24.21.0", true)]
    #[case(">=22.22.3 <23 || >=24.15.0 <25 || >=25.9.0", "23.5.0", false)]
    #[case(">=24.16.0 <25 || >=26.1.0", "25.9.9", false)]
    #[case("22.x", "22.9.1", true)]
    #[case("22.x", "23.0.0", false)]
    #[case("^22.3", "22.2.9", false)]
    #[case("~22.3.1", "22.4.0", false)]
    #[case("*", "1.0.0", true)]
    fn ranges(#[case] range: &str, #[case] found: &str, #[case] holds_it: bool) {
        assert_eq!(holds(range, version(found).unwrap()), holds_it);
    }

    #[test]
    fn invalid_version_is_none() {
        assert_eq!(version("zsh: node"), None);
    }
}
