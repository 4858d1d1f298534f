//! Measures the goals of `docs/performance.md` in processor time: `cargo bench --bench cost`.
//!
//! Benchmark harnesses measure elapsed time, which depends on the load of the machine. Therefore, this program measures
//! processor time, and alternates a connect as a case with an exchange without the harness.
#![allow(clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

use support::bare_client::BareClient;
use support::cpu::{CpuCost, in_turn, measure, median, peak_memory};
use support::{CorpusRun, ONE_CONNECT, jobs, one_thread};

/// The number of exchanges or cases in one measurement.
const BLOCK: usize = 200;
/// The number of measurements of each.
const ROUNDS: usize = 15;

fn main() {
    one_connect();
    corpus();
}

fn one_connect() {
    let runtime = one_thread();
    let (play, bare) = (CorpusRun::new(&runtime), BareClient::new(&runtime));
    let cases = play.repeated(ONE_CONNECT, BLOCK);
    let pairs = in_turn(
        ROUNDS,
        || drop(play.run(&runtime, &cases, 1)),
        || (0..BLOCK).for_each(|_| runtime.block_on(bare.exchange())),
    );
    let micros = |of: fn(&(CpuCost, CpuCost)) -> CpuCost| {
        median(pairs.iter().map(|pair| of(pair).cpu.as_secs_f64() * 1e6 / BLOCK as f64).collect())
    };
    let ratio = median(pairs.iter().map(|(case, bare)| case.cpu.as_secs_f64() / bare.cpu.as_secs_f64()).collect());
    println!("one connect as a case   {:7.1} us of processor time", micros(|pair| pair.0));
    println!("bare exchange           {:7.1} us of processor time", micros(|pair| pair.1));
    println!("ratio                   {ratio:7.2}");
}

fn corpus() {
    let runtime = one_thread();
    let play = CorpusRun::new(&runtime);
    let cases = play.played_cases(&runtime);
    let rounds = (0..ROUNDS).map(|_| measure(|| drop(play.run(&runtime, &cases, jobs())))).collect::<Vec<_>>();
    let per_second =
        |of: fn(&CpuCost) -> f64| median(rounds.iter().map(|cost| cases.len() as f64 / of(cost)).collect());
    println!("whole corpus            {:7.0} cases a second", per_second(|cost| cost.wall.as_secs_f64()));
    println!(
        "                        {:7.0} cases a second of processor time",
        per_second(|cost| cost.cpu.as_secs_f64())
    );
    println!("                        {:7.1} MiB at most", peak_memory());
}
