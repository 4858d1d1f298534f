//! Observes the bytes below the WebSocket library. It keeps the last ones, because the library rewrites an invalid
//! close code, and it counts fragments.

use super::fragments::Fragments;
use super::link::Stream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Maximum length of a close frame: two bytes of header and 125 of payload.
const FRAME: usize = 127;
/// `FIN` and the close opcode, unmasked.
const CLOSE: u8 = 0x88;

/// A stream that keeps its last bytes.
pub(super) struct TailStream {
    stream: Box<dyn Stream>,
    last: Vec<u8>,
    fragments: Fragments,
}

impl TailStream {
    /// `read` was already received.
    pub(super) fn new(stream: Box<dyn Stream>, read: &[u8]) -> Self {
        let mut tail_stream = Self { stream, last: Vec::with_capacity(2 * FRAME), fragments: Fragments::default() };
        tail_stream.remember(read);
        // If there are too many fragments, the next frame reports it as well.
        let _ = tail_stream.fragments.take(read);
        tail_stream
    }

    fn remember(&mut self, bytes: &[u8]) {
        self.last.extend_from_slice(&bytes[bytes.len().saturating_sub(FRAME)..]);
        self.last.drain(..self.last.len().saturating_sub(FRAME));
    }

    /// The code and the reason of the last close frame whose code `wanted` accepts.
    pub(super) fn close_frame(&self, wanted: impl Fn(u16) -> bool) -> Option<(u16, String)> {
        let frames = (0..self.last.len()).rev().filter_map(|at| close_frame(&self.last[at..]));
        frames.into_iter().find(|(code, _)| wanted(*code))
    }
}

/// Reads a close frame with a code at the start of the bytes.
fn close_frame(bytes: &[u8]) -> Option<(u16, String)> {
    let (&[CLOSE, length], rest) = bytes.split_first_chunk::<2>()? else { return None };
    let (code, reason) = rest.get(..usize::from(length))?.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*code), String::from_utf8_lossy(reason).into_owned()))
}

impl AsyncRead for TailStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let read_now = &buffer.filled()[before..];
        self.remember(read_now);
        if let Err(error) = self.fragments.take(read_now) {
            return Poll::Ready(Err(io::Error::other(error)));
        }
        read
    }
}

impl AsyncWrite for TailStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
