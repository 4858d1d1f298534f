//! Packs the scenarios and the snapshots into the binary, which `src/built_in.rs` unpacks, and the words that clawcheck
//! prints, which `src/own_words.rs` unpacks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let target = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    for folder in ["scenarios", "snapshots"] {
        // Cargo must also build again if a folder has a new file.
        println!("cargo::rerun-if-changed={folder}");
        let packed = pack(Path::new(folder))?;
        fs::write(target.join(format!("{folder}.packed")), packed)?;
    }
    let words = words()?.into_iter().collect::<Vec<_>>().join("\n");
    fs::write(target.join("words.packed"), miniz_oxide::deflate::compress_to_vec(words.as_bytes(), 9))
}

/// The words that the program prints, in lower case: those in its texts and its help, in the paths of scenarios, and in
/// the snapshots. Words of tests are not among them.
fn words() -> io::Result<BTreeSet<String>> {
    let mut words = BTreeSet::new();
    let mut paths = Vec::new();
    for folder in ["src", "crates/openclaw-model/src", "crates/openclaw-protocol/src", "crates/openclaw-emulator/src"] {
        println!("cargo::rerun-if-changed={folder}");
        collect(Path::new(folder), &mut paths)?;
    }
    let sources = paths.into_iter().map(|path| Ok((fs::read_to_string(&path)?, path)));
    let sources = sources.collect::<io::Result<Vec<_>>>()?;
    let tests = sources.iter().flat_map(|(source, path)| test_modules(source, path)).collect::<Vec<_>>();
    let is_test = |path: &Path| tests.iter().any(|test| path.starts_with(test) || path.with_extension("") == *test);
    for (source, path) in sources.iter().filter(|(_, path)| !is_test(path)) {
        let program = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        literals(program).into_iter().for_each(|text| add_words(text, &mut words));
        if path.starts_with("src/cli") {
            documentation(program).for_each(|text| add_words(text, &mut words));
        }
    }
    let (mut scenarios, mut snapshots) = (Vec::new(), Vec::new());
    collect(Path::new("scenarios"), &mut scenarios)?;
    collect(Path::new("snapshots"), &mut snapshots)?;
    scenarios.iter().for_each(|path| add_words(&path.to_string_lossy(), &mut words));
    for path in snapshots {
        add_words(&fs::read_to_string(path)?, &mut words);
    }
    Ok(words)
}

/// The paths, without an extension, of the modules that a source file declares for tests.
fn test_modules(source: &str, path: &Path) -> Vec<PathBuf> {
    let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod" | "lib" | "main") => path.with_file_name(""),
        _ => path.with_extension(""),
    };
    let declared = source.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
        let line = rest.lines().next()?;
        let name = line.split_once("mod ")?.1.strip_suffix(';')?;
        Some(folder.join(name))
    });
    declared.collect()
}

/// The string literals of a source file.
fn literals(source: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = source[at..].find(['"', '/']).map(|next| at + next) {
        at = next + 1;
        if source[next..].starts_with("//") {
            at = source[next..].find('\n').map_or(source.len(), |length| next + length);
        } else if source[next..].starts_with('"') && !is_character(source, next) {
            let end = literal_end(source, next);
            found.push(&source[at..end]);
            at = (end + 1).min(source.len());
        }
    }
    found
}

/// Whether the quote at this place is a character literal: `'"'` or `'\"'`.
fn is_character(source: &str, at: usize) -> bool {
    (source[..at].ends_with('\'') || source[..at].ends_with("'\\")) && source[at + 1..].starts_with('\'')
}

/// The end of the string literal that begins at this place.
fn literal_end(source: &str, at: usize) -> usize {
    let before = source[..at].trim_end_matches('#');
    if before.ends_with('r') && !before.ends_with("'r") {
        let end = format!("\"{}", "#".repeat(at - before.len()));
        return source[at + 1..].find(&end).map_or(source.len(), |length| at + 1 + length);
    }
    let mut is_escaped = false;
    let end = source[at + 1..].bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(source.len(), |length| at + 1 + length)
}

/// The documentation of a source file: that of options is their help.
fn documentation(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| line.trim_start().strip_prefix("/// "))
}

/// Adds the words of a text that have at least four characters, one of them a letter.
fn add_words(text: &str, words: &mut BTreeSet<String>) {
    let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let found = text.split(|c| !in_word(c)).map(|word| word.trim_matches('-'));
    let found = found.filter(|word| word.len() >= 4 && word.bytes().any(|byte| byte.is_ascii_alphabetic()));
    words.extend(found.map(str::to_ascii_lowercase));
}

/// The files of a folder, sorted by path and compressed: for each file its path below the folder and its length in
/// bytes, each followed by a line break, and then its contents. Similar files are next to each other, which improves
/// the compression.
fn pack(folder: &Path) -> io::Result<Vec<u8>> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    paths.sort();
    let mut plain = Vec::new();
    for path in paths {
        let contents = fs::read(&path)?;
        let below = path.strip_prefix(folder).map_err(io::Error::other)?.to_str().ok_or(io::ErrorKind::InvalidData)?;
        plain.extend_from_slice(format!("{below}\n{}\n", contents.len()).as_bytes());
        plain.extend_from_slice(&contents);
    }
    Ok(miniz_oxide::deflate::compress_to_vec(&plain, 9))
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_none_or(|extension| extension != "new") {
            // `.snap.new` files wait for approval.
            paths.push(path);
        }
    }
    Ok(())
}
