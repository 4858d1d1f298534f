//! A named behaviour and the expected output of clawcheck.

use super::peer::{Done, Peer, right};
use std::path::PathBuf;

/// The behaviour on each connection. The connection ends when the function returns.
pub(crate) type Behaviour = fn(&mut Peer) -> Done;
/// The actions of a gateway process before it listens.
pub(crate) type BeforeListening = fn(&StartedGateway);

/// A gateway that clawcheck started.
pub(crate) struct StartedGateway {
    /// `{state-dir}` of the description.
    pub state: PathBuf,
    /// The gateway's own token.
    pub token: String,
}

/// The maximum number of answer timeouts that a run may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timeouts {
    /// Never.
    Instant,
    /// Once.
    OneDeadline,
    /// Two, the most that any gateway may cost.
    TwoDeadlines,
}

/// The location of the gateway.
#[derive(Clone, Copy)]
pub(crate) enum Server {
    /// In this process. clawcheck gets its URL.
    Attached(Behaviour),
    /// No process listens at the URL.
    Nobody,
    /// A socket that listens and never accepts.
    Deaf,
    /// This program, which clawcheck starts from a description.
    Spawned { boot: BeforeListening, behave: Behaviour },
}

/// Two devices that request access.
pub(crate) const TWO_CONNECTS: &str = "scenario: Two connects
steps:
  - connect: { device: laptop }
    expect: hello
  - connect: { device: phone }
    expect: hello
";

/// A gateway that behaves wrongly, and what clawcheck must report about it.
pub(crate) struct Row {
    pub name: &'static str,
    pub server: Server,
    pub scenario: &'static str,
    /// The allowed exit codes.
    pub codes: Vec<i32>,
    /// The allowed verdicts.
    pub verdicts: Vec<&'static str>,
    /// Texts that the output must contain.
    pub says: Vec<&'static str>,
    /// Texts that the output must not contain.
    pub never: Vec<&'static str>,
    pub cost: Timeouts,
    /// Whether the observation is saved as a draft.
    pub drafts: bool,
    /// Additional lines of the description, for a gateway process.
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

    /// A gateway at a URL. By default, the run must find quickly that it deviates.
    pub(crate) fn attached(name: &'static str, behave: Behaviour) -> Self {
        Self::new(name, Server::Attached(behave))
    }

    /// A gateway that clawcheck starts. It is correct except for its actions before it listens.
    pub(crate) fn spawned(name: &'static str, boot: BeforeListening) -> Self {
        Self::new(name, Server::Spawned { boot, behave: right })
    }

    /// A gateway that does not exist or does not accept connections.
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

    /// The gateway conforms.
    pub(crate) fn conforms(self) -> Self {
        Self { codes: vec![0], verdicts: vec!["conforms"], ..self }
    }

    /// The gateway failed.
    pub(crate) fn error(self) -> Self {
        Self { codes: vec![3], verdicts: vec!["error"], ..self }
    }

    /// The gateway failed or deviates. This depends on which request clawcheck sends first.
    pub(crate) fn error_or_deviates(self) -> Self {
        Self { codes: vec![1, 3], verdicts: vec!["deviates", "error"], ..self }
    }

    /// Any verdict is allowed. The test only checks that clawcheck handles the behaviour.
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

    /// The observation is saved as a draft. The draft must meet the same rules as the output.
    pub(crate) fn drafts(self) -> Self {
        Self { drafts: true, ..self }
    }

    pub(crate) fn described(self, described: &'static str) -> Self {
        Self { described, ..self }
    }
}
