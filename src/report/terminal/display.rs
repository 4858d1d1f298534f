//! How much of a report is printed, and in which form.

use owo_colors::{OwoColorize as _, Style};
use std::borrow::Cow;
use std::time::Duration;
use untrusted_data::cut;
use untrusted_data::limits::{LINE, TRACE_LINE};
use untrusted_data::printable;

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// The failures and the last line.
    Failures,
    /// Also the gateway, why cases were not played, and remarks.
    Usual,
    /// Also a line for each case when it is done.
    EachCase,
    /// Every case in full, with its transcript.
    Trace,
}

/// The format of the report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DisplayOptions {
    /// Whether terminal colors are used.
    pub colour: bool,
    /// How much is printed.
    pub detail: Verbosity,
    /// Whether the score of the gateway is printed at the end.
    pub score: bool,
    /// Whether every failing case is printed in full.
    pub every_failure: bool,
    /// A case that takes longer than this is reported as slow.
    pub slow_after: Duration,
}

impl DisplayOptions {
    /// Whether every case is printed in full.
    pub(super) fn is_in_full(&self) -> bool {
        self.detail == Verbosity::Trace
    }

    pub(super) fn paint(&self, text: &str, style: Style) -> String {
        let text = printable::line(text);
        if self.colour { text.style(style).to_string() } else { text.into_owned() }
    }

    /// One line, truncated if necessary. Text from a gateway can have any length.
    pub(super) fn line(&self, line: &str) -> String {
        cut::line(&printable::line(line), self.width()).into_owned()
    }

    /// An indented text. A long text is shortened to its first and last lines.
    pub(super) fn indented(&self, text: Option<&str>, ends: (usize, usize)) -> Vec<String> {
        let text = printable::block(text.unwrap_or_default());
        self.cut(&text, ends).lines().map(|line| self.line(&format!("    {line}"))).collect()
    }

    /// The first and the last lines of a long text, or all lines if the user requested them.
    pub(super) fn cut<'t>(&self, text: &'t str, (first, last): (usize, usize)) -> Cow<'t, str> {
        if self.is_in_full() { Cow::Borrowed(text) } else { cut::lines(text, first, last) }
    }

    /// The maximum length of a line, in characters.
    pub(super) fn width(&self) -> usize {
        if self.is_in_full() { TRACE_LINE } else { LINE }
    }
}
