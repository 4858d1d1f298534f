//! The guard process.

use super::record::Record;
use super::registry::Registry;
use super::{MARK, SUBCOMMAND};
use std::io::{BufRead as _, BufReader, Read};
use std::process::ExitCode;

/// No record is longer than this: a path has 4096 bytes, each up to four characters in JSON.
const LINE_BYTES: u64 = 64 * 1024;

/// The guard's exit code, if this process was started to be one. Asked before anything else, and before arguments are parsed.
pub(crate) fn serve_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    (arguments.next()? == SUBCOMMAND).then(|| serve(&arguments.next().unwrap_or_default()))
}

/// Runs the guard: reads from standard input until it ends, then clears what is still registered. `run` is the run's mark.
fn serve(run: &str) -> ExitCode {
    let mut registry = Registry::default();
    listen(std::io::stdin(), &mut registry);
    registry.clear(&format!("{MARK}={run}."));
    ExitCode::SUCCESS
}

fn listen(pipe: impl Read, registry: &mut Registry) {
    let mut reader = BufReader::new(pipe);
    loop {
        let mut line = Vec::new();
        match reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        // The last line may be cut by the death of its writer.
        if let Ok(record) = serde_json::from_slice::<Record>(&line) {
            registry.apply(record);
        }
    }
}
