//! Selects cases by id, family, tag, issue and requirement.

use crate::scenario::model::case::Case;
use crate::suggestions::nearest;
use globset::{Glob, GlobMatcher};
use indexmap::IndexSet;
use std::collections::HashSet;
use std::str::FromStr;

/// A filter for cases. Without a prefix, it is the complete id of a case, a scenario or a family, a glob, or any part of an id.
/// With a prefix, such as `tag:lockout`, it is the value of that property or a glob for it.
#[derive(Debug, Clone)]
pub struct Filter {
    text: String,
    subject: Subject,
    /// The text after the prefix.
    value: String,
    glob: Option<GlobMatcher>,
}

/// The property that a filter selects by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Id,
    Family,
    Tag,
    Issue,
    Requirement,
}

impl Subject {
    /// The prefixes.
    const NAMED: [(&str, Self); 4] =
        [("family", Self::Family), ("tag", Self::Tag), ("issue", Self::Issue), ("requirement", Self::Requirement)];

    /// The values that a case has.
    fn values(self, case: &Case) -> Vec<&str> {
        match self {
            Self::Id => vec![&case.id],
            Self::Family => vec![&case.family],
            Self::Tag => case.tags().collect(),
            Self::Issue => case.scenario.links.iter().flat_map(|link| issue_names(&link.value)).collect(),
            Self::Requirement => case.requirements().collect(),
        }
    }
}

/// The complete names that a case belongs to, the most specific first.
const WHOLE: [fn(&Case) -> String; 3] =
    [|case| case.id.clone(), |case| format!("{}/{}", case.family, case.name), |case| case.family.clone()];

/// An error for a text that is not a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The filter has the characters of a glob but is not a valid glob.
    #[error("the filter `{text}` is not a valid glob: {message}")]
    Glob {
        /// The filter.
        text: String,
        /// What is wrong with the glob.
        message: String,
    },
    /// The prefix of the filter is similar to a known prefix.
    #[error("unknown prefix `{prefix}:`; did you mean `{meant}:`?")]
    Prefix {
        /// The text before the colon.
        prefix: String,
        /// The prefix that it resembles.
        meant: String,
    },
    /// The value after the prefix is missing.
    #[error("`{0}` has no value after the colon")]
    NoValue(String),
    /// The filter is empty.
    #[error("the filter is empty; expected an id, a part of an id, a glob or a property such as `family:NAME`")]
    Empty,
    /// The filter has a prefix, but only ids are allowed.
    #[error("`{0}` is a property of scenarios; expected an id, a part of an id or a glob")]
    NotAnId(String),
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        if text.is_empty() {
            return Err(FilterError::Empty);
        }
        let (subject, value) = subject(text)?;
        let glob = value
            .contains(['*', '?', '[', '{'])
            .then(|| Glob::new(value))
            .transpose()
            .map_err(|error| FilterError::Glob { text: text.to_owned(), message: error.kind().to_string() })?;
        let glob = glob.map(|glob| glob.compile_matcher());
        Ok(Self { text: text.to_owned(), subject, value: value.to_owned(), glob })
    }
}

/// The subject of a filter, and its value.
fn subject(text: &str) -> Result<(Subject, &str), FilterError> {
    let Some((prefix, value)) = text.split_once(':').filter(|(prefix, _)| is_word(prefix)) else {
        return Ok((Subject::Id, text));
    };
    let names = Subject::NAMED.map(|(name, _)| name);
    match Subject::NAMED.into_iter().find(|(name, _)| *name == prefix) {
        Some(_) if value.is_empty() => Err(FilterError::NoValue(text.to_owned())),
        Some((_, subject)) => Ok((subject, value)),
        None => match nearest(prefix, names) {
            Some(meant) => Err(FilterError::Prefix { prefix: prefix.to_owned(), meant: meant.to_owned() }),
            // A part of an id can contain a colon.
            None => Ok((Subject::Id, text)),
        },
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase())
}

