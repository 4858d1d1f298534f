//! Asks one question on one connection.

mod timeouts;

use crate::client::connect::Challenge;
use crate::client::{Connection, Incoming, OpenError, Reply, RequestId, Transcript, Upgrade};
use crate::gateway::Running;
use crate::probe::Settings;
use crate::probe::answer::{self, Answer, Decision};
use crate::probe::connect::{Connect, FollowUp};
use crate::probe::context::ProbeContext;
use crate::probe::question::{Frame, Prerequisite, Question, Script, SideEffect, Topic};
use crate::probe::questions::{HELLO, NEW_DEVICE, NO_SECRET};
use crate::probe::report::ProbeReport;
use crate::probe::settings::Secret;
use openclaw_protocol::connect::is_hello;
use serde_json::Value;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::net::IpAddr;
use timeouts::{AnswerTimeouts, WaitLength};
use tokio::time::Instant;
use untrusted_data::Redactions;
use untrusted_data::cut;
use untrusted_data::limits::LINE;

/// The maximum number of messages that are read for one answer.
pub(super) const MAX_MESSAGES: usize = 64;
/// The maximum number of methods that are kept.
const MAX_METHODS: usize = 4096;
/// The maximum number of questions with wrong secrets to a gateway on another machine. OpenClaw locks out an address
/// after ten.
const MAX_GUESSES: usize = 4;

/// Asks the questions of one probe. It can ask several at the same time.
pub(super) struct Asker<'a> {
    running: &'a Running,
    context: ProbeContext,
    peer: Option<IpAddr>,
    timeouts: AnswerTimeouts,
    guesses: Cell<usize>,
    /// The payload of the hello-ok that other questions look at.
    hello: OnceCell<Value>,
    /// The device tokens in all answers.
    issued: RefCell<Redactions>,
}

impl<'a> Asker<'a> {
    pub(super) fn new(running: &'a Running, context: ProbeContext, settings: &Settings) -> Self {
        let timeouts = AnswerTimeouts::new(settings.answer, settings.total);
        Self {
            running,
            context,
            peer: settings.peer,
            timeouts,
            guesses: Cell::new(0),
            hello: OnceCell::new(),
            issued: RefCell::new(Redactions::default()),
        }
    }

    /// The device tokens that the gateway issued.
    pub(super) fn issued(&self) -> Redactions {
        self.issued.borrow().clone()
    }

    /// `server.version` in the hello-ok.
    pub(super) fn version(&self) -> Option<String> {
        let version = self.hello.get()?.pointer("/server/version")?.as_str()?;
        Some(cut::line(version, LINE).into_owned())
    }

    /// The methods in the hello-ok.
    pub(super) fn methods(&self) -> BTreeSet<String> {
        let methods = self.hello.get().and_then(|hello| hello.pointer("/features/methods")?.as_array());
        let methods = methods.into_iter().flatten().take(MAX_METHODS).filter_map(Value::as_str);
        methods.map(str::to_owned).collect()
    }

    /// Begins a stage, whose questions are asked at the same time.
    pub(super) fn stage(&self) {
        self.timeouts.stage();
    }

