//! Mutants of real inputs, for everything that reads untrusted data. No input may cause a panic, a hang, or an error
//! with a position outside the input.
//!
//! Each reader has a test named `mutants` that passes its corpus and its properties to [`play`]. By default, such a test
//! takes two seconds. Environment variables change that:
//!
//! - `MUTANTS_SECONDS=8`: the duration;
//! - `MUTANTS_RUNS=10000000`: the number of inputs, regardless of the duration;
//! - `MUTANTS_SEED=7`: the seed. Each test prints its seed (use `--nocapture`);
//! - `MUTANTS_FIRST=4711`: the number of the first input. `MUTANTS_RUNS=1` then plays only this input again;
//! - `MUTANTS_KEEP=1`: writes each input to a file before it is played, for errors that end the process, such as a stack
//!   overflow.
//!
//! The crate is for tests only: the other crates list it in `dev-dependencies`. It imports no crate of the workspace.

// A failing test panics and prints the command that plays the input again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

mod change;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The default duration of a test.
const SECONDS: u64 = 2;
/// The maximum time for one input, even on a slow machine: a thousand times the usual time.
const MAX_TIME: Duration = Duration::from_secs(20);
/// Longer inputs are truncated. The limits of the readers are much lower.
const MAX_BYTES: usize = 1 << 20;

/// Plays mutants of `seeds` against `check`, which panics if a property does not hold. Words of the seeds are replaced
/// with `words` and with each other.
pub fn play(name: &'static str, seeds: &[Vec<u8>], words: &[&str], check: impl Fn(&[u8])) {
    assert!(!seeds.is_empty(), "nothing to make mutants of");
    let plan = Plan::from_environment();
    println!("mutants of {name}: MUTANTS_SEED={}", plan.seed);
    let dictionary = change::Dictionary::new(seeds, words);
    let watch = Watch::start(name);
    let (began, mut runs, mut slowest) = (Instant::now(), 0_u64, (Duration::ZERO, 0));
    while plan.goes_on(runs, began) {
        let at = plan.first.wrapping_add(runs);
        let input = Arc::new(dictionary.mutant(seeds, plan.seed, at, MAX_BYTES));
        watch.show(&input);
        if plan.keeps {
            keep(name, &input);
        }
        let start = Instant::now();
        let held = catch_unwind(AssertUnwindSafe(|| check(&input)));
        let took = start.elapsed();
        let again = format!("play it again with MUTANTS_SEED={} MUTANTS_FIRST={at} MUTANTS_RUNS=1", plan.seed);
        assert!(held.is_ok(), "{name}: input {at} is kept in {}; {again}", keep(name, &input).display());
        assert!(took < MAX_TIME, "{name}: {took:?} for {}; {again}", keep(name, &input).display());
        if took > slowest.0 {
            slowest = (took, at);
        }
        runs += 1;
    }
    println!("mutants of {name}: {runs} in {:?}, the slowest {slowest:?}", began.elapsed());
}

/// A folder for readers that take files, in memory if possible.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The default seed. It is fixed, so a test always gives the same result.
const USUAL_SEED: u64 = 1;

/// The number of inputs, and the first one.
struct Plan {
    seed: u64,
    first: u64,
    runs: Option<u64>,
    seconds: u64,
    keeps: bool,
}

impl Plan {
    fn from_environment() -> Self {
        let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
        Self {
            seed: number("MUTANTS_SEED").unwrap_or(USUAL_SEED),
            first: number("MUTANTS_FIRST").unwrap_or_default(),
            runs: number("MUTANTS_RUNS"),
            seconds: number("MUTANTS_SECONDS").unwrap_or(SECONDS),
            keeps: std::env::var_os("MUTANTS_KEEP").is_some(),
        }
    }

    fn goes_on(&self, runs: u64, began: Instant) -> bool {
        match self.runs {
            Some(all) => runs < all,
            None => began.elapsed().as_secs() < self.seconds,
        }
    }
}

/// Writes an input to a file for inspection.
fn keep(name: &str, input: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("mutant-{name}-{}", std::process::id()));
    let _ = std::fs::write(&path, input);
    path
}

/// The current input, and its start time.
type CurrentInput = (Instant, Arc<Vec<u8>>);

/// Ends the process if one input takes too long, because nothing else can stop the reader.
struct Watch {
    shown: Arc<Mutex<Option<CurrentInput>>>,
    over: Arc<AtomicBool>,
}

impl Watch {
    fn start(name: &'static str) -> Self {
        let watch = Self { shown: Arc::default(), over: Arc::default() };
        let (shown, over) = (Arc::clone(&watch.shown), Arc::clone(&watch.over));
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(200));
                let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((since, input)) = shown.as_ref().filter(|(since, _)| since.elapsed() > 3 * MAX_TIME) {
                    eprintln!("{name}: {:?} and no end: {}", since.elapsed(), keep(name, input).display());
                    std::process::abort();
                }
            }
        });
        watch
    }

    fn show(&self, input: &Arc<Vec<u8>>) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(input)));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
