//! The number of gateways that run at the same time.

use crate::cli::CommandError;
use crate::cli::terminal::console;
use crate::gateway::GatewayKind;
use crate::machine;
use std::io::Write as _;

/// The maximum number of descriptors for one gateway: its pipes, its connections and the files of its store.
const DESCRIPTORS_PER_JOB: usize = 24;
/// Descriptors for everything else: reports, snapshots, the guard.
const RESERVED_DESCRIPTORS: usize = 16;

/// Checks that this process can open enough files for one gateway. Otherwise, cases would fail because of missing
/// descriptors, and the failures would look like failures of the gateway.
///
/// # Errors
/// Returns an error if the limit is too low.
pub(in crate::cli) fn check_descriptors() -> Result<(), CommandError> {
    match machine::free_descriptors() {
        Some(free) if free < DESCRIPTORS_PER_JOB => Err(CommandError::failed(miette::miette!(
            help = "raise `ulimit -n`",
            "clawcheck can open only {free} more files, but a gateway needs up to {DESCRIPTORS_PER_JOB}"
        ))),
        _ => Ok(()),
    }
}

/// The requested number of jobs, or the default for this machine. If this process cannot open enough files for them,
/// prints a note to standard error and returns a smaller number.
pub(in crate::cli) fn jobs(given: Option<u16>, kind: GatewayKind) -> usize {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    // In this process, cases wait for each other more than for the processor, so more jobs than cores are useful.
    let usual = if kind == GatewayKind::Embedded { cores * 4 } else { cores };
    let wanted = given.map_or(usual, usize::from);
    let Some(descriptors) = machine::free_descriptors() else { return wanted };
    let jobs = fitting(wanted, descriptors);
    if jobs < wanted {
        let note = format!(
            "running {jobs} gateways instead of {wanted}: this process can open only {descriptors} more files, and each gateway needs up to \
             {DESCRIPTORS_PER_JOB} (raise `ulimit -n`)"
        );
        // Standard error may be closed. Then nobody can read the note.
        let _ = writeln!(console::stderr(), "{note}");
    }
    jobs
}

fn fitting(wanted: usize, descriptors: usize) -> usize {
    wanted.min(descriptors.saturating_sub(RESERVED_DESCRIPTORS) / DESCRIPTORS_PER_JOB).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(8, 1000, 8)]
    #[case(8, 100, 3)]
    #[case(8, 3, 1)]
    fn jobs_fit_descriptors(#[case] wanted: usize, #[case] descriptors: usize, #[case] expected: usize) {
        assert_eq!(fitting(wanted, descriptors), expected);
    }
}
