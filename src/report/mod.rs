//! The listeners for the events of a run: the terminal, JSON, JUnit, Markdown and GitHub, one file each.
//!
//! A listener receives [`Event`]s in their order, from one thread. All texts in events can be printed. The run has
//! replaced ids and tokens with symbols, and has redacted the secrets in transcripts and logs.

pub(crate) mod causes;
mod closest;
pub(crate) mod comparison;
pub(crate) mod destination;
pub(crate) mod explanation;
#[cfg(test)]
mod fixtures;
pub(crate) mod github;
pub(crate) mod json;
mod junit;
mod markdown;
pub(crate) mod score;
pub(crate) mod terminal;

pub(crate) use comparison::{CaseCollector, Comparison};
pub(crate) use destination::{Delivery, Destination};
pub(crate) use github::Github;
pub(crate) use json::Json;
pub(crate) use junit::Junit;
pub(crate) use markdown::Markdown;
pub(crate) use terminal::Terminal;

use crate::run::outcome::Event;
use std::io;

/// Receives the events of a run.
pub(crate) trait Listener {
    /// Receives one event.
    ///
    /// # Errors
    /// Returns an error if the listener could not write its output.
    fn on_event(&mut self, event: Event<'_>) -> io::Result<()>;
}
