//! Errors in scenario files, with their positions.

use super::spans::Span;
use crate::counted::counted;
use crate::scenario::syntax::source::Source;
use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};
use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Maximum length of a line that is shown with a caret, in bytes. A longer line would fill the screen.
const MAX_LINE_LENGTH: usize = 400;

/// Maximum number of reported errors in one file. A file with more errors repeats one mistake or is not a scenario.
pub(crate) const MAX_FILE_ERRORS: usize = 40;
/// Maximum number of shown errors in all files. The others are counted.
const MAX_SHOWN: usize = 50;

/// The errors of a file, without duplicates and up to the maximum number.
pub(crate) fn within(errors: Vec<SpannedError>, source: &Source) -> Vec<ScenarioError> {
    let mut seen = HashSet::new();
    let mut errors: Vec<_> =
        errors.into_iter().filter(|error| seen.insert((error.span, error.message.clone()))).collect();
    let more = errors.len().saturating_sub(MAX_FILE_ERRORS);
    errors.truncate(MAX_FILE_ERRORS);
    let mut problems: Vec<_> = errors.into_iter().map(|error| error.within(source)).collect();
    if more > 0 {
        problems.push(ScenarioError::with_file(
            &source.path,
            format!("and {} in this file", counted(more, "more problem")),
            None,
        ));
    }
    problems
}

/// An error at a position in a file that is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpannedError {
    /// The position. `None` until a caller adds it.
    pub span: Option<Span>,
    /// The error, in one line.
    pub message: String,
    /// The label at the caret: the expected value.
    pub label: String,
    /// A suggestion to correct the error.
    pub help: Option<String>,
    /// Whether it can be intended, so that it is only a warning.
    pub is_warning: bool,
}

impl SpannedError {
    /// An error at a position.
    pub(crate) fn at(span: Span, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { span: Some(span), message: message.into(), label: label.into(), help: None, is_warning: false }
    }

    /// Adds a suggestion to correct the error.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Makes it a warning.
    pub(crate) fn warning(mut self) -> Self {
        self.is_warning = true;
        self
    }

    /// The error in a file.
    pub(crate) fn within(mut self, source: &Source) -> ScenarioError {
        let path = source.path.display().to_string();
        // A caret under the first line shows the position. A caret under ten lines does not.
        if let Some(span) = &mut self.span {
            let rest = source.text.get(span.start..span.end).unwrap_or_default();
            span.end = span.start + rest.lines().next().unwrap_or_default().trim_end().len();
        }
        let shown = self.span.filter(|span| source.line_length(*span) <= MAX_LINE_LENGTH);
        ScenarioError(Box::new(ErrorDetails {
            position: self.span.map(|span| source.position(span)),
            span: shown,
            message: one_line(&self.message),
            label: self.label,
            help: self.help,
            is_warning: self.is_warning,
            source: Some(NamedSource::new(&path, Arc::clone(&source.text)).with_language("yaml")),
            path,
        }))
    }
}

/// A message on one line, even if the quoted text has line breaks.
fn one_line(message: &str) -> String {
    message.replace('\n', "\\n").replace('\r', "\\r")
}

/// An error in a scenario file. It renders with the source and a caret.
#[derive(Debug, Clone)]
pub struct ScenarioError(Box<ErrorDetails>);

#[derive(Debug, Clone)]
struct ErrorDetails {
    path: String,
    position: Option<(usize, usize)>,
    span: Option<Span>,
    message: String,
    label: String,
    help: Option<String>,
    is_warning: bool,
    source: Option<NamedSource<Arc<str>>>,
}

impl ScenarioError {
    /// An error about a whole file, or about a file whose text cannot be shown.
    pub(crate) fn with_file(path: &Path, message: impl Into<String>, help: Option<String>) -> Self {
        Self(Box::new(ErrorDetails {
            path: path.display().to_string(),
            position: None,
            span: None,
            message: one_line(&message.into()),
            label: String::new(),
            help,
            is_warning: false,
            source: None,
        }))
    }

    /// Removes the position, so that the error applies to the whole file.
    pub(crate) fn remove_position(&mut self) {
        (self.0.position, self.0.span) = (None, None);
    }

    /// Whether it is only a warning.
    pub(crate) fn is_warning(&self) -> bool {
        self.0.is_warning
    }

    /// The path of the file as the user knows it.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Line and column, counted from 1. `None` if the error has no single position.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.0.position
    }

    /// The error, in one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.span, self.0.position) {
            (Some(_), _) => f.write_str(&self.0.message),
            (None, Some((line, column))) => {
                write!(f, "{}:{line}:{column}: {}", self.0.path, self.0.message)?;
                if self.0.label.is_empty() { Ok(()) } else { write!(f, "; {}", self.0.label) }
            }
            (None, None) => write!(f, "{}: {}", self.0.path, self.0.message),
        }
    }
}

impl std::error::Error for ScenarioError {}

impl Diagnostic for ScenarioError {
    fn severity(&self) -> Option<Severity> {
        self.0.is_warning.then_some(Severity::Warning)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.span?;
        self.0.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.0.span?;
        let label = Some(self.0.label.clone()).filter(|label| !label.is_empty());
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(label, span))))
    }
}

/// All errors in a set of scenario files.
#[derive(Debug, Clone, Default)]
pub struct ScenarioErrors(pub Vec<ScenarioError>);

impl fmt::Display for ScenarioErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => only.fmt(f),
            all if all.len() > MAX_SHOWN => {
                write!(f, "{} problems in the scenarios; these are the first {MAX_SHOWN}", all.len())
            }
            all => write!(f, "{} problems in the scenarios", all.len()),
        }
    }
}

impl std::error::Error for ScenarioErrors {}

impl Diagnostic for ScenarioErrors {
    fn severity(&self) -> Option<Severity> {
        self.0.iter().all(ScenarioError::is_warning).then_some(Severity::Warning)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.only().and_then(Diagnostic::help)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.only().and_then(Diagnostic::source_code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.only().and_then(Diagnostic::labels)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self.only() {
            Some(_) => None,
            None => Some(Box::new(self.0.iter().take(MAX_SHOWN).map(|problem| problem as &dyn Diagnostic))),
        }
    }
}

impl ScenarioErrors {
    fn only(&self) -> Option<&ScenarioError> {
        match self.0.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}
