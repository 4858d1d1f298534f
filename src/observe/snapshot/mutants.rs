//! Mutation tests of snapshots: whatever parses can be written, and parses again to the same value.

use super::Snapshot;
use crate::built_in;
use input_mutants::play;
use untrusted_data::printable;

#[test]
fn snapshot_mutants() {
    let seeds: Vec<Vec<u8>> = built_in::snapshots().values().map(|contents| contents.to_vec()).collect();
    play("snapshots", &seeds, &["---", "\n---\n", "seen: []", "2026.13.99"], |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        match Snapshot::parse(text) {
            Ok(mut snapshot) => {
                let written = snapshot.render();
                // Characters that a terminal would interpret are written as escapes.
                snapshot.text = printable::block(&snapshot.text).into_owned();
                assert_eq!(Snapshot::parse(&written).as_ref(), Ok(&snapshot), "{written}");
            }
            Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
        }
    });
}
