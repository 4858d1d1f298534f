//! `record`: a proxy that records messages as a scenario.
//!
//! The proxy forwards the bytes of both directions ([`proxy`]) and reads the messages ([`frames`]). At the end, it
//! converts the messages to steps ([`drafts`]), and the steps to a scenario without secrets ([`scenario`]).

mod connects;
mod drafts;
mod expectations;
mod frames;
mod initial_state;
mod proxy;
#[cfg(test)]
mod random_traffic;
mod recording;
mod redaction;
mod scenario;
mod secrets;
mod symbols;

pub(crate) use initial_state::InitialState;
pub(crate) use scenario::RecordedScenario;

use recording::Recording;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// A listening proxy.
pub(crate) struct Recorder {
    listener: TcpListener,
    upstream: (String, u16),
}

impl Recorder {
    /// Listens on an address for clients of a gateway at this host and port.
    ///
    /// # Errors
    /// The proxy cannot listen on the address.
    pub(crate) async fn listen(address: SocketAddr, upstream: (String, u16)) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, upstream })
    }

    /// The address that clients connect to.
    ///
    /// # Errors
    /// The system does not know it.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Records until `end`, then closes the connections. `upstream` is the URL of the gateway, as the user wrote it.
    pub(crate) async fn record(
        self,
        upstream: &str,
        initial_state: InitialState,
        end: impl Future<Output = ()>,
    ) -> RecordedScenario {
        let proxy = self.listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
        let recording = Arc::new(Recording::new());
        tokio::select! {
            () = proxy::serve(self.listener, self.upstream, Arc::clone(&recording)) => {}
            () = end => {}
        }
        RecordedScenario::of(recording.take(), upstream, &proxy, initial_state)
    }
}
