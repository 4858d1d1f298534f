//! Ctrl-C and its relatives.

use tokio::sync::watch;

/// The signals that end a run, caught from the moment this is made: before anything is started that would have to be
/// cleared away.
pub(super) struct Signals(platform::Caught);

impl Signals {
    /// Catches Ctrl-C, SIGTERM and SIGHUP from here on.
    ///
    /// # Errors
    ///
    /// When the system does not let them be caught.
    pub(super) fn catch() -> std::io::Result<Self> {
        platform::Caught::new().map(Self)
    }

    /// Turns `stop` true at the first signal. At the second one the process ends at once; the guard clears up after it.
    pub(super) async fn until_told(mut self, stop: watch::Sender<bool>) {
        self.0.next().await;
        stop.send_replace(true);
        self.0.next().await;
        std::process::exit(super::exit::INTERRUPTED.into());
    }
}

/// Waits until `stop` is true.
pub(super) async fn told(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
mod platform {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    pub(super) struct Caught {
        interrupt: Signal,
        terminate: Signal,
        hangup: Signal,
    }

    impl Caught {
        pub(super) fn new() -> std::io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hangup: signal(SignalKind::hangup())?,
            })
        }

        pub(super) async fn next(&mut self) {
            tokio::select! {
                _ = self.interrupt.recv() => (),
                _ = self.terminate.recv() => (),
                _ = self.hangup.recv() => (),
            }
        }
    }
}

#[cfg(not(unix))]
mod platform {
    pub(super) struct Caught;

    impl Caught {
        pub(super) fn new() -> std::io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn next(&mut self) {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
