//! Standard output for commands that finish even if nobody reads their output.

use std::io::{self, Stdout, Write};

/// Standard output. If its reader has exited (`clawcheck compare ... | head`), further output is discarded and the
/// command continues.
pub(crate) struct IgnoreBrokenPipe(pub(crate) Stdout);

impl Write for IgnoreBrokenPipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_left(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_left(self.0.flush(), ())
    }
}

fn unless_left<T>(written: io::Result<T>, all: T) -> io::Result<T> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(all),
        other => other,
    }
}
