//! Where facts about releases may be written.

use openclaw_model::releases::{KNOWN, known_releases};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The files that may name or compare releases: the history, the queries about the first release with a fact, the
/// ranges of scenarios, the packages of npm, and the versions that the clients of a story send.
const MAY_COMPARE: [&str; 5] = [
    "crates/openclaw-model/src/releases/",
    "crates/openclaw-model/src/trace.rs",
    "src/scenario/model/text.rs",
    "src/gateway/openclaw/catalogue.rs",
    "src/fuzz/story/connects.rs",
];

/// Code that compares or names a release.
const COMPARES: [&str; 10] = [
    "Release::new(",
    "release <",
    "release >",
    "speaking <",
    "speaking >",
    "release.cmp(",
    "release.lt(",
    "release.le(",
    "release.gt(",
    "release.ge(",
];

/// The words before a release that make a comment a second home of the release's facts.
const DATES: [&str; 5] = ["since", "from", "up to", "until", "before"];

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path, end)),
            false if path.to_str().unwrap().ends_with(end) => found.push(path),
            false => {}
        }
    }
    found
}

/// The lines of code that compare or name a release, without comments and tests.
fn comparisons(source: &str) -> Vec<&str> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code = code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let reversed = |line: &str| line.contains("< release") || line.contains("<= release");
    let ranged = |line: &str| line.contains("..") && line.contains("contains(&release)");
    let compares = |line: &str| COMPARES.iter().any(|word| line.contains(word)) || reversed(line) || ranged(line);
    code.filter(|line| compares(line) || is_named_after_a_release(line) || has_release_as_text(line)).collect()
}

/// The comments that say since when or until when a rule holds. A comment can name the release on which something was
/// observed, or whose source was read.
fn dated_comments(source: &str) -> Vec<&str> {
    let comments = source.lines().map(str::trim).filter(|line| line.starts_with("//"));
    let dates = |line: &str| {
        line.to_lowercase().split("2026.").any(|before| DATES.iter().any(|word| before.ends_with(&format!("{word} "))))
    };
    comments.filter(|line| dates(line)).collect()
}

/// Whether a line has a text that is a release, as in `"2026.4.2".parse()`.
fn has_release_as_text(line: &str) -> bool {
    let is_release = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
        parts.next().flatten().is_some_and(|year| year >= 2026) && parts.next().flatten().is_some()
    };
    line.split('"').skip(1).step_by(2).any(is_release)
}

/// Whether a file contains only tests: its folder is named so, or the module above it says so.
fn is_test(path: &Path) -> bool {
    let (folder, name) = (path.parent().unwrap(), path.file_stem().unwrap().to_str().unwrap());
    let declares = |file: PathBuf| {
        fs::read_to_string(file).is_ok_and(|source| source.contains(&format!("#[cfg(test)]\nmod {name};")))
    };
    let above = [folder.join("mod.rs"), folder.join("lib.rs"), folder.with_extension("rs")];
    folder.ends_with("tests") || above.into_iter().any(declares)
}

/// Whether a name in a line of code contains a release, as in `MethodSet::V2026_4_2` and `EVENTS_2026_9_6`.
fn is_named_after_a_release(line: &str) -> bool {
    line.match_indices("2026_").any(|(at, year)| {
        line[..at].ends_with(['V', 'v', '_']) && line[at + year.len()..].starts_with(|char: char| char.is_ascii_digit())
    })
}

#[test]
fn only_history_compares_releases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for path in [files(&root.join("src"), ".rs"), files(&root.join("crates"), ".rs")].concat() {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if is_test(&path) || MAY_COMPARE.iter().any(|place| name.starts_with(place)) {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let lines = comparisons(&source).into_iter().chain(dated_comments(&source));
        found.extend(lines.map(|line| format!("{name}: {line}")));
    }
    assert_eq!(
        found,
        Vec::<String>::new(),
        "a fact belongs in openclaw-model/src/facts, its release in openclaw-model/src/releases"
    );
}

/// A fact with an order would be a release under another name, because handlers would compare it.
#[test]
fn facts_have_no_order() {
    let facts = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/openclaw-model/src/facts");
    let ordered = |path: &PathBuf| fs::read_to_string(path).unwrap().contains("PartialOrd");
    assert_eq!(files(&facts, ".rs").into_iter().filter(ordered).collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

#[test]
fn finds_release_comparison() {
    for line in [
        "let seeds = release >= Release::new(2026, 3, 13);",
        "if self.release < PROTOCOL_4 {",
        "if self.release.ge(&PROTOCOL_4) {",
        r#"let release: Release = "2026.4.2".parse().unwrap();"#,
        r#"let release: Release = "2027.1.1".parse().unwrap();"#,
        "let said = said.filter(|_| self.speaking >= SETS_ITS_TIMEOUT);",
        "if (FIRST..LAST).contains(&release) {",
        "NEWER.iter().all(|(newer, since)| *since <= release)",
        r#"("exec.approval.get", Approvals, V2026_4_5),"#,
        "if form >= NodeCalls::V2026_9_6 {",
        "static CONNECT_2026_9_6: Schema = object(&[]);",
    ] {
        assert_eq!(comparisons(line), [line]);
    }
    let tested =
        "/// since release < 3\nfn a() {}\n#[cfg(test)]\nmod tests { const R: Release = Release::new(2026, 4, 2); }";
    assert_eq!(comparisons(tested), [""; 0]);
    let dated = "/// Since 2026.4.5, a token is bound.\n/// Observed on 2026.4.5.\nlet token = 1; // from 2026.4.5 on";
    assert_eq!(dated_comments(dated), ["/// Since 2026.4.5, a token is bound."]);
    let followed = "#[cfg(test)]\nmod tests;\nstatic CONNECT_2026_9_6: Schema = object(&[]);";
    assert_eq!(comparisons(followed).len(), 1);
}

#[test]
fn every_snapshot_has_matching_change() {
    let snapshots = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots"), ".snap");
    let mut variants = BTreeSet::new();
    for path in &snapshots {
        let name = path.file_stem().unwrap().to_str().unwrap();
        if let Some((_, release)) = name.rsplit_once('@') {
            variants.insert(release.to_owned());
        }
    }
    assert!(variants.len() > 5, "{variants:?}");
    let first = known_releases().next().unwrap().to_string();
    for variant in variants.iter().filter(|variant| **variant != first) {
        let known = KNOWN.iter().find(|known| known.release.to_string() == *variant);
        assert!(known.is_some_and(|known| !known.changes.is_empty()), "{variant} has snapshots and no change");
    }
}
