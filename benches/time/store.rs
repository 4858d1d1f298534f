//! Observation of a store with 1,000 devices, and its comparison with a snapshot.

use crate::support::RELEASE;
use crate::support::store::evidence;
use clawcheck::internal::{History, Snapshot};
use clawcheck::internal::{diff, normalise};
use divan::{Bencher, black_box};

const DEVICES: [usize; 2] = [100, 1000];

/// From the bytes of the files to the text.
#[divan::bench(args = DEVICES)]
fn observe(bencher: Bencher<'_, '_>, devices: usize) {
    let evidence = evidence(devices);
    bencher.bench_local(|| normalise(black_box(&evidence)));
}

/// Reads a snapshot file and compares it with an equal observation.
#[divan::bench(args = DEVICES)]
fn compare_equal(bencher: Bencher<'_, '_>, devices: usize) {
    let observation = normalise(&evidence(devices));
    let snapshot = Snapshot {
        case: "bench/store".to_owned(),
        release: RELEASE,
        seen: [RELEASE].into(),
        text: observation.text().to_owned(),
    };
    let file = snapshot.render();
    bencher.bench_local(|| {
        let snapshot = Snapshot::parse(black_box(&file)).ok()?;
        let mut history = History::default();
        history.accept(snapshot.release, &snapshot.text, true);
        let (_, variant) = history.serving(RELEASE)?;
        (observation.comparable(&variant.text) == observation.text()).then_some(())
    });
}

/// Finds the line in which two observations differ.
#[divan::bench(args = DEVICES)]
fn compare_different(bencher: Bencher<'_, '_>, devices: usize) {
    let observation = normalise(&evidence(devices)).text().to_owned();
    let expected = observation.replacen("operator.write", "operator.admin", 1);
    bencher.bench_local(|| diff::render(black_box(&expected), black_box(&observation), false));
}
