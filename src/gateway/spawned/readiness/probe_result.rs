//! The result of one attempt to reach a gateway that starts.

use std::time::Duration;

/// The address on which every spawned gateway listens.
pub(crate) const LOOPBACK: &str = "127.0.0.1";

/// The result of one attempt.
#[derive(Debug)]
pub(super) enum ProbeResult {
    Ready,
    /// No process listens yet.
    NotListening,
    /// The gateway reports that it is starting, and perhaps after which time to ask again.
    Starting(Option<Duration>),
    /// A reaction that a starting gateway may show, but not for long.
    Unexpected(String),
    /// A reaction that no gateway shows.
    Garbage(String),
    /// The gateway accepted the connection, and then sent nothing until the deadline.
    Unanswered(&'static str),
    /// The machine that clawcheck runs on lacks a resource.
    Machine(&'static str),
}
