//! Whether a gateway that did not answer in a step responds at all.

use std::fmt;
use std::time::Duration;

/// The result of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// The gateway answers.
    Answers,
    /// The gateway does not answer.
    Silent(Silence),
    /// The gateway cannot be asked, or it closed the connection. A stopped gateway is not silent.
    Refuses,
}

/// How a gateway did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Silence {
    /// The time that the last answer was awaited.
    pub(super) within: Duration,
    /// What the gateway sent instead of an answer. `None` if it sent nothing or only a challenge.
    pub(super) instead: Option<String>,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.within.as_secs_f64().ceil();
        match &self.instead {
            None => {
                write!(f, "the gateway is silent: nothing came in a step, nor on a new connection within {seconds} s")
            }
            Some(instead) => write!(
                f,
                "the gateway does not answer: no response came in a step, nor on a new connection within {seconds} s; \
                 there {instead}"
            ),
        }
    }
}
