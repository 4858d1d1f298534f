//! One connect as a case on the embedded gateway, and the same frames without the harness.

use crate::support::bare_client::BareClient;
use crate::support::{CorpusRun, ONE_CONNECT, one_thread};
use divan::Bencher;

/// Run directory, gateway, connect, observation and verdict.
#[divan::bench]
fn case(bencher: Bencher<'_, '_>) {
    let runtime = one_thread();
    let play = CorpusRun::new(&runtime);
    let case = play.repeated(ONE_CONNECT, 1);
    bencher.bench_local(|| play.run(&runtime, &case, 1));
}

#[divan::bench]
fn bare_exchange(bencher: Bencher<'_, '_>) {
    let runtime = one_thread();
    let bare = BareClient::new(&runtime);
    bencher.bench_local(|| runtime.block_on(bare.exchange()));
}
