//! One connection of a hostile gateway. The methods are the steps of a correct gateway, so that a behaviour can replace
//! each of them.

use super::frames::{self, CLOSE, FIN, PING, PONG, TEXT};
use serde_json::{Value, json};
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The result of a behaviour. An error only means that the client has disconnected.
pub(crate) type Done = io::Result<()>;

/// The gateway's end of one connection.
pub(crate) struct Peer {
    stream: TcpStream,
    /// The number of the connection on its gateway, starting at 1.
    pub number: usize,
    /// The head of the upgrade request, after it was read.
    pub head: String,
}

impl Peer {
    pub(crate) fn new(stream: TcpStream, number: usize) -> Self {
        let _ = stream.set_nodelay(true);
        Self { stream, number, head: String::new() }
    }

    /// Writes bytes as they are.
    pub(crate) fn raw(&mut self, bytes: impl AsRef<[u8]>) -> Done {
        self.stream.write_all(bytes.as_ref())
    }

    /// Writes bytes one at a time, with a pause after each.
    pub(crate) fn write_slowly(&mut self, bytes: &[u8], pause: Duration) -> Done {
        for byte in bytes {
            self.raw([*byte])?;
            std::thread::sleep(pause);
        }
        Ok(())
    }

    /// Writes the same bytes until the client disconnects.
    pub(crate) fn flood(&mut self, bytes: &[u8]) -> Done {
        // Large pieces, to save system calls.
        let piece = bytes.repeat((16 << 10) / bytes.len().max(1) + 1);
        loop {
            self.raw(&piece)?;
        }
    }

    /// Reads the head of the client's HTTP request.
    pub(crate) fn request_head(&mut self) -> Done {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        self.head = String::from_utf8_lossy(&head).into_owned();
        Ok(())
    }

    /// The `Sec-WebSocket-Accept` value for the client's key.
    pub(crate) fn accept(&self) -> String {
        let key = self.head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        derive_accept_key(key.unwrap_or_default().trim().as_bytes())
    }

    /// Reads the head of the request and answers it with these bytes: a status line, headers and a body.
    pub(crate) fn http(&mut self, answer: impl AsRef<[u8]>) -> Done {
        self.request_head()?;
        self.raw(answer)
    }

    /// The head of a correct answer to the upgrade.
    pub(crate) fn switching(&self) -> String {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
            self.accept()
        )
    }

    /// Upgrades the connection, like a correct gateway.
    pub(crate) fn upgrade(&mut self) -> Done {
        self.request_head()?;
        let answer = self.switching();
        self.raw(answer)
    }

    pub(crate) fn text(&mut self, text: impl AsRef<[u8]>) -> Done {
        self.raw(frames::frame(FIN | TEXT, text.as_ref()))
    }

    pub(crate) fn json(&mut self, value: &Value) -> Done {
        self.text(value.to_string())
    }

    /// Sends a close frame.
    pub(crate) fn close(&mut self, code: u16, reason: impl AsRef<[u8]>) -> Done {
        self.raw(frames::frame(FIN | CLOSE, &frames::closing(code, reason.as_ref())))
    }

    pub(crate) fn challenge(&mut self) -> Done {
        self.json(&challenge("n-0123456789"))
    }

    /// Upgrades and sends the challenge.
    pub(crate) fn open(&mut self) -> Done {
        self.upgrade()?;
        self.challenge()
    }

    /// Upgrades, sends the challenge and reads the connect request. Returns its id.
    pub(crate) fn connect_request(&mut self) -> io::Result<String> {
        self.open()?;
        Ok(self.request()?.0)
    }

    /// Returns the id, the method and the parameters of the next request. Pings are answered. A close frame is an
    /// error.
    pub(crate) fn request(&mut self) -> io::Result<(String, String, Value)> {
        loop {
            let (opcode, payload) = frames::read(&mut self.stream)?;
            match opcode {
                TEXT => {
                    let frame: Value = serde_json::from_slice(&payload).unwrap_or_default();
                    let text = |name: &str| frame[name].as_str().unwrap_or_default().to_owned();
                    return Ok((text("id"), text("method"), frame["params"].clone()));
                }
                PING => self.raw(frames::frame(FIN | PONG, &payload))?,
                CLOSE => {
                    self.raw(frames::frame(FIN | CLOSE, &payload))?;
                    let _ = self.stream.shutdown(Shutdown::Write);
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                _ => {}
            }
        }
    }

    pub(crate) fn hello(&mut self, id: &str) -> Done {
        self.json(&hello(id))
    }

    pub(crate) fn refuse(&mut self, id: &str, code: &str, message: &str) -> Done {
        self.json(&refusal(id, code, message))
    }

    /// Answers all further requests successfully.
    pub(crate) fn go_on(&mut self) -> Done {
        loop {
            let (id, method, _) = self.request()?;
            let answer = match method.as_str() {
                "connect" => hello(&id),
                "device.pair.list" => {
                    json!({ "type": "res", "id": id, "ok": true, "payload": { "pending": [], "paired": [] } })
                }
                _ => json!({ "type": "res", "id": id, "ok": true, "payload": {} }),
            };
            self.json(&answer)?;
        }
    }

    /// Reads, and sends nothing more, until the client disconnects.
    pub(crate) fn read_until_disconnect(&mut self) -> Done {
        let mut bytes = [0; 4096];
        while self.stream.read(&mut bytes)? > 0 {}
        Ok(())
    }

    /// Shuts down the sending direction only.
    pub(crate) fn half_close(&self) -> Done {
        self.stream.shutdown(Shutdown::Write)
    }
}

/// The behaviour of a correct gateway, from the upgrade to the end.
pub(crate) fn right(peer: &mut Peer) -> Done {
    peer.open()?;
    peer.go_on()
}

pub(crate) fn challenge(nonce: &str) -> Value {
    event("connect.challenge", json!({ "nonce": nonce, "ts": 1_767_225_600_000_i64 }))
}

pub(crate) fn event(name: &str, payload: Value) -> Value {
    json!({ "type": "event", "event": name, "payload": payload })
}

pub(crate) fn hello(id: &str) -> Value {
    json!({ "type": "res", "id": id, "ok": true, "payload": {
        "type": "hello-ok",
        "protocol": 3,
        "server": { "version": "2026.4.2", "connId": "00000000-0000-4000-8000-000000000000" },
        "features": { "methods": ["health"], "events": ["tick"] },
        "snapshot": { "presence": [], "health": {}, "stateVersion": { "presence": 1, "health": 1 }, "uptimeMs": 1 },
        "auth": { "role": "operator", "scopes": [] },
        "policy": { "maxPayload": 26_214_400, "maxBufferedBytes": 52_428_800, "tickIntervalMs": 30_000 },
    } })
}

pub(crate) fn refusal(id: &str, code: &str, message: &str) -> Value {
    json!({ "type": "res", "id": id, "ok": false, "error": { "code": code, "message": message } })
}
