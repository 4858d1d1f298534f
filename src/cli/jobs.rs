//! How many gateways are up at once.

use super::{Failure, console};
use crate::gateway::Kind;
use crate::machine;
use std::io::Write as _;

/// Descriptors that one gateway takes at most: its pipes, its connections, the files of its store.
const OF_A_JOB: usize = 24;
/// Descriptors for all else: reports, snapshots, the guard.
const OF_THE_RUN: usize = 16;

/// Whether this process may open files enough for one gateway: where it may not, some case would go wrong for want of one, and
/// that would look like the gateway's doing.
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

/// As many as were asked for, else as the machine has use for. Where this process may not open files enough for them, it says
/// so on standard error and gives fewer: a gateway that is up and cannot be connected to says nothing about itself.
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
