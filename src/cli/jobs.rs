//! The number of gateways that run at the same time.

use super::Failure;
use super::terminal::console;
use crate::gateway::Kind;
use crate::machine;
use std::io::Write as _;

/// The maximum number of descriptors for one gateway: its pipes, its connections and the files of its store.
const OF_A_JOB: usize = 24;
/// Descriptors for everything else: reports, snapshots, the guard.
const OF_THE_RUN: usize = 16;

/// Checks that this process can open enough files for one gateway. Otherwise, cases would fail because of missing
/// descriptors, and the failures would look like failures of the gateway.
///
/// # Errors
/// When it may not.
pub(super) fn check_descriptors() -> Result<(), Failure> {
    match machine::free_descriptors() {
        Some(free) if free < OF_A_JOB => Err(Failure::fault(miette::miette!(
            help = "raise `ulimit -n`",
            "clawcheck can open only {free} more files, but a gateway needs up to {OF_A_JOB}"
        ))),
        _ => Ok(()),
    }
}

/// The requested number of jobs, or the default for this machine. If this process cannot open enough files for them,
/// prints a note to standard error and returns a smaller number.
pub(super) fn jobs(asked: Option<u16>, kind: Kind) -> usize {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    // In process the cases wait for each other's turn more than for the machine.
    let usual = if kind == Kind::Embedded { cores * 4 } else { cores };
    let wanted = asked.map_or(usual, usize::from);
    let Some(descriptors) = machine::free_descriptors() else { return wanted };
    let jobs = fitting(wanted, descriptors);
    if jobs < wanted {
        let note = format!(
            "running {jobs} gateways instead of {wanted}: this process can open only {descriptors} more files, and each gateway needs up to \
             {OF_A_JOB} (raise `ulimit -n`)"
        );
        // Standard error may be closed; then there is nobody to tell.
        let _ = writeln!(console::stderr(), "{note}");
    }
    jobs
}

fn fitting(wanted: usize, descriptors: usize) -> usize {
    wanted.min(descriptors.saturating_sub(OF_THE_RUN) / OF_A_JOB).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(8, 1000, 8)]
    #[case(8, 100, 3)]
    #[case(8, 3, 1)]
    fn jobs_fit_the_descriptors(#[case] wanted: usize, #[case] descriptors: usize, #[case] expected: usize) {
        assert_eq!(fitting(wanted, descriptors), expected);
    }
}
