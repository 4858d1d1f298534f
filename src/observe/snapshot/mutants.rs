//! Mutants of the snapshots: what can be read can be written, and is then read as the same.

use super::Snapshot;
use crate::mutants;
use include_dir::{Dir, include_dir};

static SNAPSHOTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/snapshots");

#[test]
fn mutants_of_snapshots_are_read_back_as_they_were_written() {
    let files = SNAPSHOTS.dirs().flat_map(Dir::files);
    let seeds: Vec<Vec<u8>> = files.map(|file| file.contents().to_vec()).collect();
    mutants::play("snapshots", &seeds, &["---", "\n---\n", "seen: []", "2026.13.99"], |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        match Snapshot::parse(text) {
            Ok(snapshot) => {
                let written = snapshot.render();
                let again = Snapshot::parse(&written).unwrap();
                assert_eq!(again.render(), written, "it is written in another way the second time");
                if text.chars().all(|c| c == '\n' || c == ' ' || c.is_ascii_graphic()) {
                    assert_eq!(again, snapshot, "{written}");
                }
            }
            Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
        }
    });
}
