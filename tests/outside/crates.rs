//! Which crates of the workspace may import which. Cargo compares the code with the manifests, and this test checks the
//! manifests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The crates of the workspace, and the crates of the workspace that each can depend on.
const MAY_IMPORT: [(&str, &str, &[&str]); 6] = [
    ("untrusted-data", "crates/untrusted-data", &[]),
    ("openclaw-protocol", "crates/openclaw-protocol", &[]),
    ("openclaw-model", "crates/openclaw-model", &["openclaw-protocol"]),
    ("openclaw-emulator", "crates/openclaw-emulator", &["openclaw-model", "openclaw-protocol", "untrusted-data"]),
    ("clawcheck", ".", &["openclaw-emulator", "openclaw-model", "openclaw-protocol", "untrusted-data"]),
    ("input-mutants", "crates/input-mutants", &[]),
];
/// The crate that every crate can use in its tests.
const FOR_TESTS: &str = "input-mutants";

/// The dependencies on crates of the workspace in one section of a manifest.
fn dependencies(manifest: &str, section: &str) -> BTreeSet<String> {
    let lines = manifest.lines().skip_while(|line| *line != format!("[{section}]")).skip(1);
    let names = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| MAY_IMPORT.iter().any(|(ours, ..)| ours == name)).map(str::to_owned).collect()
}

#[test]
fn crates_import_only_crates_below_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, folder, allowed) in MAY_IMPORT {
        let manifest = fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("\nname = \"{name}\"\n")), "{folder} is not {name}");
        let allowed = allowed.iter().map(ToString::to_string).collect();
        assert_eq!(dependencies(&manifest, "dependencies"), allowed, "{name}");
        for other in ["build-dependencies", "dev-dependencies"] {
            let found = dependencies(&manifest, other);
            assert!(found.iter().all(|found| found == FOR_TESTS), "{name}, {other}: {found:?}");
        }
        assert!(!manifest.contains("\n[dependencies.") && !manifest.contains("\n[target."), "{name}: not read here");
    }
    let folders = fs::read_dir(root.join("crates")).unwrap().count();
    assert_eq!(folders + 1, MAY_IMPORT.len(), "a crate that nobody placed");
}

#[test]
fn an_upward_dependency_is_found() {
    let manifest = "[dependencies]\nserde.workspace = true\nclawcheck = { path = \"../..\" }\n\n[dev-dependencies]\n\
                    openclaw-model.workspace = true\n";
    assert_eq!(dependencies(manifest, "dependencies"), BTreeSet::from(["clawcheck".to_owned()]));
    assert_eq!(dependencies(manifest, "dev-dependencies"), BTreeSet::from(["openclaw-model".to_owned()]));
}
