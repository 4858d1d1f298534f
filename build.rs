//! Packs the scenarios and the snapshots into the binary. `src/built_in.rs` unpacks them.

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
    Ok(())
}

/// The files of a folder, sorted by path and compressed: for each file its path below the folder and its length in
/// bytes, each followed by a line break, and then its contents. Similar files are next to each other, which improves
/// the compression. The result starts with the uncompressed length (eight bytes, little-endian), so that the
/// program allocates exactly this much memory.
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
    let mut packed = (plain.len() as u64).to_le_bytes().to_vec();
    packed.extend(miniz_oxide::deflate::compress_to_vec(&plain, 9));
    Ok(packed)
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
