//! Measures the processor time of this process, also for two alternating tasks.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use std::time::{Duration, Instant};

/// The cost of a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuCost {
    /// User and system time of all threads.
    pub cpu: Duration,
    /// Elapsed time.
    pub wall: Duration,
}

/// Measures a task once.
pub(crate) fn measure(work: impl FnOnce()) -> CpuCost {
    let (cpu, began) = (spent(), Instant::now());
    work();
    CpuCost { cpu: spent() - cpu, wall: began.elapsed() }
}

/// Measures two tasks alternately, so that changes in the speed of the machine affect both. Returns the costs in pairs.
pub(crate) fn in_turn(rounds: usize, mut a: impl FnMut(), mut b: impl FnMut()) -> Vec<(CpuCost, CpuCost)> {
    a();
    b();
    (0..rounds).map(|_| (measure(&mut a), measure(&mut b))).collect()
}

/// The value in the middle of the sorted figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The peak memory of this process, in MiB.
pub(crate) fn peak_memory() -> f64 {
    let kilobytes = getrusage(UsageWho::RUSAGE_SELF).unwrap().max_rss();
    kilobytes as f64 / 1024.0
}

fn spent() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let micros = (usage.user_time() + usage.system_time()).num_microseconds();
    Duration::from_micros(micros.unsigned_abs())
}
