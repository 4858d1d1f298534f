//! Which crates of the workspace may import which. Cargo compares the code with the manifests, and these tests check the
//! manifests. They need `cargo`.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The crates of the workspace, and the crates of the workspace that each can depend on.
const MAY_IMPORT: [(&str, &[&str]); 6] = [
    ("untrusted-data", &[]),
    ("openclaw-protocol", &[]),
    ("openclaw-model", &["openclaw-protocol"]),
    ("openclaw-emulator", &["openclaw-model", "openclaw-protocol", "untrusted-data"]),
    ("clawcheck", &["openclaw-emulator", "openclaw-model", "openclaw-protocol", "untrusted-data"]),
    ("input-mutants", &[]),
];
/// The crate that every crate can use in its tests.
const FOR_TESTS: &str = "input-mutants";

/// A crate of a workspace, and its dependencies on other crates of the workspace.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Manifest {
    name: String,
    dependencies: BTreeSet<String>,
    /// Dependencies of tests and build scripts.
    others: BTreeSet<String>,
}

/// The crates of a workspace as Cargo reads their manifests: renamed dependencies, those of one target, inherited ones.
fn manifests(workspace: &Path) -> Vec<Manifest> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"]);
    let output = command.arg(workspace.join("Cargo.toml")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata = serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names = packages.iter().map(|package| text(&package["name"])).collect::<BTreeSet<_>>();
    let mut manifests = packages.iter().map(|package| {
        let dependencies = package["dependencies"].as_array().unwrap();
        let of = |is_normal: bool| {
            let of_kind = dependencies.iter().filter(|dependency| dependency["kind"].is_null() == is_normal);
            of_kind.map(|dependency| text(&dependency["name"])).filter(|name| names.contains(name)).collect()
        };
        Manifest { name: text(&package["name"]), dependencies: of(true), others: of(false) }
    });
    let mut manifests = manifests.by_ref().collect::<Vec<_>>();
    manifests.sort();
    manifests
}

#[test]
fn crate_dependencies() {
    let found = manifests(Path::new(env!("CARGO_MANIFEST_DIR")));
    let names = found.iter().map(|manifest| manifest.name.as_str()).collect::<BTreeSet<_>>();
    assert_eq!(names, MAY_IMPORT.iter().map(|(name, _)| *name).collect(), "a crate that has no place in the list");
    for (at, (name, allowed)) in MAY_IMPORT.iter().enumerate() {
        let manifest = found.iter().find(|manifest| manifest.name == *name).unwrap();
        assert_eq!(manifest.dependencies, allowed.iter().map(ToString::to_string).collect(), "{name}");
        assert!(manifest.others.iter().all(|other| other == FOR_TESTS), "{name}, for tests: {:?}", manifest.others);
        let lower = &MAY_IMPORT[..at];
        assert!(allowed.iter().all(|allowed| lower.iter().any(|(lower, _)| lower == allowed)), "{name} imports upward");
    }
}

#[test]
fn finds_every_form_of_dependency() {
    let workspace = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = workspace.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let package = |name: &str, rest: &str| {
        write(&format!("{name}/Cargo.toml"), &format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\n{rest}"));
        write(&format!("{name}/src/lib.rs"), "");
    };
    let names = ["plain", "renamed", "inherited", "of-a-target", "in-a-table", "for-tests", "for-builds"];
    names.iter().for_each(|name| package(name, ""));
    let user = "\
[dependencies]
plain = { path = '../plain' }
foo = { package = 'renamed', path = '../renamed' }
inherited.workspace = true
[dependencies.in-a-table]
path = '../in-a-table'
[target.'cfg(unix)'.dependencies]
of-a-target = { path = '../of-a-target' }
[dev-dependencies]
bar = { package = 'for-tests', path = '../for-tests' }
[build-dependencies]
for-builds = { path = '../for-builds' }
";
    package("user", user);
    let members = names.map(|name| format!("'{name}'")).join(", ");
    let dependencies = "[workspace.dependencies]\ninherited = { path = 'inherited' }\n";
    write("Cargo.toml", &format!("[workspace]\nresolver = '2'\nmembers = [{members}, 'user']\n{dependencies}"));
    let found = manifests(workspace.path());
    let user = found.iter().find(|manifest| manifest.name == "user").unwrap();
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(user.dependencies, set(&["plain", "renamed", "inherited", "of-a-target", "in-a-table"]));
    assert_eq!(user.others, set(&["for-tests", "for-builds"]));
}
