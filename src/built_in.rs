//! The scenarios and the snapshots in the binary, so that clawcheck runs in any directory. `build.rs` packs them, and
//! this module unpacks them at their first use.

use miniz_oxide::inflate::decompress_slice_iter_to_slice;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Files by their path below the folder, with `/` as the separator.
pub(crate) type Files = BTreeMap<&'static str, &'static [u8]>;

/// The files of `scenarios/`.
pub(crate) fn scenarios() -> &'static Files {
    static PLAIN: LazyLock<Vec<u8>> =
        LazyLock::new(|| unpack(include_bytes!(concat!(env!("OUT_DIR"), "/scenarios.packed"))));
    static FILES: LazyLock<Files> = LazyLock::new(|| files(&PLAIN));
    &FILES
}

/// The files of `snapshots/`.
pub(crate) fn snapshots() -> &'static Files {
    static PLAIN: LazyLock<Vec<u8>> =
        LazyLock::new(|| unpack(include_bytes!(concat!(env!("OUT_DIR"), "/snapshots.packed"))));
    static FILES: LazyLock<Files> = LazyLock::new(|| files(&PLAIN));
    &FILES
}

/// Unpacks the output of `build.rs`. Damaged data would become an empty set of files. The test below compares the files
/// with the folders, and thus proves that the data of this build is not damaged.
fn unpack(packed: &[u8]) -> Vec<u8> {
    decompress(packed).unwrap_or_default()
}

fn decompress(packed: &[u8]) -> Option<Vec<u8>> {
    let (length, compressed) = packed.split_first_chunk()?;
    let mut plain = vec![0; usize::try_from(u64::from_le_bytes(*length)).ok()?];
    let written = decompress_slice_iter_to_slice(&mut plain, std::iter::once(compressed), false, true).ok()?;
    (written == plain.len()).then_some(plain)
}

fn files(mut plain: &'static [u8]) -> Files {
    let mut files = Files::new();
    while let Some((path, contents, rest)) = first(plain) {
        files.insert(path, contents);
        plain = rest;
    }
    files
}

/// The path and the contents of the first file, and what follows it.
fn first(plain: &'static [u8]) -> Option<(&'static str, &'static [u8], &'static [u8])> {
    let (path, rest) = line(plain)?;
    let (length, rest) = line(rest)?;
    let (contents, rest) = rest.split_at_checked(length.parse().ok()?)?;
    Some((path, contents, rest))
}

fn line(text: &[u8]) -> Option<(&str, &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    Some((std::str::from_utf8(&text[..end]).ok()?, &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::path::Path;

    #[rstest]
    #[case("scenarios", scenarios())]
    #[case("snapshots", snapshots())]
    fn binary_contains_every_file(#[case] folder: &str, #[case] files: &Files) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        assert!(!files.is_empty());
        for (path, contents) in files {
            assert!(std::fs::read(root.join(path)).unwrap() == *contents, "{path}");
        }
        assert_eq!(count(&root), files.len(), "build again: the program has other files than {folder}");
    }

    fn count(folder: &Path) -> usize {
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let is_proposal = |path: &Path| path.extension().is_some_and(|extension| extension == "new");
        paths.filter(|path| !is_proposal(path)).map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
    }
}
