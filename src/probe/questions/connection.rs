//! The upgrade, the challenge and the life of a connection before the connect.

use crate::probe::question::Topic::Connection;
use crate::probe::question::{Question, Script};

/// Only this question takes seconds. It runs at the same time as the others.
pub(in crate::probe) const SILENCE: Question =
    Question::new("silence", Connection, "a client that sends nothing", Script::Silence);

pub(super) const QUESTIONS: &[Question] = &[
    Question::new("challenge", Connection, "a new connection", Script::Challenge),
    Question::new("path", Connection, "another path", Script::Open(|upgrade| upgrade.path = "/clawcheck-probe".into())),
    Question::new(
        "host",
        Connection,
        "another Host header",
        Script::Open(|upgrade| upgrade.host = Some("gateway.example".into())),
    ),
    Question::new("ping", Connection, "a ping before the connect", Script::Ping),
    Question::new("close", Connection, "a close frame before the connect", Script::Close),
];
