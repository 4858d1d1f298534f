//! A connect of a question, and what follows it.

use crate::client::{ConnectRequest, Upgrade};

/// A connect, and what follows it.
#[derive(Clone)]
pub(crate) struct Connect {
    /// The parameters.
    pub(crate) request: ConnectRequest,
    /// The headers and the path of the upgrade.
    pub(crate) upgrade: Upgrade,
    /// The action of an admitted client.
    pub(crate) then: FollowUp,
}

/// The action of an admitted client. The answer to the action is the answer to the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FollowUp {
    /// No action. The answer to the connect is the answer to the question.
    Nothing,
    /// The client calls a method without parameters.
    Call(&'static str),
    /// The client sends a second connect.
    ConnectAgain,
}
