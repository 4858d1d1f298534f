//! Whether a gateway that did not answer in a step responds at all.

use std::fmt;
use std::time::Duration;

/// The result of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// The gateway answers.
    Answers,
    /// The gateway does not answer.
    Silent(NoAnswer),
    /// The gateway cannot be asked, or it closed the connection. A stopped gateway is not silent.
    Refuses,
}

/// How a gateway did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoAnswer {
    /// The time that the last answer was awaited.
    pub(super) within: Duration,
    /// What the gateway sent instead of an answer. `None` if it sent nothing or only a challenge.
    pub(super) instead: Option<String>,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.within.as_secs_f64().ceil();
        match &self.instead {
            None => {
                write!(
                    f,
                    "the gateway is silent: it sent nothing in a step, and nothing on a new connection within {seconds} s"
                )
            }
            Some(instead) => write!(
                f,
                "the gateway does not answer: it sent no response in a step, and none on a new connection within \
                 {seconds} s; there, {instead}"
            ),
        }
    }
}
