//! One stream of events, many listeners: the terminal and JSON today, each in a file of its own.
//!
//! A listener hears [`Event`]s in the order in which they happen, from one thread. What it is told is fit to be shown: the
//! run has put symbols in the place of ids and tokens and taken the secrets out of transcripts and logs.

pub mod comparison;
pub mod destination;
pub mod json;
pub mod terminal;

pub use comparison::{Collected, Comparison};
pub use destination::{Delivery, Destination};
pub use json::Json;
pub use terminal::Terminal;

use crate::run::outcome::Event;
use std::io;

/// Hears what happens in a run.
pub trait Listener {
    /// Hears one event.
    ///
    /// # Errors
    /// It could not write what it had to say.
    fn hear(&mut self, event: Event<'_>) -> io::Result<()>;
}
