//! Which modules of `src/` may import which. Within one crate, the compiler does not check this.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `src/` that use gateways, scenarios or runs, from the lowest to the highest, and the modules that
/// each may import. The files of `src/` (limits, text, ...) are below all of them.
const MAY_IMPORT: [(&str, &[&str]); 14] = [
    ("scenario", &[]),
    ("client", &[]),
    ("explain", &["client"]),
    ("capture", &["explain", "scenario"]),
    ("observe", &[]),
    ("judge", &["observe", "scenario"]),
    ("gateway", &["client", "scenario"]),
    ("known", &["judge", "scenario"]),
    ("probe", &["client", "gateway", "scenario"]),
    // The tests of `run` compare captured scenarios with the answers of `explain`.
    ("run", &["capture", "client", "explain", "gateway", "judge", "known", "observe", "scenario"]),
    ("report", &["explain", "judge", "observe", "run"]),
    ("fuzz", &["gateway", "judge", "observe", "run", "scenario"]),
    ("record", &["capture", "client", "explain", "scenario"]),
    (
        "cli",
        &[
            "capture", "client", "explain", "fuzz", "gateway", "judge", "known", "observe", "probe", "record",
            "report", "run", "scenario",
        ],
    ),
];
/// Files that name every module.
const ROOTS: [&str; 2] = ["lib.rs", "main.rs"];

/// The modules that a source text names by a path from the crate root, without comments.
fn imports(text: &str) -> BTreeSet<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths = code.flat_map(|line| line.split("crate::").skip(1));
    paths.map(|path| path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()).collect()
}

/// Imports of a source text that its module must not have. `module` is the folder in `src/`, or empty for a file
/// outside all modules.
fn forbidden<'a>(module: &str, text: &'a str) -> Vec<&'a str> {
    let allowed = MAY_IMPORT.iter().find(|(name, _)| *name == module).map_or(&[][..], |(_, allowed)| *allowed);
    let listed = |import: &&str| MAY_IMPORT.iter().any(|(name, _)| name == import);
    // `crate::{a, b}` gives an empty name. This form cannot be read here, and the code does not use it.
    imports(text)
        .into_iter()
        .filter(|import| import.is_empty() || listed(import) && *import != module && !allowed.contains(import))
        .collect()
}

/// All source files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn modules_import_only_modules_below_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = BTreeSet::new();
    for file in sources(&root) {
        let path = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        if ROOTS.contains(&path.as_str()) {
            continue;
        }
        let module = path.split_once('/').map_or("", |(folder, _)| folder);
        let is_listed = module.is_empty() || MAY_IMPORT.iter().any(|(name, _)| *name == module);
        assert!(is_listed, "`{module}` has no place in the list");
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(forbidden(module, &text), Vec::<&str>::new(), "{path} imports what is not below `{module}`");
        seen.insert(module.to_owned());
    }
    for (at, (module, allowed)) in MAY_IMPORT.iter().enumerate() {
        assert!(seen.contains(*module), "there is no module `{module}`");
        let lower = MAY_IMPORT[..at].iter().map(|(name, _)| *name).collect::<BTreeSet<_>>();
        assert!(allowed.iter().all(|name| lower.contains(name)), "`{module}` may import what stands above it");
    }
}

#[test]
fn an_upward_import_is_found() {
    let use_line = "use crate::report::Event;\n";
    assert_eq!(forbidden("run", use_line), ["report"]);
    assert_eq!(forbidden("cli", use_line), Vec::<&str>::new());
    assert_eq!(forbidden("", use_line), ["report"], "a file outside all modules");
    assert_eq!(forbidden("observe", "    let x = crate::judge::judge(case);\n"), ["judge"], "a path in the code");
    assert_eq!(forbidden("client", "use crate::{limits, run};\n"), [""], "a group cannot be read");
    let harmless =
        "//! As `crate::cli` says.\nuse untrusted_data::limits::LINE;\npub(crate) fn f() {}\nuse crate::observe::x;\n";
    assert_eq!(forbidden("observe", harmless), Vec::<&str>::new());
}
