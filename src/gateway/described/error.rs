//! Errors in a description, with the file, the line and a label under the wrong text.

use super::placeholder::known_placeholder;
use crate::gateway::profile::flags::VALUE;
use crate::yaml::{Explanation, explain};
use miette::{Diagnostic, NamedSource, SourceSpan};
use serde_saphyr::{Error, Location};
use std::path::PathBuf;
use untrusted_data::excerpt;

/// Why a description cannot be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum DescriptionError {
    /// No such description exists.
    #[error("the gateway description `{}` does not exist", path.display())]
    #[diagnostic(help("{help}"))]
    Missing {
        /// The argument of the user.
        path: PathBuf,
        /// The names of the built-in descriptions.
        help: String,
    },
    /// The file cannot be read.
    #[error("the gateway description `{}` cannot be read: {reason}", path.display())]
    #[diagnostic(help("{help}"))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason why the file cannot be read.
        reason: String,
        /// Advice for the user.
        help: String,
    },
    /// The file is not a description. For example, it is a scenario or a folder of scenarios.
    #[error("`{}` is {is}, not a gateway description", path.display())]
    #[diagnostic(help("{help}"))]
    SomethingElse {
        /// The argument of the user.
        path: PathBuf,
        /// The kind of the file.
        is: &'static str,
        /// Advice for the user.
        help: String,
    },
    /// A value in the description is not valid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Invalid(Box<InvalidDescription>),
}

/// The advice for scenarios in place of a description.
pub(super) const PLAY_SCENARIOS: &str = "to play scenarios, use `clawcheck run PATH --gateway GATEWAY` or `clawcheck compare GATEWAY GATEWAY --scenarios PATH`";

/// A value that is not valid, and its position.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct InvalidDescription {
    /// The error.
    pub message: String,
    /// The file.
    #[source_code]
    pub source_code: NamedSource<String>,
    /// The position.
    #[label("here")]
    pub span: SourceSpan,
    /// The expected value.
    #[help]
    pub help: Option<String>,
}

/// The description that the reader reads at the moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// Creates an error at a position.
    pub(super) fn error_at(&self, at: Location, message: impl Into<String>, help: Option<String>) -> DescriptionError {
        let span = self.span(at);
        let (shown, place) = excerpt(self.text, span.offset()..span.offset() + span.len());
        DescriptionError::Invalid(Box::new(InvalidDescription {
            message: message.into(),
            source_code: NamedSource::new(self.name, shown).with_language("yaml"),
            span: place.into(),
            help,
        }))
    }

    /// Converts an error of the YAML reader.
    pub(super) fn yaml(&self, error: &serde_saphyr::Error) -> DescriptionError {
        let error = error.without_snippet();
        let at = error.location().unwrap_or(Location::UNKNOWN);
        if let Error::Budget { .. } = error {
            let help = "write one document, with little nesting and few aliases";
            return self.error_at(at, "the file contains more YAML than a description may have", Some(help.to_owned()));
        }
        let Explanation { message, help } = explain(error);
        self.error_at(at, message, self.bare_placeholder(at).or(help))
    }

    /// YAML reads a placeholder without quotes as a map.
    fn bare_placeholder(&self, at: Location) -> Option<String> {
        let rest = self.text.get(self.span(at).offset()..)?;
        let (name, after) = rest.strip_prefix('{')?.split_once('}')?;
        let name = name.trim();
        let after = after.split([' ', '\r', '\n', ',', ']', '}']).next().unwrap_or_default();
        (name == VALUE || known_placeholder(name)).then(|| format!("quote it: \"{{{name}}}{after}\""))
    }

    fn span(&self, at: Location) -> SourceSpan {
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let line_start: usize =
            self.text.split_inclusive('\n').take(number(at.line()).saturating_sub(1)).map(str::len).sum();
        let line = self.text.get(line_start..).unwrap_or_default();
        let column = number(at.column()).saturating_sub(1);
        let start = line_start + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        let rest = self.text.get(start..).unwrap_or_default();
        let length = match at.span().len() {
            0 => rest.find(['\n', ' ', ',', ']', '}']).unwrap_or(rest.len()),
            count => rest.chars().take(number(count)).map(char::len_utf8).sum(),
        };
        // A span of several lines hides more than it shows.
        let length = rest.find('\n').map_or(length, |end| length.min(end));
        (start, length.max(1).min(rest.len())).into()
    }
}
