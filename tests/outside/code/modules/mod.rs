//! Which module may use which. Within one crate, the compiler does not check this.

mod fixtures;
mod graph;
mod source;

use graph::{Crate, Edges};
use source::Source;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

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
fn crates() -> Vec<(String, PathBuf)> {
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

/// The files of a crate that no other file declares as a module, so that nobody compiles them.
fn undeclared(source: &Path, folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_root = folder == source && ["lib", "main"].contains(&name);
        let own = path.join("mod.rs");
        if path.is_dir() {
            found.extend(undeclared(source, &path));
        }
        let is_module = if path.is_dir() {
            own.is_file()
        } else {
            name != "mod" && path.extension().is_some_and(|end| end == "rs")
        };
        let above = [folder.join("mod.rs"), folder.join("lib.rs"), folder.with_extension("rs")];
        let declares = |file: &PathBuf| {
            let source = fs::read_to_string(file).map(|text| Source::parse(&text)).unwrap_or_default();
            source.files.contains(name) || source.tests.contains(name)
        };
        if is_module && !is_root && !above.iter().any(declares) {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_file_is_module() {
    for (name, folder) in crates() {
        let source = folder.join("src");
        assert_eq!(undeclared(&source, &source), Vec::<PathBuf>::new(), "{name}");
    }
}

#[test]
fn finds_uncompiled_file() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod a;\nmod b;\nfn f() {\n    // mod c;\n}");
    write("a.rs", "#[cfg(test)]\nmod tests;");
    write("a/tests.rs", "");
    write("b/mod.rs", "");
    write("b/tests.rs", "");
    write("c.rs", "");
    let mut found = undeclared(folder.path(), folder.path());
    found.sort();
    assert_eq!(found, [folder.path().join("b/tests.rs"), folder.path().join("c.rs")]);
}

/// The maximum number of names that the library exports.
const MAX_NAMES: usize = 25;

/// The names that a crate exports, as its `lib.rs` lists them.
///
/// # Errors
/// There are too many, or a part of them has no list.
fn exported(root: &str) -> Result<BTreeSet<String>, String> {
    let mut public = root.lines().filter(|line| line.starts_with("pub ") && !line.starts_with("pub use "));
    if let Some(other) = public.find(|line| *line != "pub mod internal {") {
        return Err(format!("`{other}`: export names with `pub use`"));
    }
    let source = Source::parse(root);
    let names = source.imports.into_iter().filter(|import| import.is_public).map(|import| import.name);
    let names = names.collect::<Option<BTreeSet<_>>>().ok_or("`pub use ...::*`: list the names")?;
    if names.len() > MAX_NAMES { Err(format!("{} names: {names:?}", names.len())) } else { Ok(names) }
}

#[test]
fn library_exports_few_names() {
    let root = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let names = exported(&root).unwrap();
    assert!(names.contains("run") && names.contains("Corpus"), "{names:?}");
}

#[test]
fn finds_too_many_exports() {
    assert_eq!(exported("mod a;\npub use a::{B, c};\npub mod internal {\n    pub use a::*;\n}").unwrap().len(), 2);
    let names = (0..26).map(|number| format!("pub use a::N{number};\n")).collect::<String>();
    for root in ["pub use a::*;", "pub mod a;", "pub fn f() {}", &names] {
        assert!(exported(root).is_err(), "{root}");
    }
}
