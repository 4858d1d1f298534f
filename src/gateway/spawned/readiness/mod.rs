//! Detects when a gateway is ready, by sending requests to it.

mod http;
mod probe_result;

pub(crate) use probe_result::LOOPBACK;
use probe_result::ProbeResult;

use super::log::Log;
use super::port::ProcessTree;
use super::process::Process;
use crate::client::connect::Challenge;
use crate::client::{
    Closed, ConnectRequest, Connection, Ending, Incoming, Link, OpenError, Reply, Transcript, Upgrade, ending,
    unexpected_messages,
};
use crate::gateway::launch::LaunchError;
use crate::machine;
use openclaw_protocol::codes;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// The first and the longest pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const MAX_PAUSE: Duration = Duration::from_millis(250);
/// The time for which a gateway may give an unexpected answer and still count as starting.
const STARTUP_GRACE: Duration = Duration::from_secs(10);
/// The maximum wait for an answer to TLS, for a gateway that disconnects HTTP clients.
pub(crate) const TLS_CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// A protocol version that no gateway supports.
const NO_PROTOCOL: i64 = 1_000_000;

/// The condition that means that a gateway is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// The gateway accepts TCP connections.
    Tcp,
    /// The gateway answers an upgrade.
    WebSocket,
    /// The gateway sends a challenge.
    Challenge,
    /// The gateway answers a `connect` with an unsupported protocol range, and the answer is not `gateway starting`.
    Connect,
    /// The gateway logs a line that contains this text.
    LogLine(String),
    /// The gateway answers an HTTP request for this path with a status from 200 to 299.
    Http(String),
}

/// The gateway to ask, and the limits.
pub(crate) struct Probe<'a> {
    pub(crate) port: u16,
    pub(crate) path: &'a str,
    pub(crate) readiness: &'a Readiness,
    pub(crate) deadline: Instant,
    /// The maximum time that an accepted connection may go unanswered.
    pub(crate) answer: Duration,
}

/// Why a gateway is not ready.
enum ReadinessError {
    NeverListened,
    NeverLogged(String),
    NeverAnswered(&'static str),
    Garbage(String),
    Machine(&'static str),
    /// Another program listens on the port.
    PortTaken,
}

impl Probe<'_> {
    /// Waits until the gateway is ready, has ended, or has reached the deadline.
    pub(crate) async fn wait(&self, process: &mut Process) -> Result<(), LaunchError> {
        let log = process.log().clone();
        let tree = process.tree();
        let polled = tokio::select! {
            biased;
            exit = process.wait_for_all() => Err(exit),
            // `biased` checks the exit first: a gateway that has exited can no longer become ready, even if another
            // program answers on its port.
            polled = self.poll(&log, &tree) => Ok(polled),
        };
        let unready = match polled {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(unready)) => unready,
            Err(exit) => return Err(LaunchError::Exited { exit, log: process.final_log().await }),
        };
        let (port, log) = (self.port, log.tail());
        Err(match unready {
            ReadinessError::NeverListened => LaunchError::NeverListened {
                port,
                instead: tree.ports(),
                in_background: process.has_descendants(),
                log,
            },
            ReadinessError::NeverLogged(line) => LaunchError::NeverLogged { line, log },
            ReadinessError::Machine(why) => LaunchError::Harness(why.to_owned()),
            ReadinessError::NeverAnswered(what) => LaunchError::NeverAnswered { port, what, log },
            ReadinessError::Garbage(saw) => LaunchError::Garbage { port, saw, log },
            ReadinessError::PortTaken => LaunchError::PortInUse { port, attempts: 1 },
        })
    }

