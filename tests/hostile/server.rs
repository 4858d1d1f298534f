//! Runs a behaviour on a port: in a thread of the tests, or as a process that clawcheck starts.

use super::peer::Peer;
use super::row::{BeforeListening, Behaviour, Row, Server, StartedGateway};
use std::collections::HashMap;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// The open connections, so that they can be closed.
type Open = Arc<Mutex<HashMap<usize, TcpStream>>>;

/// A gateway in its own thread. Its connections end with it.
pub(crate) struct Attached {
    port: u16,
    over: Arc<AtomicBool>,
    open: Open,
    accepting: Option<JoinHandle<()>>,
    /// Listens without accepting.
    _deaf: Option<TcpListener>,
}

impl Attached {
    pub(crate) fn start(server: &Server) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (over, open) = (Arc::<AtomicBool>::default(), Open::default());
        let (accepting, deaf) = match *server {
            Server::Nobody | Server::Spawned { .. } => (None, None),
            Server::Deaf => (None, Some(listener)),
            Server::Attached(behave) => {
                let (over, open) = (Arc::clone(&over), Arc::clone(&open));
                (Some(std::thread::spawn(move || accept(&listener, behave, &over, &open))), None)
            }
        };
        Self { port, over, open, accepting, _deaf: deaf }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for stream in self.open.lock().unwrap().values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, behave: Behaviour, over: &AtomicBool, open: &Open) {
    for (at, stream) in listener.incoming().enumerate() {
        let Ok(stream) = stream else { continue };
        if over.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(other) = stream.try_clone() {
            open.lock().unwrap().insert(at, other);
        }
        let open = Arc::clone(open);
        std::thread::spawn(move || {
            // An error means that the client has disconnected, which ends the behaviour.
            let _ = behave(&mut Peer::new(stream, at + 1));
            open.lock().unwrap().remove(&at);
        });
    }
}

/// The environment variables that a description passes to the process.
pub(crate) const ENV: &str = "env: { PORT: \"{port}\", STATE: \"{state-dir}\", TOKEN: \"{token}\", TOLD: TOLD_FILE }\n";

/// Runs this program as a gateway.
pub(crate) fn run(row: &Row) {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let Server::Spawned { boot, behave } = row.server else { return };
    let token = variable("TOKEN");
    // The tests search the output of clawcheck for this token.
    std::fs::write(variable("TOLD"), &token).unwrap();
    serve(boot, behave, StartedGateway { state: variable("STATE").into(), token }, variable("PORT").parse().unwrap());
}

fn serve(boot: BeforeListening, behave: Behaviour, started: StartedGateway, port: u16) {
    boot(&started);
    let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) else { std::process::exit(9) };
    accept(&listener, behave, &AtomicBool::new(false), &Open::default());
}
