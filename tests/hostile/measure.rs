//! Runs a command and measures its peak memory. Only the parent process can read it, and only for all of its children
//! together. So this program runs itself again for each command.

use nix::sys::resource::{UsageWho, getrusage};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A run that takes this long counts as hanging.
pub(crate) const HANGS: Duration = Duration::from_secs(400);
/// The exit code of a run that was ended because it hung.
pub(crate) const HUNG: i32 = 124;

/// Runs `program` and writes its peak memory to `file`, in KiB. Returns its exit code.
pub(crate) fn run(file: &Path, program: &str, arguments: &[String]) -> i32 {
    let mut child = Command::new(program).args(arguments).spawn().unwrap();
    let id = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    std::thread::spawn(move || {
        std::thread::sleep(HANGS);
        let _ = nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGKILL);
        std::process::exit(HUNG);
    });
    let code = child.wait().unwrap().code().unwrap_or(HUNG);
    std::fs::write(file, getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss().to_string()).unwrap();
    code
}