    /// Why a question is not asked, given the answers so far.
    pub(super) fn reason_not_to_ask(&self, question: &Question, so_far: &ProbeReport) -> Option<&'static str> {
        let has_secret = self.context.secret != Secret::Unknown;
        let writes = match question.leaves {
            SideEffect::Nothing => false,
            SideEffect::RecordIfOpen => !so_far.checks_secrets() || so_far.pairs_without_secret(),
            SideEffect::Record => true,
        };
        match question.needs {
            _ if self.timeouts.is_over() => Some("the time limit of the probe was reached"),
            _ if writes && !self.context.writes => Some("could leave a record in the store (--allow-writes)"),
            _ if question.guesses && self.peer.is_some() && self.guesses.get() >= MAX_GUESSES => {
                Some("a gateway locks out addresses that try many wrong secrets")
            }
            Prerequisite::Secret if !has_secret && !so_far.grants(NO_SECRET) => {
                Some("needs the secret of the gateway (CLAWCHECK_TOKEN)")
            }
            Prerequisite::Hello if self.hello.get().is_none() => Some("needs a hello-ok"),
            Prerequisite::DeviceToken if self.context.device_token.get().is_none() => {
                Some("no device token was issued")
            }
            _ => None,
        }
    }

    /// Asks a question. The maximum duration is a few waits. If a gateway that has answered gives no answer, the machine may be
    /// busy, so the question is asked again with a longer wait. A wrong secret is not repeated on another machine, so its
    /// answer gets the longer wait at once.
    pub(super) async fn ask(&self, question: &Question) -> Answer {
        if question.guesses && self.peer.is_some() {
            return self.ask_once(question, WaitLength::Longer).await;
        }
        let began = Instant::now();
        let answer = self.ask_once(question, WaitLength::Usual).await;
        if answer.decision != Decision::Silent || !self.timeouts.can_wait_longer(began.elapsed()) {
            return answer;
        }
        let answer = self.ask_once(question, WaitLength::Longer).await;
        self.timeouts.waited_longer(answer.decision != Decision::Silent);
        answer
    }

    async fn ask_once(&self, question: &Question, wait_length: WaitLength) -> Answer {
        self.guesses.set(self.guesses.get() + usize::from(question.guesses));
        match question.script {
            Script::Challenge => self.open_only(self.context.upgrade.clone(), wait_length).await,
            Script::Open(change) => {
                let mut upgrade = self.context.upgrade.clone();
                change(&mut upgrade);
                self.open_only(upgrade, wait_length).await
            }
            Script::First(frame) => self.first(frame(), wait_length).await,
            Script::Ping => self.ping(wait_length).await,
            Script::Close => self.close(wait_length).await,
            Script::Connect(connect) => {
                let connect = connect(&self.context);
                self.connect(question, &connect, wait_length).await
            }
            Script::OfHello(look) => match self.hello.get() {
                Some(hello) => Answer::new(Decision::Granted, look(hello)),
                None => Answer::new(Decision::Silent, "no hello-ok"),
            },
            Script::Silence => Answer::new(Decision::Silent, "not asked"),
        }
    }

    async fn open(&self, upgrade: &Upgrade, wait_length: WaitLength) -> Result<Connection, Answer> {
        let began = Instant::now();
        let opened = open(self.running, self.peer, upgrade, self.timeouts.deadline(wait_length)).await;
        match &opened {
            Err(OpenError::Deadline | OpenError::Refused(_) | OpenError::Unreachable { .. }) => self.timeouts.missed(),
            _ => self.timeouts.answered(began.elapsed()),
        }
        opened.map_err(|error| Answer::of_open(&error))
    }

    /// Waits for the challenge. Any other message is the answer.
    async fn challenge(&self, connection: &mut Connection, wait_length: WaitLength) -> Result<Option<Value>, Answer> {
        let began = Instant::now();
        match connection.next(self.timeouts.challenge_deadline(wait_length)).await {
            Incoming::Text(frame) if frame.event() == Some("connect.challenge") => {
                self.timeouts.answered(began.elapsed());
                self.timeouts.challenge(true);
                Ok(Some(frame.payload().cloned().unwrap_or_default()))
            }
            Incoming::Deadline => {
                self.timeouts.challenge(false);
                Ok(None)
            }
            Incoming::Closed(closed) => Err(Answer::new(Decision::Refused, answer::parting(&closed))),
            Incoming::Text(_) | Incoming::Binary(_) => {
                self.timeouts.challenge(false);
                Ok(None)
            }
        }
    }

    async fn open_only(&self, upgrade: Upgrade, wait_length: WaitLength) -> Answer {
        let mut connection = match self.open(&upgrade, wait_length).await {
            Ok(connection) => connection,
            Err(answer) => return answer,
        };
        match self.challenge(&mut connection, wait_length).await {
            Ok(Some(payload)) => {
                let mut members =
                    payload.as_object().map_or(Vec::new(), |object| object.keys().take(16).cloned().collect());
                members.sort_unstable();
                Answer::new(Decision::Granted, format!("challenge with {}", members.join(", ")))
            }
            Ok(None) => Answer::new(Decision::Silent, "no challenge"),
            Err(answer) => answer,
        }
    }

    /// A connection on which the challenge was read, if there is one. Without its challenge, a client would get another answer.
    async fn opened(&self, upgrade: &Upgrade, wait_length: WaitLength) -> Result<(Connection, Challenge), Answer> {
        let began = Instant::now();
        let mut connection = self.open(upgrade, wait_length).await?;
        let challenge = self.challenge(&mut connection, wait_length).await?;
        let is_repeated = wait_length == WaitLength::Usual && self.timeouts.can_challenge_come_after(began.elapsed());
        if challenge.is_none() && is_repeated {
            return Err(Answer::new(Decision::Silent, "no challenge"));
        }
        Ok((connection, challenge.as_ref().map(Challenge::from_payload).unwrap_or_default()))
    }

    async fn first(&self, frame: Frame, wait_length: WaitLength) -> Answer {
        let upgrade = self.context.upgrade.clone();
        let mut connection = match self.opened(&upgrade, wait_length).await {
            Ok((connection, _)) => connection,
            Err(answer) => return answer,
        };
        let deadline = self.timeouts.deadline(wait_length);
        // A gateway can close the connection while it reads. Its last message is then the answer.
        let _ = match frame {
            Frame::Text(text) => connection.send_text(text, deadline).await,
            Frame::Binary(bytes) => connection.send_binary(bytes, deadline).await,
        };
        self.outcome(&mut connection, wait_length).await.0
    }

    async fn ping(&self, wait_length: WaitLength) -> Answer {
        let upgrade = self.context.upgrade.clone();
        match self.opened(&upgrade, wait_length).await {
            Ok((mut connection, _)) => match connection.ping(self.timeouts.deadline(wait_length)).await {
                true => Answer::new(Decision::Granted, "pong"),
                false => Answer::new(Decision::Silent, "no pong"),
            },
            Err(answer) => answer,
        }
    }

    async fn close(&self, wait_length: WaitLength) -> Answer {
        let upgrade = self.context.upgrade.clone();
        match self.opened(&upgrade, wait_length).await {
            Ok((mut connection, _)) => {
                let _ = connection.close(Some(1000), "", self.timeouts.deadline(wait_length)).await;
                self.outcome(&mut connection, wait_length).await.0
            }
            Err(answer) => answer,
        }
    }

    async fn connect(&self, question: &Question, connect: &Connect, wait_length: WaitLength) -> Answer {
        let (mut connection, challenge) = match self.opened(&connect.upgrade, wait_length).await {
            Ok(opened) => opened,
            Err(answer) => return answer,
        };
        let params = connect.request.params(&challenge, self.running.now());
        let _ = connection.request("connect", params.clone(), self.timeouts.deadline(wait_length)).await;
        let (answer, payload) = self.outcome(&mut connection, wait_length).await;
        let Some(payload) = payload else { return answer };
        if let Some(token) = payload.pointer("/auth/deviceToken").and_then(Value::as_str) {
            self.issued.borrow_mut().add(token, "device token");
            if question.id == NEW_DEVICE {
                self.context.device_token.get_or_init(|| token.to_owned());
            }
        }
        if let (Topic::Proof, Some(device)) = (question.topic, &connect.request.device) {
            self.context.accepted_proof.get_or_init(|| device.version);
        }
        if question.id == HELLO {
            self.hello.get_or_init(|| payload);
        }
        let method = match connect.then {
            FollowUp::Nothing => return answer,
            FollowUp::Call(method) => method,
            FollowUp::ConnectAgain => "connect",
        };
        let params =
            if connect.then == FollowUp::ConnectAgain { params } else { Value::Object(serde_json::Map::new()) };
        let pending = connection.request(method, params, self.timeouts.deadline(wait_length)).await;
        let Ok(pending) = pending else { return self.outcome(&mut connection, wait_length).await.0 };
        self.call_outcome(&mut connection, &pending, wait_length).await
    }

    /// The answer to a call. After a refusal, a ping tests whether the connection stays open.
    async fn call_outcome(&self, connection: &mut Connection, pending: &RequestId, wait_length: WaitLength) -> Answer {
        let began = Instant::now();
        let response = match connection.response(pending, self.timeouts.deadline(wait_length)).await {
            Reply::Response(response) => response,
            Reply::Closed(closed) => return Answer::new(Decision::Refused, answer::parting(&closed)),
            Reply::Deadline => {
                self.timeouts.missed();
                return Answer::new(Decision::Silent, "no answer");
            }
        };
        self.timeouts.answered(began.elapsed());
        if response.get("ok").and_then(Value::as_bool) == Some(true) {
            return Answer::new(Decision::Granted, "ok");
        }
        let seen = answer::refusal(&response);
        connection.ping(self.timeouts.deadline(wait_length)).await;
        match connection.ended() {
            Some(closed) => Answer::new(Decision::Refused, format!("{seen}, {}", answer::parting(closed))),
            None => stays_open(Some(seen)),
        }
    }

    /// Reads until the gateway has answered. A hello-ok is also returned.
    async fn outcome(&self, connection: &mut Connection, wait_length: WaitLength) -> (Answer, Option<Value>) {
        let began = Instant::now();
        let mut seen: Option<String> = None;
        for _ in 0..MAX_MESSAGES {
            let deadline = if seen.is_some() {
                self.timeouts.close_deadline(wait_length)
            } else {
                self.timeouts.deadline(wait_length)
            };
            match connection.next(deadline).await {
                Incoming::Text(frame) if frame.event().is_some() => {}
                Incoming::Text(frame) => {
                    self.timeouts.answered(began.elapsed());
                    let json = frame.json.unwrap_or_default();
                    match response(&json) {
                        Response::Hello(payload) => {
                            let answer = Answer::new(Decision::Granted, answer::admission(payload));
                            return (answer, Some(payload.clone()));
                        }
                        Response::Ok => return (Answer::new(Decision::Granted, "ok"), None),
                        Response::Error => seen = Some(answer::refusal(&json)),
                        Response::Other => seen = Some("another message".to_owned()),
                    }
                }
                Incoming::Binary(_) => seen = Some("a binary message".to_owned()),
                Incoming::Closed(closed) => {
                    self.timeouts.answered(began.elapsed());
                    self.timeouts.closed(true);
                    let parting = answer::parting(&closed);
                    let text = seen.map_or_else(|| parting.clone(), |seen| format!("{seen}, {parting}"));
                    return (Answer::new(Decision::Refused, text), None);
                }
                Incoming::Deadline => {
                    match seen {
                        Some(_) => self.timeouts.closed(false),
                        None => self.timeouts.missed(),
                    }
                    return (stays_open(seen), None);
                }
            }
        }
        (Answer::new(Decision::Silent, "many messages and no answer"), None)
    }
}

