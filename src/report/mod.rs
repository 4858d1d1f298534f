//! One stream of events, many listeners: the terminal, JSON, JUnit, Markdown and GitHub, each in a file of its own.
//!
//! A listener hears [`Event`]s in the order in which they happen, from one thread. What it is told is fit to be shown: the
//! run has put symbols in the place of ids and tokens and taken the secrets out of transcripts and logs.

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

pub(crate) use comparison::{Collected, Comparison};
pub(crate) use destination::{Delivery, Destination};
pub(crate) use github::Github;
pub(crate) use json::Json;
pub(crate) use junit::Junit;
pub(crate) use markdown::Markdown;
pub(crate) use terminal::Terminal;

use crate::run::outcome::Event;
use std::io;

/// Hears what happens in a run.
pub(crate) trait Listener {
    /// Hears one event.
    ///
    /// # Errors
    /// It could not write what it had to say.
    fn on_event(&mut self, event: Event<'_>) -> io::Result<()>;
}
