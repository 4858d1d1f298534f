//! Which module may use which. Within one crate, the compiler does not check this.

mod fixtures;
mod graph;
mod source;

use graph::{Crate, Edges};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The modules of `src/` that know gateways, scenarios or runs, from the lowest to the highest, and those that each of them
/// uses. The other files of `src/` are below all of them.
const USES: [(&str, &[&str]); 14] = [
    ("scenario", &[]),
    ("client", &[]),
    ("explain", &["client"]),
    ("capture", &["explain", "scenario"]),
    ("observe", &[]),
    ("judge", &["observe", "scenario"]),
    ("gateway", &["client", "scenario"]),
    ("known", &["judge", "scenario"]),
    ("probe", &["client", "gateway", "scenario"]),
    ("run", &["client", "gateway", "judge", "known", "observe", "scenario"]),
    ("report", &["explain", "judge", "observe", "run"]),
    ("fuzz", &["gateway", "judge", "observe", "run", "scenario"]),
    ("record", &["capture", "explain", "scenario"]),
    (
        "cli",
        &[
            "capture", "client", "explain", "fuzz", "gateway", "judge", "known", "observe", "probe", "record",
            "report", "run", "scenario",
        ],
    ),
];

/// The allowed circle: the crate, the folder, and all modules of the circle.
const CIRCLES: [(&str, &str, &[&str]); 1] = [
    // The model is one state machine: it calls its handlers, and they change it.
    (
        "openclaw-model",
        "",
        &[
            "approvals",
            "broadcast",
            "handshake",
            "input",
            "locality",
            "model",
            "node_work",
            "nodes",
            "pairing",
            "rpc",
            "scope_upgrades",
            "surface",
            "trace",
        ],
    ),
];

/// The crates of the workspace: the name and the folder.
fn crates() -> Vec<(String, std::path::PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let below = fs::read_dir(root.join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let named = below.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path));
    std::iter::once(("clawcheck".to_owned(), root.to_owned())).chain(named).collect()
}

fn edges(folder: &Path) -> Edges {
    let source = folder.join("src");
    let read = |module: &[String]| {
        let file = source.join(module.join("/"));
        let files = [file.with_extension("rs"), file.join("mod.rs"), file.join("lib.rs")];
        files.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap_or_else(|| panic!("no file of {module:?}"))
    };
    Crate::read(&read).edges()
}

#[test]
fn module_order() {
    let edges = edges(Path::new(env!("CARGO_MANIFEST_DIR")));
    let all = edges.in_folder("");
    let listed = |name: &str| -> Option<usize> { USES.iter().position(|(module, _)| *module == name) };
    for (module, uses) in USES {
        let found = all.iter().filter(|((from, to), _)| from == module && listed(to).is_some());
        let found = found.map(|((_, to), _)| to.as_str()).collect::<BTreeSet<_>>();
        assert_eq!(found, uses.iter().copied().collect(), "`{module}` uses");
        assert!(uses.iter().all(|other| listed(other) < listed(module)), "`{module}` uses what is above it");
    }
    for ((from, to), examples) in &all {
        let (from, to) = (from.as_str(), to.as_str());
        let is_root = from == graph::OWN_FILE;
        assert!(is_root || listed(from).is_some() || listed(to).is_none(), "below all modules: {examples:?}");
    }
}

#[test]
fn no_module_cycles() {
    let mut seen = BTreeSet::new();
    for (name, folder) in crates() {
        for circle in edges(&folder).circles() {
            let members = circle.modules.iter().map(String::as_str).collect::<Vec<_>>();
            let stays = CIRCLES
                .iter()
                .position(|circle_left| *circle_left == (name.as_str(), circle.folder.as_str(), members.as_slice()));
            assert!(stays.is_some(), "{name}, {:?}: {members:?} use each other:\n{}", circle.folder, circle.why());
            seen.extend(stays);
        }
    }
    assert_eq!(seen.len(), CIRCLES.len(), "a circle of the list is gone");
}