/// The names of a linked issue or pull request: `owner/repository#27`, `#27` and `27`. The link itself if it is another page.
fn issue_names(link: &str) -> Vec<&str> {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((before, after)) = link.rsplit_once('#').filter(|(_, after)| number(after)) {
        return vec![link, &link[before.len()..], after];
    }
    let page = link.split(['#', '?']).next().unwrap_or(link).trim_end_matches('/');
    match page.rsplit_once('/') {
        Some((before, after)) if number(after) && ["/issues", "/pull"].iter().any(|part| before.ends_with(part)) => {
            vec![link, after]
        }
        _ => vec![link],
    }
}

impl Filter {
    /// A filter for ids only.
    ///
    /// # Errors
    /// The text has a prefix, or is not a valid glob.
    pub fn of_ids(text: &str) -> Result<Self, FilterError> {
        let filter = text.parse::<Self>()?;
        if filter.subject == Subject::Id { Ok(filter) } else { Err(FilterError::NotAnId(text.to_owned())) }
    }

    /// The filter as the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the filter selects a case with this id. Other cases are not considered.
    pub fn matches(&self, id: &str) -> bool {
        let part = || id.contains(&self.value);
        self.subject == Subject::Id && self.glob.as_ref().map_or_else(part, |glob| glob.is_match(id))
    }

    /// Advice for a filter that matches none of these cases: the filter that was probably meant, or the prefixes that
    /// exist. `None` if it resembles nothing.
    pub fn advice(&self, cases: &[Case]) -> Option<String> {
        let has_prefix =
            || self.subject == Subject::Id && self.text.split_once(':').is_some_and(|(word, _)| is_word(word));
        let prefixes = || has_prefix().then(|| "the prefixes are family:, tag:, issue: and requirement:".to_owned());
        self.near_miss(cases).or_else(prefixes)
    }

    /// The question whether a similar filter was meant, which matches some of these cases.
    pub fn near_miss(&self, cases: &[Case]) -> Option<String> {
        let values = match self.subject {
            Subject::Id => WHOLE.iter().rev().flat_map(|whole| cases.iter().map(whole)).collect::<Vec<_>>(),
            subject => cases.iter().flat_map(|case| subject.values(case)).map(str::to_owned).collect(),
        };
        let values = values.iter().map(String::as_str).collect::<IndexSet<_>>();
        let prefix = &self.text[..self.text.len() - self.value.len()];
        nearest(&self.value, values).map(|near| format!("did you mean `{prefix}{near}`?"))
    }

    /// Whether the filter is a glob, has a prefix, or is the complete name of a case, a scenario or a family.
    pub fn names(&self, cases: &[Case]) -> bool {
        self.subject != Subject::Id
            || self.glob.is_some()
            || WHOLE.iter().any(|whole| cases.iter().any(|case| whole(case) == self.text))
    }

