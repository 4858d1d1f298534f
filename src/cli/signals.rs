//! Handles the signals that end a command, such as Ctrl-C.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// The maximum time that a command has after the first signal to end its processes and to report its progress, in
/// milliseconds. Two kinds of commands have another limit, see below.
const GRACE_MS: u64 = 900;
/// The time limit for a command that must remove its records from a gateway that clawcheck did not start.
const CLEARING_GRACE_MS: u64 = 10_000;

/// The limit for a command that writes a file at its end: none. A second signal ends the command.
const NO_LIMIT: u64 = u64::MAX;

/// Handles SIGINT, SIGTERM and SIGHUP. A separate thread waits for them, so that a signal ends a command even if its
/// other threads are blocked.
pub(super) struct Signals {
    stop: watch::Receiver<bool>,
    /// The time that the command has before it is ended, in milliseconds. 0 until the command calls [`Signals::stop`].
    grace_ms: Arc<AtomicU64>,
}

impl Signals {
    /// Starts to handle the signals. Until [`Signals::stop`] is called, the first signal ends the process
    /// immediately.
    ///
    /// # Errors
    /// Returns an error if the system does not allow a handler.
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
            // A second signal ends the process without a further wait. Nothing is printed, because the command may be
            // blocked by the reader of its output. The guard cleans up.
            if grace == NO_LIMIT {
                caught.next().await;
            } else {
                let _ = tokio::time::timeout(Duration::from_millis(grace), caught.next()).await;
            }
            std::process::exit(super::exit::INTERRUPTED.into());
        };
        // The thread is never joined. It ends with the process.
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(watching))?;
        Ok(Self { stop, grace_ms })
    }

    /// Returns a receiver that becomes true at the first signal. The command must then end within a second.
    pub(super) fn stop(&self) -> watch::Receiver<bool> {
        self.grace_ms.fetch_max(GRACE_MS, Ordering::SeqCst);
        self.stop.clone()
    }

    /// As [`Self::stop`], for a command that first removes its records from a gateway that clawcheck did not start.
    pub(super) fn stop_after_cleanup(&self) -> watch::Receiver<bool> {
        self.grace_ms.fetch_max(CLEARING_GRACE_MS, Ordering::SeqCst);
        self.stop.clone()
    }

    /// As [`Self::stop`], for a command that writes a file after the first signal. There is no time limit.
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
    /// `None` under `nohup`, where SIGHUP must end nothing.
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

/// Whether the process was started with SIGHUP ignored. `false` if the system does not report it.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
