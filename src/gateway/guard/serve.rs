//! The guard process.

use super::record::Record;
use super::registry::Registry;
use super::{MARK, SUBCOMMAND};
use std::io::{BufRead as _, BufReader, Read};
use std::process::ExitCode;

/// The maximum length of a record. A path has at most 4096 bytes, and JSON needs up to four characters for each.
const LINE_BYTES: u64 = 64 * 1024;

/// Returns the guard's exit code if this process is a guard. `main` calls this before it parses arguments.
pub(crate) fn serve_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    (arguments.next()? == SUBCOMMAND).then(|| serve(&arguments.next().unwrap_or_default().to_string_lossy()))
}

/// Runs the guard: reads records until standard input ends, then cleans up what is still registered. `run` is the
/// run's mark.
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
        // The last line may be incomplete because its writer was killed.
        if let Ok(record) = serde_json::from_slice::<Record>(&line) {
            registry.apply(record);
        }
    }
}
