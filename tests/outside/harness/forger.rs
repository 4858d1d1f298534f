//! Gateways that differ from `clawcheck serve` in one thing: they forward each connection to it, and replace or delay answers.
//!
//! The only fault of the first one is that it accepts every forged signature. It is this test binary, run again with `PORT` and
//! `SERVE` set, and replaces each refusal of a signature with a hello-ok.

use super::TestFolder;
use super::in_process::{hello, write_description};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

const SIGNATURE_REFUSED: &str = "DEVICE_AUTH_SIGNATURE_INVALID";
/// The first byte of an unfragmented text frame.
const TEXT: u8 = 0x81;

/// Writes the description of a gateway that has the rules of one release, claims another one, and accepts forged signatures.
pub(crate) fn accepts_forged_signatures(test_folder: &TestFolder, release: &str, claims: &str) -> String {
    write_description(
        test_folder,
        &format!(
            "gateway: forger\nabout: Accepts every forged signature.\nclaims: {claims}\ncommand: {}\n\
             args: [harness::forger::serve, --exact, --nocapture]\nconfig: openclaw\nready: connect\nstore: openclaw\n\
             env: {{ PORT: '{{port}}', SERVE: '--release {release} --state-dir {{state-dir}} --config {{config}}' }}\n",
            std::env::current_exe().unwrap().display()
        ),
    )
}

/// Runs the gateway in the child process. Does nothing as a test.
#[test]
fn serve() {
    let Ok(arguments) = std::env::var("SERVE") else { return };
    // A handler serves all threads of the process, also those of the test harness. The child process does not inherit it.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let entered = runtime.enter();
    let mut stop = signal(SignalKind::terminate()).unwrap();
    drop(entered);
    let listener = TcpListener::bind(("127.0.0.1", std::env::var("PORT").unwrap().parse().unwrap())).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_clawcheck"));
    command.args(["serve", "--port", "0"]).args(arguments.split(' ')).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    if BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap() == 0 {
        std::process::exit(child.wait().unwrap().code().unwrap_or(1));
    }
    let port = line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap();
    std::thread::spawn(move || {
        runtime.block_on(stop.recv());
        // The gateway stops as it does without the forger.
        nix::sys::signal::kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
        std::process::exit(child.wait().unwrap().code().unwrap_or(1))
    });
    for client in listener.incoming().flatten() {
        std::thread::spawn(move || forward(&client, port, &|| {}, &forged));
    }
}

/// A gateway in this process that forwards each connection to a port of this machine. `before` gets the number of the connection
/// before the first answer is forwarded, and `replaced` returns the frame that replaces a frame of the gateway.
pub(crate) fn forwarding(
    port: u16,
    before: impl Fn(usize) + Send + Sync + 'static,
    replaced: impl Fn(&Value) -> Option<String> + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let shared = Arc::new((before, replaced));
    // The threads end with the test process.
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().flatten().enumerate() {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                let (before, replaced) = &*shared;
                let answer = |frame: &Value| replaced(frame).map(Instead::Forwarding);
                forward(&client, port, &|| before(number), &answer)
            });
        }
    });
    url
}

/// The frame in place of a frame of the gateway.
enum Instead {
    /// The gateway stays connected.
    Forwarding(String),
    /// It is the last frame, and the client stays connected.
    Last(String),
}

/// Forwards all bytes of the client, and the answers of the gateway.
fn forward(
    client: &TcpStream,
    port: u16,
    before: &dyn Fn(),
    replaced: &dyn Fn(&Value) -> Option<Instead>,
) -> io::Result<()> {
    let gateway = TcpStream::connect(("127.0.0.1", port))?;
    let (mut from, mut to) = (client.try_clone()?, gateway.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        to.shutdown(std::net::Shutdown::Both)
    });
    let ended = answers(BufReader::new(gateway), client, before, replaced);
    if !matches!(ended, Ok(true)) {
        client.shutdown(std::net::Shutdown::Both)?;
    }
    ended.map(drop)
}

/// Forwards the answers of the gateway. Returns whether the client stays connected without the gateway.
fn answers(
    mut gateway: BufReader<TcpStream>,
    mut client: &TcpStream,
    before: &dyn Fn(),
    replaced: &dyn Fn(&Value) -> Option<Instead>,
) -> io::Result<bool> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if gateway.read_until(b'\n', &mut head)? == 0 {
            break;
        }
    }
    client.write_all(&head)?;
    if !head.starts_with(b"HTTP/1.1 101") {
        return io::copy(&mut gateway, &mut client).map(|_| false);
    }
    before();
    loop {
        let mut frame = vec![0; 2];
        gateway.read_exact(&mut frame)?;
        let bytes = match frame[1] {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let start = frame.len() + bytes;
        frame.resize(start, 0);
        gateway.read_exact(&mut frame[2..])?;
        let extended = frame[2..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let length = if bytes == 0 { usize::from(frame[1]) } else { extended };
        frame.resize(start + length, 0);
        gateway.read_exact(&mut frame[start..])?;
        let json = serde_json::from_slice(&frame[start..]).ok().filter(|_| frame[0] == TEXT);
        match json.as_ref().and_then(replaced) {
            Some(Instead::Last(text)) => return client.write_all(&text_frame(&text)).map(|()| true),
            Some(Instead::Forwarding(text)) => client.write_all(&text_frame(&text))?,
            None => client.write_all(&frame)?,
        }
    }
}

/// A hello-ok in place of a refused signature.
fn forged(frame: &Value) -> Option<Instead> {
    let is_refused = frame.pointer("/error/details/code")?.as_str()? == SIGNATURE_REFUSED;
    is_refused.then(|| Some(Instead::Last(hello(frame["id"].as_str()?, "\"n\":1"))))?
}

fn text_frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    let head = if text.len() < 126 { vec![TEXT, length[1]] } else { vec![TEXT, 126, length[0], length[1]] };
    [head, text.as_bytes().to_vec()].concat()
}
