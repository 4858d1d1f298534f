//! Standard output of commands whose work and exit code are asked for whoever reads them.

use std::io::{self, Stdout, Write};

/// Standard output. When its reader has left (`clawcheck compare ... | head`), the rest goes nowhere, and the command goes on.
pub(crate) struct Output(pub(crate) Stdout);

impl Write for Output {
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
