//! The queue of commands from the actor to a connection's task.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Notify, mpsc};

/// Maximum number of queued commands. The task takes them as fast as the peer reads.
const CAPACITY: usize = 1024;
/// Maximum number of bytes for a slow reader before the release closes its connection (`MAX_BUFFERED_BYTES`).
const MAX_BUFFERED: usize = 50 * 1024 * 1024;

/// One command for a connection. The order matters.
#[derive(Debug)]
pub(super) enum OutboxCommand {
    /// Send this text frame.
    Text(String),
    /// Answer a ping with these bytes.
    Pong(Vec<u8>),
    /// The client is authenticated and can send longer messages.
    RaiseLimit,
    /// Start the close handshake; nothing follows.
    Close { code: u16, reason: String },
}

/// The actor's end. It never blocks: a reader that is too slow is disconnected, as in the release.
pub(super) struct Outbox {
    commands: mpsc::Sender<OutboxCommand>,
    shared: Arc<OutboxState>,
    closed: bool,
}

/// The connection's end.
pub(super) struct Inbox {
    commands: mpsc::Receiver<OutboxCommand>,
    shared: Arc<OutboxState>,
}

#[derive(Default)]
struct OutboxState {
    bytes: AtomicUsize,
    overflow: Notify,
}

/// Both ends.
pub(super) fn channel() -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let shared = Arc::new(OutboxState::default());
    (Outbox { commands: sender, shared: Arc::clone(&shared), closed: false }, Inbox { commands: receiver, shared })
}

impl Outbox {
    /// Queues a command. After a close, or if the reader was too slow, nothing more is queued.
    pub(super) fn push(&mut self, command: OutboxCommand) {
        if self.closed {
            return;
        }
        self.closed = matches!(command, OutboxCommand::Close { .. });
        let bytes = self.shared.bytes.fetch_add(command.size(), Ordering::Relaxed);
        if bytes > MAX_BUFFERED || self.commands.try_send(command).is_err() {
            self.closed = true;
            self.shared.overflow.notify_one();
        }
    }
}

impl Inbox {
    /// The next command. `None` after the actor has dropped its end.
    pub(super) async fn next(&mut self) -> Option<OutboxCommand> {
        let command = self.commands.recv().await?;
        self.shared.bytes.fetch_sub(command.size(), Ordering::Relaxed);
        Some(command)
    }

    /// A command that is already queued.
    pub(super) fn try_next(&mut self) -> Option<OutboxCommand> {
        let command = self.commands.try_recv().ok()?;
        self.shared.bytes.fetch_sub(command.size(), Ordering::Relaxed);
        Some(command)
    }

    /// Resolves when the reader was too slow.
    pub(super) fn overflow(&self) -> impl Future<Output = ()> + use<> {
        let shared = Arc::clone(&self.shared);
        async move { shared.overflow.notified().await }
    }
}

impl OutboxCommand {
    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Pong(payload) => payload.len(),
            Self::RaiseLimit | Self::Close { .. } => 0,
        }
    }
}
