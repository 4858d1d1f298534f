//! The queue of commands from the owner to a connection's task.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Notify, mpsc};

/// Maximum number of queued commands. The task takes them as fast as the peer reads.
const CAPACITY: usize = 1024;
/// Maximum number of bytes for a slow reader before the release closes its connection (`MAX_BUFFERED_BYTES`).
const MAX_BUFFERED: usize = 50 * 1024 * 1024;

/// One command for a connection. The order matters.
#[derive(Debug)]
pub(super) enum Order {
    /// Send this text frame.
    Text(String),
    /// Answer a ping with these bytes.
    Pong(Vec<u8>),
    /// The client is authenticated and can send longer messages.
    RaiseLimit,
    /// Start the close handshake; nothing follows.
    Close { code: u16, reason: String },
}

/// The owner's end. It never blocks: a reader that is too slow is disconnected, as in the release.
pub(super) struct Outbox {
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    closed: bool,
}

/// The connection's end.
pub(super) struct Inbox {
    orders: mpsc::Receiver<Order>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    bytes: AtomicUsize,
    overflow: Notify,
}

/// Both ends.
pub(super) fn channel() -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let shared = Arc::new(Shared::default());
    (Outbox { orders: sender, shared: Arc::clone(&shared), closed: false }, Inbox { orders: receiver, shared })
}

impl Outbox {
    /// Queues a command. After a close, or if the reader was too slow, nothing more is queued.
    pub(super) fn push(&mut self, order: Order) {
        if self.closed {
            return;
        }
        self.closed = matches!(order, Order::Close { .. });
        let bytes = self.shared.bytes.fetch_add(order.size(), Ordering::Relaxed);
        if bytes > MAX_BUFFERED || self.orders.try_send(order).is_err() {
            self.closed = true;
            self.shared.overflow.notify_one();
        }
    }
}

impl Inbox {
    /// The next command. `None` after the owner has dropped its end.
    pub(super) async fn next(&mut self) -> Option<Order> {
        let order = self.orders.recv().await?;
        self.shared.bytes.fetch_sub(order.size(), Ordering::Relaxed);
        Some(order)
    }

    /// A command that is already queued.
    pub(super) fn try_next(&mut self) -> Option<Order> {
        let order = self.orders.try_recv().ok()?;
        self.shared.bytes.fetch_sub(order.size(), Ordering::Relaxed);
        Some(order)
    }

    /// Resolves when the reader was too slow.
    pub(super) fn overflow(&self) -> impl Future<Output = ()> + use<> {
        let shared = Arc::clone(&self.shared);
        async move { shared.overflow.notified().await }
    }
}

impl Order {
    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Pong(payload) => payload.len(),
            Self::RaiseLimit | Self::Close { .. } => 0,
        }
    }
}