    /// The selected cases. The complete name of a case, a scenario or a family selects only that one, and no longer
    /// names.
    pub fn select<'a>(&self, cases: &[&'a Case]) -> Vec<&'a Case> {
        let those =
            |meant: &dyn Fn(&Case) -> bool| cases.iter().copied().filter(|case| meant(case)).collect::<Vec<_>>();
        if self.subject != Subject::Id || self.glob.is_some() {
            return those(&|case| self.subject.values(case).into_iter().any(|value| self.is(value)));
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

    /// Whether this is the value, or the glob matches it.
    fn is(&self, value: &str) -> bool {
        self.glob.as_ref().map_or_else(|| value == self.value, |glob| glob.is_match(value))
    }

    /// The cases that at least one of the filters selects, in their order. All cases if there are no filters.
    pub fn select_any<'a>(filters: &[Self], cases: Vec<&'a Case>) -> Vec<&'a Case> {
        if filters.is_empty() {
            return cases;
        }
        let selected = Self::ids(filters, &cases);
        cases.into_iter().filter(|case| selected.contains(case.id.as_str())).collect()
    }

    /// The cases that none of the filters selects, in their order.
    pub fn exclude<'a>(filters: &[Self], cases: Vec<&'a Case>) -> Vec<&'a Case> {
        let selected = Self::ids(filters, &cases);
        cases.into_iter().filter(|case| !selected.contains(case.id.as_str())).collect()
    }

    fn ids<'a>(filters: &[Self], cases: &[&'a Case]) -> HashSet<&'a str> {
        filters.iter().flat_map(|filter| filter.select(cases)).map(|case| case.id.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Filter;
    use crate::scenario::Case;
    use crate::scenario::check::trust::Trust;
    use crate::scenario::corpus::files::Origin;
    use crate::scenario::corpus::read;
    use crate::scenario::syntax::source::Source;
    use rstest::rstest;

    const TAGGED: &[&str] = &["role-upgrade/up#direct", "role-upgrade/up#nginx"];

    fn cases() -> Vec<Case> {
        let text = "scenario: T\nmatrix: { via: [direct, nginx] }\nsteps:\n  - open: { via: '${via}' }\n";
        let tagged = "tags: [lockout]\nlinks: [openclaw/openclaw#27, https://github.com/a/b/pull/127/]\n";
        let required = "    requires: RFC-1\n    expect: open\n";
        let source = |path: &str| {
            let text = match path {
                "role-upgrade/up.yaml" => format!("{tagged}{text}{required}"),
                _ => text.to_owned(),
            };
            Source { path: path.into(), embedded: true, text: text.into() }
        };
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
    #[case::family_prefix("family:role", &["role/up#direct", "role/up#nginx", "role/up-again#direct", "role/up-again#nginx"])]
    #[case::family_is_no_part("family:rol", &[])]
    #[case::tag("tag:lockout", TAGGED)]
    #[case::tag_glob("tag:lock*", TAGGED)]
    #[case::other_tag("tag:lock", &[])]
    #[case::number("issue:27", TAGGED)]
    #[case::number_with_hash("issue:#27", TAGGED)]
    #[case::whole_issue("issue:openclaw/openclaw#27", TAGGED)]
    #[case::pull_request("issue:127", TAGGED)]
    #[case::repository("issue:openclaw/*", TAGGED)]
    #[case::part_of_a_number("issue:7", &[])]
    #[case::requirement("requirement:RFC-1", TAGGED)]
    #[case::other_requirement("requirement:RFC", &[])]
    #[case::colon_in_an_id("up#x:y", &[])]
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

    #[rstest]
    #[case("a[b", "not a valid glob")]
    #[case("tag:a[b", "not a valid glob")]
    #[case("tags:lockout", "did you mean `tag:`?")]
    #[case("tag:", "no value")]
    fn wrong_filters_are_errors(#[case] filter: &str, #[case] says: &str) {
        let error = filter.parse::<Filter>().unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }

    #[rstest]
    #[case::case("role/up#ngnx", Some("did you mean `role/up#nginx`?"))]
    #[case::scenario("role/up-agian", Some("did you mean `role/up-again`?"))]
    #[case::tag("tag:lokout", Some("did you mean `tag:lockout`?"))]
    #[case::prefix("label:lockout", Some("the prefixes are family:, tag:, issue: and requirement:"))]
    #[case::other("no-such-case", None)]
    fn advice_for_filter_without_match(#[case] filter: &str, #[case] advice: Option<&str>) {
        assert_eq!(filter.parse::<Filter>().unwrap().advice(&cases()).as_deref(), advice);
    }

    #[test]
    fn id_filter_rejects_prefix() {
        assert!(Filter::of_ids("tag:lockout").is_err());
        assert!(Filter::of_ids("role/up").unwrap().matches("role/up#direct"));
    }

    #[test]
    fn excludes_cases() {
        let cases = cases();
        let exclude = ["family:role".parse().unwrap(), "*#nginx".parse().unwrap()];
        let left = Filter::exclude(&exclude, cases.iter().collect());
        assert_eq!(left.iter().map(|case| case.id.as_str()).collect::<Vec<_>>(), ["role-upgrade/up#direct"]);
        assert_eq!(Filter::exclude(&[], cases.iter().collect()).len(), cases.len());
    }
}
