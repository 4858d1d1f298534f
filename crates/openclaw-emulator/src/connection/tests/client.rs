//! A WebSocket client of tokio-tungstenite, so that the tests use an implementation that is independent of ours.

use futures_util::{SinkExt as _, StreamExt as _};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// The maximum wait for any event, on the paused clock.
const EVENT_TIMEOUT: Duration = Duration::from_secs(5);

/// An open connection.
pub(super) struct Client {
    socket: WebSocketStream<DuplexStream>,
    /// Messages that arrived before a pong.
    unread: VecDeque<ClientEvent>,
}

/// A received event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClientEvent {
    Text(String),
    /// A close frame.
    Closed(Option<u16>, String),
    /// The socket ended without a close frame.
    Cut,
}

/// An answer to the upgrade that does not open a WebSocket: the status and the body.
pub(super) type NoUpgrade = (u16, String);

impl Client {
    pub(super) async fn open(stream: DuplexStream, header: (&'static str, &str)) -> Result<Self, NoUpgrade> {
        let mut request = "ws://gateway.test/".into_client_request().unwrap();
        request.headers_mut().insert(header.0, header.1.parse().unwrap());
        match timeout(EVENT_TIMEOUT, client_async(request, stream)).await.unwrap() {
            Ok((socket, _)) => Ok(Self { socket, unread: VecDeque::new() }),
            Err(Error::Http(answer)) => {
                let body = String::from_utf8(answer.body().clone().unwrap_or_default()).unwrap();
                Err((answer.status().as_u16(), body))
            }
            Err(other) => panic!("{other}"),
        }
    }

    pub(super) async fn next(&mut self) -> ClientEvent {
        match self.unread.pop_front() {
            Some(client_event) => client_event,
            None => match timeout(EVENT_TIMEOUT, self.socket.next()).await.unwrap() {
                Some(Ok(message)) => client_event(message),
                Some(Err(_)) | None => ClientEvent::Cut,
            },
        }
    }

    /// Whether the message was received in time.
    pub(super) async fn send(&mut self, message: Message) -> bool {
        timeout(EVENT_TIMEOUT, self.socket.send(message)).await.is_ok_and(|sent| sent.is_ok())
    }

    pub(super) async fn send_text(&mut self, text: impl Into<String>) -> bool {
        self.send(Message::Text(text.into().into())).await
    }

    pub(super) async fn send_raw_bytes(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).await.unwrap();
    }

    pub(super) async fn close(&mut self, code: Option<u16>, reason: &'static str) -> bool {
        let frame = code.map(|code| CloseFrame { code: code.into(), reason: reason.into() });
        self.send(Message::Close(frame)).await
    }

    /// Whether a ping is answered.
    pub(super) async fn ping(&mut self) -> bool {
        assert!(self.send(Message::Ping(vec![7].into())).await);
        loop {
            match timeout(EVENT_TIMEOUT, self.socket.next()).await {
                Ok(Some(Ok(Message::Pong(payload)))) => return payload.as_ref() == [7],
                Ok(Some(Ok(message))) => self.unread.push_back(client_event(message)),
                _ => return false,
            }
        }
    }
}

fn client_event(message: Message) -> ClientEvent {
    match message {
        Message::Text(text) => ClientEvent::Text(text.to_string()),
        Message::Close(None) => ClientEvent::Closed(None, String::new()),
        Message::Close(Some(frame)) => ClientEvent::Closed(Some(frame.code.into()), frame.reason.to_string()),
        other => panic!("{other:?}"),
    }
}
