//! Checks for scenarios that are readable and playable but probably wrong.

use crate::scenario::check::trust::Trust;
use crate::scenario::corpus;
use crate::scenario::corpus::files::{self, slug};
use crate::scenario::model::case::Case;
use crate::scenario::syntax::expansion::{self, ExpansionBudget};
use crate::scenario::syntax::nodes::{self, Entry, Node, NodeKind};
use crate::scenario::syntax::problems::{self, ScenarioError, ScenarioErrors, SpannedError};
use crate::scenario::syntax::spans::{Span, Spanned};
use crate::scenario::unknown_words::unknown_words;
use crate::suggestions::nearest_within;
use openclaw_protocol::client::{self, mode};
use openclaw_protocol::scopes::{OPERATOR_SCOPES, ROLES};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The result of a lint.
#[derive(Debug)]
pub(crate) struct Findings {
    /// Number of readable scenario files.
    pub scenarios: usize,
    /// Number of cases in these files.
    pub cases: usize,
    /// All errors, in the order of the files.
    pub problems: ScenarioErrors,
    /// Problems that can be intended.
    pub warnings: ScenarioErrors,
}

/// Lints files and folders, or the scenarios in the binary if the list is empty. A feature that needs trust is an error
/// unless the scenarios are `trusted`.
pub(crate) fn lint(paths: &[PathBuf], trusted: bool) -> Findings {
    let inside = paths.is_empty();
    let found = if inside { files::embedded(|_, _| true) } else { files::on_disk(paths) };
    let trust = if inside || trusted { Trust::Given } else { Trust::Withheld };
    let (cases, mut problems) = corpus::read(found, trust);
    let mut seen = HashSet::new();
    let firsts: Vec<_> = cases.iter().filter(|case| seen.insert((&case.family, &case.name))).collect();
    problems.extend(firsts.iter().flat_map(|case| lint_file(case)));
    let (warnings, problems) = problems.into_iter().partition(ScenarioError::is_warning);
    let (problems, warnings) = (ScenarioErrors(problems), ScenarioErrors(warnings));
    Findings { scenarios: firsts.len(), cases: cases.len(), problems, warnings }
}

/// Lints a file by its first case. The file has the same links, tags and name at every point of the matrix.
pub(crate) fn lint_file(case: &Case) -> Vec<ScenarioError> {
    let mut errors = Vec::new();
    for link in &case.scenario.links {
        if !is_link(link) {
            let message = format!("`{}` is not a link", link.value);
            errors.push(SpannedError::at(link.span, message, "expected owner/repository#number or an https:// URL"));
        }
    }
    for tag in &case.scenario.tags {
        if !is_tag(tag) {
            let message = format!("`{}` is not a tag", tag.value);
            errors.push(SpannedError::at(tag.span, message, "expected lower-case letters, digits and hyphens"));
        }
    }
    check_duplicates(&case.scenario.links, "link", &mut errors);
    check_duplicates(&case.scenario.tags, "tag", &mut errors);
    errors.extend(words_of_cases(&case.source.text));
    let mut problems = problems::within(errors, &case.source);
    problems.extend(file_name(case));
    problems
}

/// Finds wrong words in every case of a file: an axis of the matrix can contain them.
fn words_of_cases(text: &str) -> Vec<SpannedError> {
    let Ok(root) = nodes::parse(text) else { return Vec::new() };
    let (mut errors, mut seen) = (Vec::new(), HashSet::new());
    let mut budget = ExpansionBudget::of_a_file();
    for point in expansion::points(&root).unwrap_or_default() {
        let Ok(case) = expansion::at_point(&root, &point, &mut budget) else { continue };
        let mut of_case = Vec::new();
        misspelt_words(&case, &mut of_case);
        unknown_words(&case, &mut of_case);
        errors.extend(of_case.into_iter().filter(|error| seen.insert((error.span, error.message.clone()))));
    }
    errors
}

fn check_duplicates(words: &[Spanned<String>], what: &str, errors: &mut Vec<SpannedError>) {
    let mut seen = HashSet::new();
    for word in words {
        if !seen.insert(word.value.as_str()) {
            errors.push(SpannedError::at(word.span, format!("duplicate {what} `{}`", word.value), "second occurrence"));
        }
    }
}

/// Finds roles and scopes that resemble a known one. An unknown role or scope can be intended, but one with a small
/// difference from a known one is probably a misspelling.
fn misspelt_words(node: &Node, errors: &mut Vec<SpannedError>) {
    if let NodeKind::List(items) = &node.kind {
        items.iter().for_each(|item| misspelt_words(item, errors));
    }
    for Entry { key, value } in node.entries() {
        match key.as_str() {
            "role" | "roles" => words(value, "role", &ROLES, errors),
            "scopes" | "approved-scopes" => words(value, "scope", &OPERATOR_SCOPES, errors),
            "client" => {
                let known =
                    [("id", "client id", &client::IDS_WITH_COPILOT[..]), ("mode", "client mode", &mode::WITH_WORKER)];
                for (field, what, known) in known {
                    value.get(field).into_iter().for_each(|node| words(node, what, known, errors));
                }
            }
            // Raw values are intended.
            "params" | "set" | "raw" => {}
            _ => misspelt_words(value, errors),
        }
    }
}

fn words(node: &Node, what: &str, known: &[&str], errors: &mut Vec<SpannedError>) {
    match &node.kind {
        NodeKind::List(items) => items.iter().for_each(|item| words(item, what, known, errors)),
        // Different letter case is intended.
        NodeKind::Text(word) if !known.contains(&word.to_lowercase().as_str()) => {
            if let Some(near) = nearest_within(1, word, known.iter().copied()) {
                let error = SpannedError::at(node.span, format!("`{word}` is not a {what}"), "misspelled?");
                errors.push(
                    error.help(format!("did you mean `{near}`? If the spelling is intended, use `params` or `set`")),
                );
            }
        }
        _ => {}
    }
}

/// Whether a text is a link: `https://...` or `owner/repository#number`.
pub(crate) fn is_link(link: &str) -> bool {
    if let Some(rest) = link.strip_prefix("https://") {
        return rest.contains('.') && !rest.contains(char::is_whitespace);
    }
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    link.split_once('#').is_some_and(|(repository, number)| {
        let owner = repository.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name));
        owner && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_tag(tag: &str) -> bool {
    tag.starts_with(|first: char| first.is_ascii_lowercase())
        && tag.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The problem of a name for a scenario file. Ids consist of folder and file names, so these names must be valid in ids.
pub(crate) fn problem_of_name(path: &Path) -> Option<String> {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let is_id = slug(&stem) == stem && !stem.starts_with(['.', '-']);
    (!is_id).then(|| format!("`{stem}` is not valid in a case id; expected lower-case letters, digits and hyphens"))
}

fn file_name(case: &Case) -> Option<ScenarioError> {
    let message = problem_of_name(&case.source.path)?;
    let whole = Span::default();
    let mut problem = SpannedError::at(whole, message, "").within(&case.source);
    problem.remove_position();
    Some(problem)
}
