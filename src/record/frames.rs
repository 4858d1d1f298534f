//! Reads the messages in one direction of a WebSocket connection without changing them.

/// The maximum size of a recorded message, in bytes. Larger messages are forwarded but not recorded.
const MAX_LENGTH: usize = 4 << 20;

/// A message in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// A text message.
    Text(String),
    /// A binary message, or a text message that is not UTF-8.
    Binary(Vec<u8>),
    /// A message that is longer than [`MAX_LENGTH`].
    TooLong,
    /// A close frame. The code is absent if its payload was empty.
    Close(Option<u16>, String),
}

impl Message {
    /// The number of bytes of its contents. `None` if they were not recorded.
    pub(super) fn length(&self) -> Option<usize> {
        match self {
            Self::Text(text) | Self::Close(_, text) => Some(text.len()),
            Self::Binary(bytes) => Some(bytes.len()),
            Self::TooLong => None,
        }
    }
}

/// Follows the frames in the bytes of one direction.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: Vec<u8>,
    frame: Option<Frame>,
    message: Vec<u8>,
    is_text: bool,
    is_too_long: bool,
}

/// A frame whose payload is being received.
#[derive(Debug)]
struct Frame {
    is_last: bool,
    opcode: u8,
    mask: [u8; 4],
    length: u64,
    received: u64,
    control: Vec<u8>,
}

impl Frames {
    /// Processes the next bytes and returns the messages that they complete.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            if let Some(frame) = &mut self.frame {
                let missing = usize::try_from(frame.length - frame.received).unwrap_or(usize::MAX);
                let (payload, rest) = bytes.split_at(missing.min(bytes.len()));
                let start = frame.received;
                frame.received += payload.len() as u64;
                let unmasked = payload.iter().zip(start..).map(|(byte, at)| byte ^ frame.mask[(at % 4) as usize]);
                if frame.opcode >= 8 {
                    frame.control.extend(unmasked.take(125));
                } else if self.message.len() + payload.len() > MAX_LENGTH {
                    self.is_too_long = true;
                } else {
                    self.message.extend(unmasked);
                }
                bytes = rest;
                if frame.received < frame.length {
                    return messages;
                }
                let frame = self.frame.take();
                messages.extend(frame.and_then(|frame| self.end(frame)));
            }
            let Some((next, rest)) = bytes.split_first() else { return messages };
            self.header.push(*next);
            bytes = rest;
            self.begin();
        }
    }

    /// Begins with the payload if the header is complete.
    fn begin(&mut self) {
        let &[first, second, ref rest @ ..] = self.header.as_slice() else { return };
        let (more, short) = match second & 0x7f {
            126 => (2, None),
            127 => (8, None),
            short => (0, Some(u64::from(short))),
        };
        let masked = if second & 0x80 == 0 { 0 } else { 4 };
        if rest.len() < more + masked {
            return;
        }
        let long = rest[..more].iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
        let mut mask = [0; 4];
        mask[..masked].copy_from_slice(&rest[more..more + masked]);
        let opcode = first & 0x0f;
        if opcode == 1 || opcode == 2 {
            self.is_text = opcode == 1;
            self.message.clear();
            self.is_too_long = false;
        }
        let length = short.unwrap_or(long);
        self.frame = Some(Frame { is_last: first & 0x80 != 0, opcode, mask, length, received: 0, control: Vec::new() });
        self.header.clear();
    }

    fn end(&mut self, frame: Frame) -> Option<Message> {
        match frame.opcode {
            8 => {
                let (code, reason) = match frame.control.as_slice() {
                    [high, low, reason @ ..] => (Some(u16::from_be_bytes([*high, *low])), reason),
                    _ => (None, &[][..]),
                };
                Some(Message::Close(code, String::from_utf8_lossy(reason).into_owned()))
            }
            9.. => None,
            _ if !frame.is_last => None,
            _ if self.is_too_long => Some(Message::TooLong),
            _ => {
                let bytes = std::mem::take(&mut self.message);
                Some(match String::from_utf8(bytes) {
                    Ok(text) if self.is_text => Message::Text(text),
                    Ok(text) => Message::Binary(text.into_bytes()),
                    Err(error) => Message::Binary(error.into_bytes()),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame. `mask` is absent for the gateway's direction.
    fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
        let bit = if mask.is_some() { 0x80 } else { 0 };
        let mut out = vec![first];
        match payload.len() {
            short @ 0..126 => out.push(bit | u8::try_from(short).unwrap()),
            long => {
                out.push(bit | 127);
                out.extend((long as u64).to_be_bytes());
            }
        }
        out.extend(mask.into_iter().flatten());
        let key = mask.unwrap_or_default();
        out.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]));
        out
    }

    #[rstest::rstest]
    fn reads_split_messages(
        #[values(1, 7, 4096, 1 << 23)] piece: usize,
        #[values(None, Some([1, 2, 3, 4]))] mask: Option<[u8; 4]>,
    ) {
        let long = vec![b'x'; MAX_LENGTH + 1];
        let frames = [
            frame(0x01, b"he", mask),
            frame(0x89, b"ping", mask),
            frame(0x80, b"llo", mask),
            frame(0x82, &[0xff, 0], mask),
            frame(0x81, &long, mask),
            frame(0x81, &[], mask),
            frame(0x88, b"\x03\xf0bye", mask),
        ];
        let mut seen = Frames::default();
        let messages = frames.concat().chunks(piece).flat_map(|bytes| seen.take(bytes)).collect::<Vec<_>>();
        let expected = [
            Message::Text("hello".to_owned()),
            Message::Binary(vec![0xff, 0]),
            Message::TooLong,
            Message::Text(String::new()),
            Message::Close(Some(1008), "bye".to_owned()),
        ];
        assert_eq!(messages, expected);
    }
}
