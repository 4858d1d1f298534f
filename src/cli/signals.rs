//! Ctrl-C and its relatives.

use tokio::sync::watch;

/// Turns `stop` true at the first Ctrl-C, SIGTERM or SIGHUP. At the second one the process ends at once; the guard clears
/// up after it.
pub(super) async fn until_told(stop: watch::Sender<bool>) {
    if once().await {
        stop.send_replace(true);
        if once().await {
            std::process::exit(super::exit::INTERRUPTED.into());
        }
    }
}

/// Waits until `stop` is true.
pub(super) async fn told(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits for one signal; `false` when signals cannot be had.
#[cfg(unix)]
async fn once() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = signals else { return false };
    tokio::select! {
        told = interrupt.recv() => told.is_some(),
        told = terminate.recv() => told.is_some(),
        told = hangup.recv() => told.is_some(),
    }
}

#[cfg(not(unix))]
async fn once() -> bool {
    tokio::signal::ctrl_c().await.is_ok()
}
