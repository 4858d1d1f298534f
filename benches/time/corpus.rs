//! The whole corpus on the embedded gateway, and the preparation of a run.

use crate::support::{CorpusRun, jobs, one_thread};
use clawcheck::Corpus;
use clawcheck::Library;
use divan::Bencher;
use divan::counter::ItemsCount;

/// Plays every case once, like `clawcheck run`.
#[divan::bench]
fn play(bencher: Bencher<'_, '_>) {
    let runtime = one_thread();
    let play = CorpusRun::new(&runtime);
    let cases = play.played_cases(&runtime);
    bencher.counter(ItemsCount::new(cases.len())).bench_local(|| play.run(&runtime, &cases, jobs()));
}

/// Reads all scenarios and expands them into cases.
#[divan::bench]
fn scenarios() -> usize {
    Corpus::embedded().map_or(0, |corpus| corpus.cases().len())
}

/// Reads the names of all snapshots and finds the drafts.
#[divan::bench]
fn snapshots() -> usize {
    Library::built_in().and_then(|library| library.drafts()).map_or(0, |drafts| drafts.len())
}
