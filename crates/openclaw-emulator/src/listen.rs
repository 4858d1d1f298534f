//! The TCP listener of a gateway.

use super::connection::{ConnectionContext, serve};
use openclaw_model::ConnectionId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The pause before the next accept if the machine lacks sockets or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until the gateway stops, then lets the open ones finish.
pub(super) async fn accept(listener: TcpListener, mut context: ConnectionContext, ids: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    let serving = context.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Frames are small and must be sent immediately. Without this option, they are only slower.
                    let _ = stream.set_nodelay(true);
                    let connection = ConnectionId(ids.fetch_add(1, Ordering::Relaxed));
                    connections.spawn(serve(stream, connection, peer.ip(), serving.clone()));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            () = context.stopped() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}
