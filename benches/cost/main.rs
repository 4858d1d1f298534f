//! The goals of `docs/performance.md`, by processor time: `cargo bench --bench cost`.
//!
//! A benchmark harness times by the clock on the wall, which on a busy machine says how busy it is. What one connect costs
//! as a case is therefore told in processor time, and against a bare exchange that was measured in turn with it.
#![allow(clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

use support::bare_client::BareClient;
use support::cpu::{CpuCost, in_turn, measure, median, peak_memory};
use support::{CorpusRun, ONE_CONNECT, jobs, one_thread};

/// Exchanges, and cases, in one measurement.
const BLOCK: usize = 200;
/// Measurements of each.
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
    let cases = play.asked(&runtime);
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
