//! The events that passed through the proxy.

use super::frames::Message;
use crate::locked::locked;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The maximum number of bytes of messages, and of events, that a recording contains.
const MAX_BYTES: usize = 64 << 20;
const MAX_ENTRIES: usize = 100_000;

/// The request of a WebSocket connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The path, without the query.
    pub(super) path: String,
    /// The headers, in order.
    pub(super) headers: Vec<(String, String)>,
}

/// An event on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// The gateway accepted the WebSocket.
    Opened(Head),
    /// The gateway refused the WebSocket with this HTTP status.
    NotOpened(Head, u16),
    /// A message from the client.
    FromClient(Message),
    /// A message from the gateway.
    FromGateway(Message),
    /// The client ended the connection.
    ClientEnded,
    /// The gateway ended the connection.
    GatewayEnded,
}

impl Event {
    /// The number of bytes that the event keeps in memory beside itself.
    fn bytes(&self) -> usize {
        match self {
            Self::Opened(head) | Self::NotOpened(head, _) => {
                let header =
                    |(name, value): &(String, String)| name.len() + value.len() + size_of::<(String, String)>();
                head.path.len() + head.headers.iter().map(header).sum::<usize>()
            }
            Self::FromClient(message) | Self::FromGateway(message) => message.length().unwrap_or_default(),
            Self::ClientEnded | Self::GatewayEnded => 0,
        }
    }
}

/// An event with its connection and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The number of the connection, counted from 1.
    pub(super) connection: usize,
    /// The time since the start of the recording.
    pub(super) at: Duration,
    /// What happened on the connection.
    pub(super) event: Event,
}

/// Everything that is recorded, in the order in which it passed.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// The events.
    pub(super) entries: VecDeque<Entry>,
    /// The number of WebSocket connections.
    pub(super) connections: usize,
    /// The number of connections with other HTTP requests, such as those of a page.
    pub(super) other_requests: usize,
    /// The number of connections that were refused because of the limits.
    pub(super) refused_connection: usize,
    /// The number of connections that the gateway did not accept, and the last reason.
    pub(super) unreachable: (usize, String),
    /// The number of events that were not recorded because of the limits.
    pub(super) left_out: usize,
    bytes: usize,
}

/// A recording in progress.
#[derive(Debug)]
pub(super) struct Recording {
    began: Instant,
    recorded: Mutex<Recorded>,
}

impl Recording {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), recorded: Mutex::default() }
    }

    /// The number of a new WebSocket connection.
    pub(super) fn connection(&self) -> usize {
        let mut recorded = self.lock();
        recorded.connections += 1;
        recorded.connections
    }

    pub(super) fn other_request(&self) {
        self.lock().other_requests += 1;
    }

    pub(super) fn unreachable(&self, reason: String) {
        let mut recorded = self.lock();
        recorded.unreachable = (recorded.unreachable.0 + 1, reason);
    }

    pub(super) fn refused_connection(&self) {
        self.lock().refused_connection += 1;
    }

    /// Adds an event.
    pub(super) fn add(&self, connection: usize, event: Event) {
        let at = self.began.elapsed();
        let bytes = event.bytes();
        let mut recorded = self.lock();
        if recorded.bytes + bytes > MAX_BYTES || recorded.entries.len() >= MAX_ENTRIES {
            recorded.left_out += 1;
            return;
        }
        recorded.bytes += bytes;
        recorded.entries.push_back(Entry { connection, at, event });
    }

    /// Ends the recording.
    pub(super) fn take(&self) -> Recorded {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        locked(&self.recorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_close_reasons_count() {
        let recording = Recording::new();
        let large = || "x".repeat(MAX_BYTES / 2);
        let head = Head { path: "/".to_owned(), headers: vec![("a".to_owned(), large())] };
        recording.add(1, Event::Opened(head.clone()));
        recording.add(2, Event::NotOpened(head, 403));
        recording.add(1, Event::FromGateway(Message::Close(None, large())));
        recording.add(1, Event::ClientEnded);
        let recorded = recording.take();
        assert_eq!((recorded.entries.len(), recorded.left_out), (2, 2));
    }
}
