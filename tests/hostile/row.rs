//! A behaviour by name, and what clawcheck has to say of it.

use super::peer::{Done, Peer, right};
use std::path::PathBuf;

/// What a behaviour does on each connection. The connection ends when it comes back.
pub(crate) type Behaviour = fn(&mut Peer) -> Done;
/// What a gateway that is a process does before it listens.
pub(crate) type BeforeListening = fn(&StartedGateway);

/// A gateway that clawcheck started.
pub(crate) struct StartedGateway {
    /// `{state-dir}` of the description.
    pub state: PathBuf,
    /// The gateway's own token.
    pub token: String,
}

/// How many times the deadline of an answer is waited for in the run, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timeouts {
    /// Never.
    Instant,
    /// Once.
    OneDeadline,
    /// Twice: what any gateway may cost.
    TwoDeadlines,
}

/// Where the gateway is.
#[derive(Clone, Copy)]
pub(crate) enum Server {
    /// In this process; clawcheck is given its URL.
    Attached(Behaviour),
    /// Nobody listens behind the URL.
    Nobody,
    /// Somebody listens, and never accepts.
    Deaf,
    /// This program, started by clawcheck from a description.
    Spawned { boot: BeforeListening, behave: Behaviour },
}

/// Two devices that ask to be let in.
pub(crate) const TWO_CONNECTS: &str = "scenario: Two connects
steps:
  - connect: { device: laptop }
    expect: hello
  - connect: { device: phone }
    expect: hello
";

/// One behaviour.
pub(crate) struct Row {
    pub name: &'static str,
    pub server: Server,
    pub scenario: &'static str,
    /// Any of them.
    pub codes: Vec<i32>,
    /// Any of them.
    pub verdicts: Vec<&'static str>,
    /// All of them, in the output.
    pub says: Vec<&'static str>,
    /// None of them.
    pub never: Vec<&'static str>,
    pub cost: Timeouts,
    /// Whether what was seen is left as a draft.
    pub drafts: bool,
    /// Lines of the description, for a gateway that is a process.
    pub described: &'static str,
}

impl Row {
    fn new(name: &'static str, server: Server) -> Self {
        let (says, never) = (Vec::new(), Vec::new());
        let cost = Timeouts::Instant;
        Self {
            name,
            server,
            scenario: TWO_CONNECTS,
            codes: vec![1],
            verdicts: vec!["deviates"],
            says,
            never,
            cost,
            drafts: false,
            described: "store: none\n",
        }
    }

    /// A gateway that clawcheck is given the URL of. It is to be found to deviate, at once, unless said otherwise.
    pub(crate) fn attached(name: &'static str, behave: Behaviour) -> Self {
        Self::new(name, Server::Attached(behave))
    }

    /// A gateway that clawcheck starts, right but for what it does before it listens.
    pub(crate) fn spawned(name: &'static str, boot: BeforeListening) -> Self {
        Self::new(name, Server::Spawned { boot, behave: right })
    }

    /// No gateway, or none that would accept.
    pub(crate) fn absent(name: &'static str, server: Server) -> Self {
        Self::new(name, server)
    }

    pub(crate) fn behaves(mut self, behave: Behaviour) -> Self {
        if let Server::Spawned { boot, .. } = self.server {
            self.server = Server::Spawned { boot, behave };
        }
        self
    }

    pub(crate) fn scenario(self, scenario: &'static str) -> Self {
        Self { scenario, ..self }
    }

    /// All is as it should be.
    pub(crate) fn conforms(self) -> Self {
        Self { codes: vec![0], verdicts: vec!["conforms"], ..self }
    }

    /// The gateway could not do its part.
    pub(crate) fn error(self) -> Self {
        Self { codes: vec![3], verdicts: vec!["error"], ..self }
    }

    /// The gateway could not do its part, or it deviates: where clawcheck sees which depends on what it asks first.
    pub(crate) fn error_or_deviates(self) -> Self {
        Self { codes: vec![1, 3], verdicts: vec!["deviates", "error"], ..self }
    }

    /// Whatever the verdict: what counts is that nothing breaks.
    pub(crate) fn any(self) -> Self {
        Self { codes: vec![0, 1, 3], verdicts: vec!["conforms", "deviates", "error"], ..self }
    }

    pub(crate) fn says(mut self, text: &'static str) -> Self {
        self.says.push(text);
        self
    }

    pub(crate) fn never(mut self, text: &'static str) -> Self {
        self.never.push(text);
        self
    }

    pub(crate) fn cost(self, cost: Timeouts) -> Self {
        Self { cost, ..self }
    }

    /// What was seen is left as a draft, which is held to the same rules as the output.
    pub(crate) fn drafts(self) -> Self {
        Self { drafts: true, ..self }
    }

    pub(crate) fn described(self, described: &'static str) -> Self {
        Self { described, ..self }
    }
}