    async fn poll(&self, log: &Log, tree: &ProcessTree) -> Result<(), ReadinessError> {
        if let Readiness::LogLine(text) = self.readiness {
            return timeout_at(self.deadline, log.wait_for(text))
                .await
                .map_err(|_| ReadinessError::NeverLogged(text.clone()));
        }
        let mut pause = FIRST_PAUSE;
        let mut unexpected: Option<(Instant, String)> = None;
        loop {
            let mut wait = pause;
            let found = self.attempt(tree).await;
            match found {
                ProbeResult::Ready => return Ok(()),
                ProbeResult::Garbage(saw) => {
                    return Err(if tree.listens(self.port) {
                        ReadinessError::Garbage(saw)
                    } else {
                        ReadinessError::PortTaken
                    });
                }
                // An earlier unexpected answer indicates the cause better than the later silence.
                ProbeResult::Unanswered(what) => {
                    return Err(
                        unexpected.map_or(ReadinessError::NeverAnswered(what), |(_, saw)| ReadinessError::Garbage(saw))
                    );
                }
                ProbeResult::Unexpected(saw) => {
                    let since = unexpected.map_or_else(Instant::now, |(since, _)| since);
                    if since.elapsed() > STARTUP_GRACE {
                        return Err(ReadinessError::Garbage(saw));
                    }
                    unexpected = Some((since, saw));
                }
                ProbeResult::Starting(after) => wait = after.unwrap_or(pause).min(MAX_PAUSE * 4),
                ProbeResult::NotListening => {}
                ProbeResult::Machine(why) => return Err(ReadinessError::Machine(why)),
            }
            if Instant::now() + wait >= self.deadline {
                return Err(unexpected.map_or(ReadinessError::NeverListened, |(_, saw)| ReadinessError::Garbage(saw)));
            }
            // The system sends no event when another process begins to listen, so the port must be polled.
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Makes one attempt.
    async fn attempt(&self, tree: &ProcessTree) -> ProbeResult {
        match timeout_at(self.deadline, TcpStream::connect((LOOPBACK, self.port))).await {
            // Another program can take the port between the search for a free port and the start of the gateway.
            Ok(Ok(_)) if !tree.listens(self.port) => return ProbeResult::Garbage("another program".to_owned()),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return machine::shortage(&error).map_or(ProbeResult::NotListening, ProbeResult::Machine),
            Err(_) => return ProbeResult::NotListening,
        }
        if *self.readiness == Readiness::Tcp {
            return ProbeResult::Ready;
        }
        let deadline = self.deadline.min(Instant::now() + self.answer);
        if let Readiness::Http(path) = self.readiness {
            return http::attempt(self.port, path, deadline).await;
        }
        let upgrade = Upgrade { path: self.path.to_owned(), ..Upgrade::default() };
        let recorder = Transcript::new().recorder("probe");
        let mut connection = match Connection::open(self.link(), &upgrade, recorder, deadline).await {
            Ok(connection) => connection,
            Err(error) => {
                let soon = deadline.min(Instant::now() + TLS_CHECK_TIMEOUT);
                return self.open_failed(&Connection::diagnose(error, self.link(), soon).await);
            }
        };
        let found = match self.readiness {
            Readiness::Challenge => challenge(&mut connection, deadline).await,
            Readiness::Connect => connect(&mut connection, deadline).await,
            Readiness::Tcp | Readiness::WebSocket | Readiness::LogLine(_) | Readiness::Http(_) => ProbeResult::Ready,
        };
        // A close handshake, so that the gateway's log does not begin with an error.
        let _ = connection.close(Some(codes::close::NORMAL), "", deadline).await;
        found
    }

    fn link(&self) -> Link {
        Link::Tcp { host: LOOPBACK.to_owned(), port: self.port }
    }

    fn open_failed(&self, error: &OpenError) -> ProbeResult {
        let advice = error.advice(self.path, "with `path:` in the description");
        let saw = advice.map_or_else(|| error.to_string(), |advice| format!("{error}; {advice}"));
        match error {
            OpenError::Refused(_) | OpenError::Unreachable { .. } => ProbeResult::NotListening,
            OpenError::Machine(why) => ProbeResult::Machine(why),
            OpenError::Deadline => ProbeResult::Unanswered("the upgrade"),
            OpenError::Status { .. } | OpenError::Ended { .. } => ProbeResult::Unexpected(saw),
            OpenError::NotWebSocket(_) | OpenError::Header(_) | OpenError::Tls => ProbeResult::Garbage(saw),
        }
    }
}

async fn challenge(connection: &mut Connection, deadline: Instant) -> ProbeResult {
    match connection.next(deadline).await {
        Incoming::Text(frame) if frame.event() == Some("connect.challenge") => ProbeResult::Ready,
        Incoming::Text(frame) => ProbeResult::Garbage(format!(
            "its first frame begins {:?}",
            frame.text.chars().take(60).collect::<String>()
        )),
        Incoming::Binary(_) => ProbeResult::Garbage("its first frame is binary".to_owned()),
        Incoming::Closed(closed) => closed_result(&closed),
        Incoming::Deadline => ProbeResult::Unanswered("with a challenge"),
    }
}

/// Newer releases listen and send challenges before they accept connects. A connect with an unsupported protocol
/// range shows whether the release accepts connects, and changes nothing in its store.
async fn connect(connection: &mut Connection, deadline: Instant) -> ProbeResult {
    let first = challenge(connection, deadline).await;
    if !matches!(first, ProbeResult::Ready) {
        return first;
    }
    let request = ConnectRequest { protocol: (NO_PROTOCOL, NO_PROTOCOL), ..ConnectRequest::default() };
    let params = request.params(&Challenge::default(), 0);
    let Ok(pending) = connection.request("connect", params, deadline).await else { return ProbeResult::Starting(None) };
    match connection.response(&pending, deadline).await {
        Reply::Response(response) if response["error"]["code"] == codes::error::UNAVAILABLE => {
            ProbeResult::Starting(response["error"]["retryAfterMs"].as_u64().map(Duration::from_millis))
        }
        Reply::Response(_) => ProbeResult::Ready,
        Reply::Closed(closed) => closed_result(&closed),
        Reply::Deadline => match unexpected_messages(&connection.take_all_unread(), &pending.0) {
            Some(instead) => ProbeResult::Garbage(instead),
            None => ProbeResult::Unanswered("a connect"),
        },
    }
}

fn closed_result(closed: &Closed) -> ProbeResult {
    match (closed.code, &closed.how) {
        (Some(codes::close::TRY_LATER | codes::close::RESTART), _) => ProbeResult::Starting(None),
        // A starting gateway does not violate the protocol, so there is no reason to wait.
        (_, Ending::Violation(_) | Ending::TooMuch(_)) => ProbeResult::Garbage(ending(closed)),
        _ => ProbeResult::Unexpected(format!("{} at once", ending(closed))),
    }
}
