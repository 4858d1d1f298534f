//! Ctrl-C and its relatives.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How long a command that was told to stop may take to end what it has started and to tell how far it came, in milliseconds.
/// The first signal ends every command within a second, except for those with another limit below.
const GRACE_MS: u64 = 900;
/// The same where records have to be taken away from a gateway that somebody else runs.
const CLEARING_GRACE_MS: u64 = 10_000;

/// The same for a command that writes a file at its end: no limit. A second signal ends it.
const NO_LIMIT: u64 = u64::MAX;

/// The signals that end a command: SIGINT, SIGTERM and SIGHUP. A thread of its own waits for them, so that a command is ended
/// whatever its own threads are waiting for.
pub(super) struct Signals {
    stop: watch::Receiver<bool>,
    /// How long the command may take to end by itself; 0 while it does not listen.
    grace_ms: Arc<AtomicU64>,
}

impl Signals {
    /// Catches the signals from here on. Until [`Signals::stop`] is called, the first one ends the process at once.
    ///
    /// # Errors
    /// When the system does not let them be caught.
    pub(super) fn catch() -> io::Result<Self> {
        let (sender, stop) = watch::channel(false);
        let grace_ms = Arc::new(AtomicU64::new(0));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mut caught = {
            let _runtime = runtime.enter();
            CaughtSignals::new()?
        };
        let grace = Arc::clone(&grace_ms);
        let watching = async move {
            caught.next().await;
            sender.send_replace(true);
            let grace = grace.load(Ordering::SeqCst);
            // A second signal does not wait. Nothing is said: who reads the output may be what the command waits for. The
            // guard clears away what is left.
            if grace == NO_LIMIT {
                caught.next().await;
            } else {
                let _ = tokio::time::timeout(Duration::from_millis(grace), caught.next()).await;
            }
            std::process::exit(super::exit::INTERRUPTED.into());
        };
        // It has no end of its own: it ends with the process.
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(watching))?;
        Ok(Self { stop, grace_ms })
    }

    /// What turns true at the first signal. The command then has to end by itself, within a second.
    pub(super) fn stop(&self) -> watch::Receiver<bool> {
        self.grace_ms.fetch_max(GRACE_MS, Ordering::SeqCst);
        self.stop.clone()
    }

    /// The same for a command that first takes away what it has left on a gateway that somebody else runs.
    pub(super) fn stop_after_cleanup(&self) -> watch::Receiver<bool> {
        self.grace_ms.fetch_max(CLEARING_GRACE_MS, Ordering::SeqCst);
        self.stop.clone()
    }

    /// The same for a command that writes a file after the first signal, however long that takes.
    pub(super) fn stop_and_write(&self) -> watch::Receiver<bool> {
        self.grace_ms.fetch_max(NO_LIMIT, Ordering::SeqCst);
        self.stop.clone()
    }
}

/// Waits until `stop` is true.
pub(super) async fn stop_requested(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

struct CaughtSignals {
    interrupt: Signal,
    terminate: Signal,
    /// Absent under `nohup`, which means that a hang-up ends nothing.
    hangup: Option<Signal>,
}

impl CaughtSignals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: if ignores_hangup() { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
            _ = hangup => (),
        }
    }
}

/// Whether the process was started with SIGHUP ignored. What is not said to be is not.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
