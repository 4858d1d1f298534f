//! The server's side of RFC 6455 framing, with the limits of the WebSocket library that every known release uses (npm
//! `ws` 8, without extensions). Clients see which close code each error causes.

use std::fmt;

/// A message or control frame from a client, after its fragments are joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A complete text or binary message.
    Message(Vec<u8>),
    /// A ping. It is answered with a pong with the same bytes.
    Ping(Vec<u8>),
    /// A pong. It needs no answer.
    Pong,
    /// A close frame. The code is absent if its payload was empty.
    Close(Option<(u16, Vec<u8>)>),
}

/// The reason why the client's bytes end the connection. The release answers with a close frame with [`FrameError::code`]
/// and no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameError {
    /// A frame that violates the protocol.
    Protocol,
    /// Text, or a close reason, that is not UTF-8.
    Encoding,
    /// A message above the current limit.
    TooBig,
}

impl FrameError {
    /// The close code.
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::Encoding => 1007,
            Self::TooBig => 1009,
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Protocol => "invalid WebSocket frame",
            Self::Encoding => "invalid UTF-8 sequence",
            Self::TooBig => "max payload size exceeded",
        })
    }
}

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
/// Maximum number of fragments of one message in `ws`.
const MAX_FRAGMENTS: usize = 16 * 1024;
/// Maximum size of one read from the socket.
const READ_SIZE: usize = 8 * 1024;
/// A buffer that grew beyond this size for one message is freed.
const KEPT_CAPACITY: usize = 128 * 1024;

/// Decodes a client's byte stream. The length of a frame is checked in its header, before its payload is buffered, so a
/// decoder never holds more than the limit.
pub(super) struct Decoder {
    buffer: Vec<u8>,
    consumed: usize,
    limit: usize,
    fragments: Option<Fragments>,
}

/// A message whose last frame has not arrived yet.
struct Fragments {
    opcode: u8,
    data: Vec<u8>,
    count: usize,
}

struct Header {
    fin: bool,
    opcode: u8,
    mask: [u8; 4],
    start: usize,
    length: usize,
}

impl Decoder {
    /// A decoder that refuses messages above `limit` bytes and already received `buffer`.
    pub(super) fn new(limit: usize, buffer: Vec<u8>) -> Self {
        Self { buffer, consumed: 0, limit, fragments: None }
    }

    /// Changes the maximum size of a message, in bytes.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The buffer for the next bytes from the socket.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        // One large message must not keep its memory for the rest of the connection.
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer = Vec::new();
        }
        self.buffer.reserve(READ_SIZE);
        &mut self.buffer
    }

    /// The next message or control frame. `None` until more bytes arrive. After an error, the stream is unusable.
    pub(super) fn next(&mut self) -> Result<Option<Incoming>, FrameError> {
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            let end = header.start + header.length;
            let Some(masked) = self.buffer.get(header.start..end) else { return Ok(None) };
            let payload: Vec<u8> =
                masked.iter().zip(header.mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            self.consumed = end;
            if let Some(incoming) = self.accept(&header, payload)? {
                return Ok(Some(incoming));
            }
        }
    }

    fn header(&self) -> Result<Option<Header>, FrameError> {
        let bytes = &self.buffer[self.consumed..];
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let (fin, opcode, short) = (first & 0x80 != 0, first & 0x0f, usize::from(second & 0x7f));
        // Reserved bits belong to extensions, and none was negotiated. Frames of clients are masked (RFC 6455, 5.1).
        if first & 0x70 != 0 || second & 0x80 == 0 {
            return Err(FrameError::Protocol);
        }
        self.judge_opcode(fin, opcode, short)?;
        let (length, width) = match short {
            126 => match rest.first_chunk::<2>() {
                Some(long) => (u64::from(u16::from_be_bytes(*long)), 2),
                None => return Ok(None),
            },
            127 => match rest.first_chunk::<8>() {
                Some(long) => (u64::from_be_bytes(*long), 8),
                None => return Ok(None),
            },
            short => (short as u64, 0),
        };
        let held = self.fragments.as_ref().map_or(0, |fragments| fragments.data.len());
        let length = usize::try_from(length).map_err(|_| FrameError::TooBig)?;
        // The header is enough to refuse a message that is too large. Its payload is never buffered.
        if opcode < CLOSE && length.saturating_add(held) > self.limit {
            return Err(FrameError::TooBig);
        }
        let Some(mask) = rest.get(width..).and_then(|rest| rest.first_chunk::<4>()) else { return Ok(None) };
        Ok(Some(Header { fin, opcode, mask: *mask, start: self.consumed + 2 + width + 4, length }))
    }

    fn judge_opcode(&self, fin: bool, opcode: u8, short: usize) -> Result<(), FrameError> {
        let is_valid = match opcode {
            CONTINUATION => self.fragments.is_some(),
            TEXT | BINARY => self.fragments.is_none(),
            CLOSE => fin && short <= 125 && short != 1,
            PING | PONG => fin && short <= 125,
            _ => false,
        };
        if is_valid { Ok(()) } else { Err(FrameError::Protocol) }
    }

    /// Adds a frame to the message that it belongs to, and returns what is complete.
    fn accept(&mut self, header: &Header, payload: Vec<u8>) -> Result<Option<Incoming>, FrameError> {
        match header.opcode {
            CLOSE => close(payload).map(Some),
            PING => Ok(Some(Incoming::Ping(payload))),
            PONG => Ok(Some(Incoming::Pong)),
            opcode => self.extend(opcode, header.fin, payload),
        }
    }

    fn extend(&mut self, opcode: u8, fin: bool, mut payload: Vec<u8>) -> Result<Option<Incoming>, FrameError> {
        let mut message = match self.fragments.take() {
            Some(mut fragments) => {
                fragments.data.append(&mut payload);
                fragments.count += 1;
                fragments
            }
            None => Fragments { opcode, data: payload, count: 1 },
        };
        if !fin {
            // Empty fragments do not count toward the size limit, so their number has a limit of its own.
            if message.count > MAX_FRAGMENTS {
                return Err(FrameError::TooBig);
            }
            self.fragments = Some(message);
            return Ok(None);
        }
        if message.opcode == TEXT && std::str::from_utf8(&message.data).is_err() {
            return Err(FrameError::Encoding);
        }
        Ok(Some(Incoming::Message(std::mem::take(&mut message.data))))
    }
}

