//! The tree of processes, from `/proc` on Linux. On other systems, no process has children here.

use std::collections::BTreeMap;

/// Returns the processes whose parent is this process.
pub(super) fn children(parent: u32) -> impl Iterator<Item = u32> {
    processes().filter(move |process| parent_of(*process) == Some(parent))
}

/// Returns this process and its descendants, parents before children.
pub(super) fn members(root: u32) -> Vec<u32> {
    let mut children = BTreeMap::<u32, Vec<u32>>::new();
    for process in processes() {
        if let Some(parent) = parent_of(process) {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut family = vec![root];
    let mut at = 0;
    while let Some(process) = family.get(at) {
        // Each process is taken out of the map, so reused process ids cannot form a loop.
        family.extend(children.remove(process).unwrap_or_default());
        at += 1;
    }
    family
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent_of(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The parent is field 4. Count from the last parenthesis, because the name before it can contain anything
    // (proc_pid_stat(5)).
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    #[test]
    fn children_and_descendants() {
        let mut child =
            Command::new("sh").args(["-c", "sleep 60 & echo $!; wait"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let grandchild: u32 = line.trim().parse().unwrap();
        let ours = std::process::id();
        assert_eq!(members(child.id()), [child.id(), grandchild]);
        assert!(members(ours).contains(&grandchild));
        assert!(children(ours).any(|found| found == child.id()));
        assert!(!children(ours).any(|found| found == grandchild));
        child.kill().unwrap();
        child.wait().unwrap();
        let grandchild = nix::unistd::Pid::from_raw(i32::try_from(grandchild).unwrap());
        nix::sys::signal::kill(grandchild, nix::sys::signal::Signal::SIGKILL).unwrap();
    }
}