/// The answer of a gateway that did not close the connection.
fn stays_open(seen: Option<String>) -> Answer {
    match seen {
        Some(seen) => Answer::new(Decision::Refused, format!("{seen}, stays open")),
        None => Answer::new(Decision::Silent, "no answer"),
    }
}

/// Converts a message to an answer.
enum Response<'a> {
    Hello(&'a Value),
    Ok,
    Error,
    Other,
}

fn response(frame: &Value) -> Response<'_> {
    if frame.get("type").and_then(Value::as_str) != Some("res") {
        return Response::Other;
    }
    let payload = frame.get("payload");
    match (frame.get("ok").and_then(Value::as_bool), payload) {
        // The frame answers a connect, or a first frame that no gateway accepts.
        (Some(true), Some(payload)) if is_hello(payload, true) => Response::Hello(payload),
        (Some(true), _) => Response::Ok,
        _ => Response::Error,
    }
}

pub(super) async fn open(
    running: &Running,
    peer: Option<IpAddr>,
    upgrade: &Upgrade,
    deadline: Instant,
) -> Result<Connection, OpenError> {
    // Only an embedded gateway can be reached from another address.
    let link = running.link(peer).or_else(|_| running.link(None));
    let link = link.map_err(|error| OpenError::NotWebSocket(error.to_string()))?;
    Connection::open(link, upgrade, Transcript::new().recorder("probe"), deadline).await
}
