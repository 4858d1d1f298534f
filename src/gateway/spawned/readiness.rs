//! Finds out when a gateway is ready, by asking it.

mod http;

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

/// The first and the longest pause between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// For how long an answer that no ready gateway gives is taken for one that is still starting.
const STARTUP_GRACE: Duration = Duration::from_secs(10);
/// How long a gateway that hangs up on HTTP may take to answer TLS.
pub(crate) const TLS_CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Where every gateway that we start listens.
pub(crate) const LOOPBACK: &str = "127.0.0.1";
/// A protocol version that no gateway will ever have.
const NO_PROTOCOL: i64 = 1_000_000;

/// What tells that a gateway is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// It takes TCP connections.
    Tcp,
    /// It answers an upgrade.
    WebSocket,
    /// It sends a challenge.
    Challenge,
    /// It answers a `connect` whose protocol range no gateway has, with anything but `gateway starting`.
    Connect,
    /// It logs a line that contains this.
    LogLine(String),
    /// It answers an HTTP request for this path with a status from 200 to 299.
    Http(String),
}

/// Where to ask.
pub(crate) struct Probe<'a> {
    pub(crate) port: u16,
    pub(crate) path: &'a str,
    pub(crate) readiness: &'a Readiness,
    pub(crate) deadline: Instant,
    /// How long a connection that was taken may go unanswered.
    pub(crate) answer: Duration,
}

/// What one try found.
#[derive(Debug)]
enum ProbeResult {
    Ready,
    /// Nobody listens yet.
    NotListening,
    /// It says that it is starting. Ask again after this long, if it said so.
    Starting(Option<Duration>),
    /// Something that a gateway may say while it starts, but not for long.
    Unexpected(String),
    /// Something that no gateway ever says.
    Garbage(String),
    /// It took the connection, and then nothing came until the deadline.
    Unanswered(&'static str),
    /// The machine that clawcheck runs on has run out of something.
    Machine(&'static str),
}

/// Why it is not ready.
enum ReadinessError {
    NeverListened,
    NeverLogged(String),
    NeverAnswered(&'static str),
    Garbage(String),
    Machine(&'static str),
    /// Somebody else listens on its port.
    PortTaken,
}

impl Probe<'_> {
    /// Waits until the gateway is ready, dead, or out of time.
    pub(crate) async fn wait(&self, process: &mut Process) -> Result<(), LaunchError> {
        let log = process.log().clone();
        let tree = process.tree();
        let polled = tokio::select! {
            biased;
            exit = process.wait_for_all() => Err(exit),
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
                // What it said before, however odd, says more than that it then fell silent.
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
                ProbeResult::Starting(after) => wait = after.unwrap_or(pause).min(LONGEST_PAUSE * 4),
                ProbeResult::NotListening => {}
                ProbeResult::Machine(why) => return Err(ReadinessError::Machine(why)),
            }
            if Instant::now() + wait >= self.deadline {
                return Err(unexpected.map_or(ReadinessError::NeverListened, |(_, saw)| ReadinessError::Garbage(saw)));
            }
            // Nothing tells when a stranger begins to listen: it has to be asked again and again.
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One try.
    async fn attempt(&self, tree: &ProcessTree) -> ProbeResult {
        match timeout_at(self.deadline, TcpStream::connect((LOOPBACK, self.port))).await {
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
        // A polite end, so that the gateway's log does not begin with a complaint.
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

/// Newer releases listen, and send challenges, before they take connects. What they say to a connect whose protocol range
/// nobody has tells which it is, and leaves no trace in their store.
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
        // That is not how a gateway begins, however long it is waited for.
        (_, Ending::Violation(_) | Ending::TooMuch(_)) => ProbeResult::Garbage(ending(closed)),
        _ => ProbeResult::Unexpected(format!("{} at once", ending(closed))),
    }
}
