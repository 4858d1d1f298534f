//! Selects cases by id.

use crate::scenario::model::case::Case;
use globset::{Glob, GlobMatcher};
use std::collections::HashSet;
use std::str::FromStr;

/// A filter for ids: the complete id of a case, a scenario or a family, a glob, or any part of an id.
#[derive(Debug, Clone)]
pub struct Filter {
    text: String,
    glob: Option<GlobMatcher>,
}

/// The complete names that a case belongs to, the most specific first.
const WHOLE: [fn(&Case) -> String; 3] =
    [|case| case.id.clone(), |case| format!("{}/{}", case.family, case.name), |case| case.family.clone()];

/// An error for a text that has the characters of a glob but is not a valid glob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the filter `{text}` is not a valid glob: {message}")]
pub struct FilterError {
    text: String,
    message: String,
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let glob = text
            .contains(['*', '?', '[', '{'])
            .then(|| Glob::new(text))
            .transpose()
            .map_err(|error| FilterError { text: text.to_owned(), message: error.kind().to_string() })?;
        Ok(Self { text: text.to_owned(), glob: glob.map(|glob| glob.compile_matcher()) })
    }
}

impl Filter {
    /// The filter as the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the filter selects a case with this id. Other cases are not considered.
    pub fn matches(&self, id: &str) -> bool {
        self.glob.as_ref().map_or_else(|| id.contains(&self.text), |glob| glob.is_match(id))
    }

    /// Whether the filter is a glob or the complete name of a case, a scenario or a family.
    pub fn names(&self, cases: &[Case]) -> bool {
        self.glob.is_some() || WHOLE.iter().any(|whole| cases.iter().any(|case| whole(case) == self.text))
    }

    /// The selected cases. The complete name of a case, a scenario or a family selects only that one, and no longer
    /// names.
    pub fn select<'a>(&self, cases: &[&'a Case]) -> Vec<&'a Case> {
        let those =
            |meant: &dyn Fn(&Case) -> bool| cases.iter().copied().filter(|case| meant(case)).collect::<Vec<_>>();
        if let Some(glob) = &self.glob {
            return those(&|case| glob.is_match(&case.id));
        }
        let text = self.text.as_str();
        for whole in WHOLE {
            let exact = those(&|case| whole(case) == text);
            if !exact.is_empty() {
                return exact;
            }
        }
        those(&|case| case.id.contains(text))
    }

    /// The cases that at least one of the filters selects, in their order. All cases if there are no filters.
    pub fn select_any<'a>(filters: &[Self], cases: Vec<&'a Case>) -> Vec<&'a Case> {
        if filters.is_empty() {
            return cases;
        }
        let selected: HashSet<&str> =
            filters.iter().flat_map(|filter| filter.select(&cases)).map(|case| case.id.as_str()).collect();
        cases.into_iter().filter(|case| selected.contains(case.id.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Filter;
    use crate::scenario::Case;
    use crate::scenario::check::trust::Trust;
    use crate::scenario::corpus::files::Origin;
    use crate::scenario::corpus::read;
    use crate::scenario::model::case::Source;
    use rstest::rstest;

    fn cases() -> Vec<Case> {
        let text = "scenario: T\nmatrix: { via: [direct, nginx] }\nsteps:\n  - open: { via: '${via}' }\n";
        let source = |path: &str| Source { path: path.into(), embedded: true, text: text.into() };
        let paths = ["role/up.yaml", "role/up-again.yaml", "role-upgrade/up.yaml"];
        read(paths.iter().map(|path| Ok((source(path), Origin::Disk("".into())))).collect(), Trust::Given).0
    }

    #[rstest]
    #[case::case("role/up#nginx", &["role/up#nginx"])]
    #[case::scenario("role/up", &["role/up#direct", "role/up#nginx"])]
    #[case::family("role", &["role/up#direct", "role/up#nginx", "role/up-again#direct", "role/up-again#nginx"])]
    #[case::part("again#d", &["role/up-again#direct"])]
    #[case::glob("*/up#{direct,x}", &["role/up#direct", "role-upgrade/up#direct"])]
    #[case::nothing("rolle", &[])]
    fn filters_select(#[case] filter: &str, #[case] expected: &[&str]) {
        let cases = cases();
        let ids: Vec<_> = filter
            .parse::<Filter>()
            .unwrap()
            .select(&cases.iter().collect::<Vec<_>>())
            .iter()
            .map(|case| case.id.as_str())
            .collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn half_a_glob_is_said() {
        assert!("a[b".parse::<Filter>().is_err());
    }
}
