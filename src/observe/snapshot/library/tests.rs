use super::files::{escape, unescape};
use super::{FileChange, Library, LibraryError, Proposed};
use openclaw_model::Release;
use rstest::rstest;
use std::path::Path;

const CASE: &str = "family/name#mode=token,via=a/b";

fn release(n: u16) -> Release {
    Release::new(2026, 4, n)
}

fn accept_all(folder: &Path) -> Vec<FileChange> {
    let mut library = Library::open(folder).unwrap();
    library.proposals().unwrap().iter().flat_map(|proposal| library.accept(proposal).unwrap()).collect()
}

#[test]
fn proposes_and_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let proposed = Library::open(folder.path()).unwrap().propose(CASE, release(2), "a\n", true).unwrap();
    let proposed = proposed.path();
    assert!(proposed.ends_with("family/name#mode=token,via=a%2Fb@2026.4.2.snap.new"), "{}", proposed.display());
    let approved = folder.path().join("family/name#mode=token,via=a%2Fb@2026.4.2.snap");
    assert_eq!(accept_all(folder.path()), [FileChange::Written(approved)]);
    assert!(!proposed.exists());
    let library = Library::open(folder.path()).unwrap();
    assert_eq!(library.cases().collect::<Vec<_>>(), [CASE]);
    let history = library.history(CASE).unwrap();
    assert_eq!(history.serving(release(5)).unwrap().1.seen, [release(2)].into());
}

#[test]
fn snapshot_lookup_by_release() {
    let folder = tempfile::tempdir().unwrap();
    for (n, text) in [(2, "a\n"), (4, "b\n")] {
        Library::open(folder.path()).unwrap().propose(CASE, release(n), text, true).unwrap();
        accept_all(folder.path());
    }
    let library = Library::open(folder.path()).unwrap();
    let read = |n| library.serving(CASE, release(n)).unwrap().variants.into_keys().collect::<Vec<_>>();
    assert_eq!([read(1), read(3), read(4)], [vec![release(2), release(4)], vec![release(2)], vec![release(4)]]);
}

#[test]
fn removes_redundant_variant() {
    let folder = tempfile::tempdir().unwrap();
    for (n, text) in [(1, "a\n"), (2, "b\n"), (3, "a\n"), (2, "a\n")] {
        Library::open(folder.path()).unwrap().propose(CASE, release(n), text, true).unwrap();
        accept_all(folder.path());
    }
    let history = Library::open(folder.path()).unwrap().history(CASE).unwrap();
    assert_eq!(history.variants.len(), 1);
    assert_eq!(history.variants[&release(1)].seen.len(), 3);
}

#[test]
fn withdraws_proposal_of_conforming_case() {
    let folder = tempfile::tempdir().unwrap();
    let path = Library::open(folder.path()).unwrap().propose(CASE, release(2), "a\n", false).unwrap();
    let path = path.path();
    Library::open(folder.path()).unwrap().withdraw(CASE, release(2), false).unwrap();
    assert!(!path.exists());
}

#[test]
fn confirmed_snapshot_stays_until_release_changes() {
    let folder = tempfile::tempdir().unwrap();
    let library = || Library::open(folder.path()).unwrap();
    let left = library().propose(CASE, release(2), "real\n", true).unwrap();
    let path = left.path();
    let waits = library().propose(CASE, release(2), "embedded\n", false).unwrap();
    assert_eq!(waits, Proposed::Kept(path.to_owned()));
    library().withdraw(CASE, release(2), false).unwrap();
    assert!(std::fs::read_to_string(path).unwrap().ends_with("real\n"));
    library().propose(CASE, release(2), "newer\n", true).unwrap();
    assert!(std::fs::read_to_string(path).unwrap().ends_with("newer\n"));
    library().withdraw(CASE, release(2), true).unwrap();
    assert!(!path.exists());
}

#[test]
fn rejects_header_of_other_case() {
    let folder = tempfile::tempdir().unwrap();
    let path = Library::open(folder.path()).unwrap().propose(CASE, release(2), "a\n", false).unwrap();
    let path = path.path();
    std::fs::rename(path, path.with_file_name("name#mode=token,via=a%2Fb@2026.4.5.snap")).unwrap();
    let error = Library::open(folder.path()).unwrap().history(CASE).unwrap_err();
    assert!(
        error.to_string().contains("the header names release 2026.4.2, but the file name says 2026.4.5"),
        "{error}"
    );
}

#[test]
fn writability_probe_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("not/there");
    Library::open(&below).unwrap().probe().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    #[cfg(target_os = "linux")]
    {
        let error = Library::open(Path::new("/proc/clawcheck")).unwrap().probe().unwrap_err();
        assert!(error.to_string().contains("cannot write /proc/clawcheck"), "{error}");
    }
}

#[test]
fn file_in_place_of_folder_is_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Library::open(file.path()).unwrap_err();
    assert!(matches!(error, LibraryError::Read { .. }), "{error}");
}

#[test]
fn built_in_snapshots_parse() {
    let library = Library::built_in().unwrap();
    for case in library.cases() {
        library.history(case).unwrap();
    }
    assert!(matches!(library.propose(CASE, release(1), "a", false), Err(LibraryError::BuiltIn)));
}

#[rstest]
#[case("family/name")]
#[case("family/näme#a b=\"c\"%41@x")]
fn escaping_loses_nothing(#[case] case: &str) {
    assert_eq!(unescape(&escape(case)), case);
}
