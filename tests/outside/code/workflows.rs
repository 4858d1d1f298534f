//! The workflows use only actions that are pinned to a commit, and CI names no release that a new one would replace.

use openclaw_model::releases;
use std::fs;
use std::path::Path;

/// The references to actions in the workflows, with the comments behind them.
fn actions() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows");
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let lines = files.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    let used = lines.filter_map(|line| Some(line.trim_start_matches(['-', ' ']).strip_prefix("uses: ")?.to_owned()));
    let parts = |used: String| match used.split_once(" # ") {
        Some((action, tag)) => (action.to_owned(), tag.to_owned()),
        None => (used, String::new()),
    };
    used.map(parts).collect()
}

#[test]
fn actions_are_pinned_to_commits() {
    let actions = actions();
    assert!(actions.len() > 4, "{actions:?}");
    for (action, tag) in actions {
        let commit = action.split_once('@').map_or("", |(_, commit)| commit);
        assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{action}");
        assert!(tag.starts_with('v') && tag.split('.').count() == 3, "{action} has no comment with its tag");
    }
}

#[test]
fn stages_take_newest_release_from_clawcheck() {
    let script = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run")).unwrap();
    assert!(!script.contains(&releases::DEFAULT.to_string()), "`.ci/run` names the newest release");
    assert!(script.contains("openclaw@$newest"));
}
