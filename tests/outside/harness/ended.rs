//! Commands that must end.

use super::ProgramOutput;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Every command here usually ends within a second. A command that waits for a pipe never ends.
const AT_MOST: Duration = Duration::from_secs(60);

/// The result of a command that must not wait for a pipe.
pub(crate) fn ended(mut command: Command) -> ProgramOutput {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Both streams are read at the same time, so that neither pipe fills up.
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |stream: &mut dyn std::io::Read| {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let err = std::thread::spawn(move || read(&mut err));
    let out = std::thread::spawn(move || read(&mut out));
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > AT_MOST {
            child.kill().unwrap();
            panic!("{command:?} still waits");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    // The output is wrapped at the width of the terminal.
    let err = err.join().unwrap().replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    ProgramOutput { code: status.code(), out: out.join().unwrap(), err }
}
