//! Counts the fragments of a message below the WebSocket library. The library assembles them without a limit, so a
//! gateway that sends empty fragments forever would block the reader.

use untrusted_data::limits::MESSAGE_FRAGMENTS;

/// An error: a message has more fragments than any gateway sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message has more than {MESSAGE_FRAGMENTS} fragments")]
pub(super) struct TooManyFragments;

/// Follows the frames in the received bytes.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    /// The received part of the current frame's header: at most ten bytes, and four of a mask.
    header: Vec<u8>,
    /// Number of bytes of the frame's payload that have not arrived yet.
    payload: u64,
    /// Number of fragments of the message so far. None of them was the last.
    count: usize,
}

impl Fragments {
    /// Processes the next bytes.
    ///
    /// # Errors
    /// Returns an error if the message has too many fragments.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<(), TooManyFragments> {
        while !bytes.is_empty() {
            let payload = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
            self.payload -= payload as u64;
            bytes = &bytes[payload..];
            if let Some((next, rest)) = bytes.split_first() {
                self.header.push(*next);
                bytes = rest;
                self.end_header()?;
            }
        }
        Ok(())
    }

    /// Counts the frame of a complete header, and begins with its payload.
    fn end_header(&mut self) -> Result<(), TooManyFragments> {
        let &[first, second, ref rest @ ..] = self.header.as_slice() else { return Ok(()) };
        let (more, short) = match second & 0x7f {
            126 => (2, None),
            127 => (8, None),
            short => (0, Some(u64::from(short))),
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if rest.len() < more + mask {
            return Ok(());
        }
        let long = rest[..more].iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
        self.payload = short.unwrap_or(long);
        self.header.clear();
        let (is_last, is_control) = (first & 0x80 != 0, first & 0x08 != 0);
        match (is_control, is_last) {
            (true, _) => {}
            (false, true) => self.count = 0,
            (false, false) => self.count += 1,
        }
        if self.count > MESSAGE_FRAGMENTS { Err(TooManyFragments) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An unmasked frame.
    fn frame(first: u8, payload: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match payload {
            0..126 => frame.push(u8::try_from(payload).unwrap()),
            126..65_536 => frame.extend([126].into_iter().chain(u16::try_from(payload).unwrap().to_be_bytes())),
            _ => frame.extend([127].into_iter().chain((payload as u64).to_be_bytes())),
        }
        // Bytes inside a payload that look like the header of a fragment.
        frame.resize(frame.len() + payload, 0);
        frame
    }

    /// The result for these frames if they arrive in pieces of this many bytes.
    fn taken(frames: &[Vec<u8>], piece: usize) -> Result<(), TooManyFragments> {
        let mut fragments = Fragments::default();
        frames.concat().chunks(piece).try_for_each(|bytes| fragments.take(bytes))
    }

    #[rstest::rstest]
    fn fragment_limit(#[values(1, 3, 1000, 1 << 20)] piece: usize) {
        let message = |count: usize| {
            let mut frames = vec![frame(0x01, 5)];
            frames.extend(std::iter::repeat_n(frame(0x00, 0), count - 1));
            frames.extend([frame(0x89, 3), frame(0x80, 300), frame(0x81, 70_000)]);
            frames
        };
        assert_eq!(taken(&[message(MESSAGE_FRAGMENTS), message(MESSAGE_FRAGMENTS)].concat(), piece), Ok(()));
        assert_eq!(taken(&message(MESSAGE_FRAGMENTS + 1), piece), Err(TooManyFragments));
    }

    #[test]
    fn control_frames_do_not_count() {
        let frames = [frame(0x81, 0), frame(0x82, 200), frame(0x89, 0), frame(0x8a, 125)];
        assert_eq!(taken(&[frames.concat().repeat(MESSAGE_FRAGMENTS)], 4096), Ok(()));
    }
}