fn close(payload: Vec<u8>) -> Result<Incoming, FrameError> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else { return Ok(Incoming::Close(None)) };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(FrameError::Protocol);
    }
    if std::str::from_utf8(reason).is_err() {
        return Err(FrameError::Encoding);
    }
    Ok(Incoming::Close(Some((code, reason.to_vec()))))
}

/// Appends a text frame.
pub(super) fn encode_text(out: &mut Vec<u8>, text: &str) {
    encode(out, TEXT, text.as_bytes());
}

/// Appends the pong to a ping.
pub(super) fn encode_pong(out: &mut Vec<u8>, payload: &[u8]) {
    encode(out, PONG, payload);
}

/// Appends a close frame. Without a code, its payload is empty.
pub(super) fn encode_close(out: &mut Vec<u8>, close: Option<(u16, &[u8])>) {
    let mut payload = Vec::new();
    if let Some((code, reason)) = close {
        payload.extend_from_slice(&code.to_be_bytes());
        payload.extend_from_slice(reason);
    }
    encode(out, CLOSE, &payload);
}

fn encode(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(0x80 | opcode);
    match payload.len() {
        short @ 0..=125 => out.push(short as u8),
        long @ 126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(long as u16).to_be_bytes());
        }
        long => {
            out.push(127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut unmasked = Vec::new();
        encode(&mut unmasked, 0, payload);
        let width = unmasked.len() - payload.len();
        let mut bytes = unmasked[..width].to_vec();
        bytes[0] = first;
        bytes[1] |= 0x80;
        bytes.extend(MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<Incoming>, FrameError> {
        let mut decoder = Decoder::new(1024, Vec::new());
        let mut received = Vec::new();
        for byte in bytes {
            decoder.buffer().push(*byte);
            while let Some(incoming) = decoder.next()? {
                received.push(incoming);
            }
        }
        Ok(received)
    }

    #[test]
    fn decodes_byte_by_byte() {
        let bytes = [
            frame(0x01, b"he"),
            frame(0x89, b"ping"),
            frame(0x80, b"llo"),
            frame(0x82, &[0xff; 300]),
            frame(0x88, b"\x03\xe8bye"),
        ];
        assert_eq!(
            read(&bytes.concat()).unwrap(),
            [
                Incoming::Ping(b"ping".to_vec()),
                Incoming::Message(b"hello".to_vec()),
                Incoming::Message(vec![0xff; 300]),
                Incoming::Close(Some((1000, b"bye".to_vec()))),
            ]
        );
    }

    #[rstest]
    #[case::reserved_bit(frame(0xc1, b"x"), FrameError::Protocol)]
    #[case::reserved_opcode(frame(0x83, b"x"), FrameError::Protocol)]
    #[case::not_masked(vec![0x81, 0x01, b'x'], FrameError::Protocol)]
    #[case::continuation_of_nothing(frame(0x80, b"x"), FrameError::Protocol)]
    #[case::message_within_a_message([frame(0x01, b"x"), frame(0x81, b"y")].concat(), FrameError::Protocol)]
    #[case::fragmented_ping(frame(0x09, b"x"), FrameError::Protocol)]
    #[case::long_ping(frame(0x89, &[0; 126]), FrameError::Protocol)]
    #[case::close_of_one_byte(frame(0x88, b"x"), FrameError::Protocol)]
    #[case::close_code_that_is_never_sent(frame(0x88, &1006_u16.to_be_bytes()), FrameError::Protocol)]
    #[case::close_reason(frame(0x88, b"\x03\xe8\xff"), FrameError::Encoding)]
    #[case::text(frame(0x81, b"\xff"), FrameError::Encoding)]
    #[case::too_big(frame(0x81, &[b'x'; 1025])[..8].to_vec(), FrameError::TooBig)]
    #[case::too_big_in_two([frame(0x01, &[b'x'; 1000]), frame(0x80, &[b'x'; 25])].concat(), FrameError::TooBig)]
    #[case::absurd_length(vec![0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], FrameError::TooBig)]
    fn rejects_faulty_frames(#[case] bytes: Vec<u8>, #[case] fault: FrameError) {
        assert_eq!(read(&bytes), Err(fault));
    }

    #[test]
    fn limit_is_inclusive_and_adjustable() {
        assert_eq!(read(&frame(0x81, &[b'x'; 1024])).unwrap().len(), 1);
        let mut decoder = Decoder::new(4, frame(0x81, b"hello"));
        decoder.set_limit(5);
        assert_eq!(decoder.next().unwrap(), Some(Incoming::Message(b"hello".to_vec())));
    }

    #[rstest]
    #[case(0, 2)]
    #[case(125, 2)]
    #[case(126, 4)]
    #[case(65_535, 4)]
    #[case(65_536, 10)]
    fn encodes_shortest_length(#[case] length: usize, #[case] header: usize) {
        let mut out = Vec::new();
        encode_text(&mut out, &"x".repeat(length));
        assert_eq!(out.len(), header + length);
    }
}
