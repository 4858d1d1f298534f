//! What can be wrong with a description: file, line, and a caret under the fault.

use crate::yaml::{Explanation, explain};
use miette::{Diagnostic, NamedSource, SourceSpan};
use serde_saphyr::{Error, Location};
use std::path::PathBuf;
use untrusted_data::excerpt;

/// Why a description cannot be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum DescriptionError {
    /// It is not there.
    #[error("the gateway description `{}` does not exist", path.display())]
    #[diagnostic(help("{help}"))]
    Missing {
        /// What was named.
        path: PathBuf,
        /// What else there is.
        help: String,
    },
    /// It cannot be read.
    #[error("the gateway description `{}` cannot be read: {reason}", path.display())]
    #[diagnostic(help("{help}"))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
        /// What to do about it.
        help: String,
    },
    /// It is something else: a scenario, or a folder with them perhaps.
    #[error("`{}` is {is}, not a gateway description", path.display())]
    #[diagnostic(help(
        "to play scenarios, use `clawcheck run PATH --gateway GATEWAY` or `clawcheck compare GATEWAY GATEWAY --scenarios PATH`"
    ))]
    SomethingElse {
        /// What was named.
        path: PathBuf,
        /// What it is.
        is: &'static str,
    },
    /// It says something wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Invalid(Box<InvalidDescription>),
}

/// Something wrong in a description, and where.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct InvalidDescription {
    /// What is wrong.
    pub message: String,
    /// The file.
    #[source_code]
    pub source_code: NamedSource<String>,
    /// Where.
    #[label("here")]
    pub span: SourceSpan,
    /// What would be right.
    #[help]
    pub help: Option<String>,
}

/// The description that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// A fault at a place.
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

    /// What the YAML reader complains about.
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

    /// A placeholder without quotes is a map to YAML.
    fn bare_placeholder(&self, at: Location) -> Option<String> {
        let rest = self.text.get(self.span(at).offset()..)?;
        let (name, after) = rest.strip_prefix('{')?.split_once('}')?;
        let name = name.trim();
        let after = after.split([' ', '\r', '\n', ',', ']', '}']).next().unwrap_or_default();
        super::known_placeholder(name).then(|| format!("quote it: \"{{{name}}}{after}\""))
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
        // A span over several lines hides more than it shows.
        let length = rest.find('\n').map_or(length, |end| length.min(end));
        (start, length.max(1).min(rest.len())).into()
    }
}
