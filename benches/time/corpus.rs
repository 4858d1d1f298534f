//! The whole corpus on the embedded gateway, and what comes before it.

use crate::support::{CorpusRun, jobs, one_thread};
use clawcheck::Corpus;
use clawcheck::Library;
use divan::Bencher;
use divan::counter::ItemsCount;

/// Every case once, as `clawcheck run` plays them.
#[divan::bench]
fn play(bencher: Bencher<'_, '_>) {
    let runtime = one_thread();
    let play = CorpusRun::new(&runtime);
    let cases = play.asked(&runtime);
    bencher.counter(ItemsCount::new(cases.len())).bench_local(|| play.run(&runtime, &cases, jobs()));
}

/// Reading all scenarios and making cases of them.
#[divan::bench]
fn scenarios() -> usize {
    Corpus::embedded().map_or(0, |corpus| corpus.cases().len())
}

/// Reading the names of all snapshots and the drafts among them, which reads all of them.
#[divan::bench]
fn snapshots() -> usize {
    Library::built_in().and_then(|library| library.drafts()).map_or(0, |drafts| drafts.len())
}
