//! Mutants of the snapshots: what can be read can be written, and is then read as the same.

use super::Snapshot;
use include_dir::{Dir, include_dir};
use input_mutants::play;
use untrusted_data::printable;

static SNAPSHOTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/snapshots");

#[test]
fn mutants_of_snapshots_are_read_back_as_they_were_written() {
    let files = SNAPSHOTS.dirs().flat_map(Dir::files);
    let seeds: Vec<Vec<u8>> = files.map(|file| file.contents().to_vec()).collect();
    play("snapshots", &seeds, &["---", "\n---\n", "seen: []", "2026.13.99"], |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        match Snapshot::parse(text) {
            Ok(mut snapshot) => {
                let written = snapshot.render();
                // What a terminal would obey is written as an escape.
                snapshot.text = printable::block(&snapshot.text).into_owned();
                assert_eq!(Snapshot::parse(&written).as_ref(), Ok(&snapshot), "{written}");
            }
            Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
        }
    });
}
