//! Recognizes the files of a gateway's state directory, and finds the state directory near another path.

use super::mistaken::MistakenArgument;
use openclaw_protocol::store::{DATABASE, Document};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use untrusted_data::printable;

/// The key of the gateway's own device, below the state directory.
pub(crate) const IDENTITY: &str = "identity/device.json";
/// The configuration, also under the former name of OpenClaw.
pub(crate) const CONFIGS: [&str; 2] = ["openclaw.json", "clawdbot.json"];
/// The number of folders above a path that are searched for a state directory.
const FOLDERS_UP: usize = 3;
/// The maximum depth of the search for state directories below a path.
const FOLDERS_DOWN: usize = 2;
/// The maximum number of entries that are visited below a path.
const MAX_ENTRIES: usize = 2000;
/// The maximum number of state directories that are named.
const MAX_NAMED: usize = 5;
/// The first bytes of every SQLite database.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Where the state directory of a gateway usually is.
pub(crate) const USUAL_PLACE: &str = "a gateway keeps its pairing store in ~/.openclaw of the user who runs it, or in \
    the folder that its service sets in OPENCLAW_STATE_DIR";

/// A file of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GatewayFile {
    /// `openclaw.json`.
    Config,
    /// A document of the pairing store, such as `devices/paired.json`.
    Store,
    /// `state/openclaw.sqlite`.
    Database,
    /// `identity/device.json`.
    Identity,
}

impl GatewayFile {
    /// The kind of a file, from its name and its first bytes.
    pub(crate) fn of(path: &Path, bytes: &[u8]) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let is = |known: &str| name == known || name.strip_prefix(known).is_some_and(|rest| rest.starts_with('.'));
        match name {
            _ if bytes.starts_with(SQLITE) || is("openclaw.sqlite") => Some(Self::Database),
            _ if CONFIGS.iter().any(|config| is(config)) => Some(Self::Config),
            _ if ["paired.json", "pending.json", "bootstrap.json"].iter().any(|document| is(document)) => {
                Some(Self::Store)
            }
            _ if is("device.json") => Some(Self::Identity),
            _ => None,
        }
    }

    /// The kind in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Config => "the configuration of a gateway",
            Self::Store => "a file of a gateway's pairing store",
            Self::Database => "the database of a gateway",
            Self::Identity => "the key of a gateway's own device",
        }
    }
}

/// Whether a gateway keeps its state in a folder.
pub(crate) fn is_state_directory(folder: &Path) -> bool {
    let documents = Document::ALL.into_iter().map(Document::path);
    documents.chain([DATABASE, IDENTITY]).any(|file| contains(folder, file))
}

/// Whether a folder contains a file. A file also counts if this user may not enter the folder that contains the file.
fn contains(folder: &Path, file: &str) -> bool {
    let path = folder.join(file);
    match fs::metadata(&path) {
        Ok(_) => true,
        Err(error) => {
            error.kind() == io::ErrorKind::PermissionDenied && path.parent().is_some_and(|closed| closed.is_dir())
        }
    }
}

/// Whether a folder is a state directory, or at least contains the configuration of a gateway.
pub(crate) fn is_of_gateway(folder: &Path) -> bool {
    is_state_directory(folder) || CONFIGS.iter().any(|config| folder.join(config).is_file())
}

/// The state directory that contains a path.
pub(crate) fn above(path: &Path) -> Option<PathBuf> {
    let find = |path: &Path| {
        let mut folders = path.ancestors().skip(1).take(FOLDERS_UP).filter(|folder| !folder.as_os_str().is_empty());
        folders.find(|folder| is_of_gateway(folder)).map(Path::to_owned)
    };
    find(path).or_else(|| {
        // The folders above the current one are not in a relative path.
        let folder = find(&path.is_relative().then(|| std::path::absolute(path).ok()).flatten()?)?;
        let is_here = std::env::current_dir().is_ok_and(|here| here == folder);
        Some(if is_here { PathBuf::from(".") } else { folder })
    })
}

/// The state directories in a folder, the nearest first.
pub(crate) fn below(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut level, mut entries) = (Vec::new(), vec![folder.to_owned()], MAX_ENTRIES);
    for _ in 0..FOLDERS_DOWN {
        let mut next = Vec::new();
        for folder in level {
            if entries == 0 {
                break;
            }
            let read = fs::read_dir(&folder).into_iter().flatten().flatten().take(entries);
            // A link can lead anywhere.
            let read = read.inspect(|_| entries = entries.saturating_sub(1));
            next.extend(
                read.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
            );
        }
        next.sort();
        found.extend(next.iter().filter(|path| is_state_directory(path)).cloned());
        level = next;
    }
    found.truncate(MAX_NAMED);
    found
}

/// Joins paths with `or`, for a message.
pub(crate) fn named(paths: &[PathBuf]) -> String {
    let names = paths.iter().map(|path| printable::line(&path.to_string_lossy()).into_owned());
    names.collect::<Vec<_>>().join(" or ")
}

/// The beginning of a file. Empty if the file cannot be read.
fn first_bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Only of a file: a pipe can wait forever.
    let file = fs::File::open(path).ok().filter(|file| file.metadata().is_ok_and(|file| file.is_file()));
    let _ = file.map(|file| file.take(SQLITE.len() as u64).read_to_end(&mut bytes));
    bytes
}

/// The document that a file was, from its name and its folder.
fn document_of(path: &Path) -> Document {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_of_nodes = path.parent().is_some_and(|folder| folder.ends_with("nodes"));
    let is = |document: &Document| {
        let (folder, file) = document.path().split_once('/').unwrap_or_default();
        (folder == "nodes") == is_of_nodes && name.starts_with(file)
    };
    Document::ALL.into_iter().find(is).unwrap_or(Document::DevicesPaired)
}

fn copy_to(place: &str) -> String {
    format!("copy the file to {place} in a new folder, and pass that folder")
}

/// Why a path leads nowhere for this user.
fn unreachable_path(path: &Path, shown: &str, error: &io::Error) -> (String, String) {
    let usual = format!("pass that of the gateway: {USUAL_PLACE}");
    if error.kind() != io::ErrorKind::NotFound {
        let help = "run clawcheck as the user who owns the state directory, or pass a copy that this user can read";
        return (format!("cannot read the state directory {shown}: {error}"), help.to_owned());
    }
    match fs::symlink_metadata(path) {
        Ok(_) => (format!("{shown} is a symbolic link to a path that does not exist"), usual),
        Err(_) => (format!("the state directory {shown} does not exist"), usual),
    }
}

/// Why a path is not a state directory, and what to pass in its place.
pub(crate) fn not_a_state_directory(path: &Path) -> (String, String) {
    let shown = printable::line(&path.to_string_lossy()).into_owned();
    let is_file = path.is_file();
    // The parent of `..` is not the folder before it.
    let resolved = path.components().any(|part| part == Component::ParentDir).then(|| fs::canonicalize(path).ok());
    let around = above(resolved.flatten().as_deref().unwrap_or(path));
    let pass = |folder: &Path| format!("pass the state directory: {}", named(&[folder.to_owned()]));
    if let Some(MistakenArgument { is, help }) = MistakenArgument::of(path).filter(|_| around.is_none()) {
        return (format!("{shown} is {}, not a state directory", is.words()), help);
    }
    if let Err(error) = fs::metadata(path) {
        return unreachable_path(path, &shown, &error);
    }
    if is_file || !path.is_dir() {
        let kind = GatewayFile::of(path, &first_bytes(path)).filter(|_| is_file);
        let message = match kind {
            Some(kind) => format!("{shown} is {}, not a state directory", kind.words()),
            None => format!("{shown} is not a directory"),
        };
        let help = around.as_deref().map(pass).unwrap_or_else(|| match kind {
            Some(GatewayFile::Store) => copy_to(document_of(path).path()),
            Some(GatewayFile::Database) => copy_to(DATABASE),
            _ => format!("pass the state directory: {USUAL_PLACE}"),
        });
        return (message, help);
    }
    let within = below(path);
    if let Some(folder) = around {
        let message = format!("{shown} is a folder inside a state directory");
        let help = match within.as_slice() {
            [] => pass(&folder),
            // For example, a folder of backups.
            found => format!("{}, or pass {}", pass(&folder), named(found)),
        };
        return (message, help);
    }
    match within.as_slice() {
        [] if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()) => (
            format!("{shown} is not a state directory: it is empty"),
            format!("pass the state directory: {USUAL_PLACE}"),
        ),
        [] => (
            format!(
                "{shown} is not a state directory: it has no devices/paired.json, no state/openclaw.sqlite, no \
                 identity/device.json and no openclaw.json"
            ),
            format!("pass the state directory: {USUAL_PLACE}"),
        ),
        found => (format!("{shown} is not a state directory, but contains one"), format!("pass {}", named(found))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// A state directory `home/.openclaw`, and other files.
    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for file in [
            ".openclaw/devices/paired.json",
            ".openclaw/openclaw.json",
            ".openclaw/backups/monday/devices/paired.json",
            "notes/notes.txt",
            "paired.json",
            "paired.json.bak",
            "nodes/paired.json.bak",
        ] {
            let path = home.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "{}").unwrap();
        }
        fs::write(home.path().join("copy.db"), SQLITE).unwrap();
        fs::create_dir(home.path().join("nothing")).unwrap();
        home
    }

    #[rstest]
    #[case::parent("", "is not a state directory, but contains one", "pass HOME/.openclaw")]
    #[case::inside(".openclaw/devices", "is a folder inside a state directory", "state directory: HOME/.openclaw")]
    #[case::store(
        ".openclaw/devices/paired.json",
        "is a file of a gateway's pairing store",
        "directory: HOME/.openclaw"
    )]
    #[case::config(".openclaw/openclaw.json", "is the configuration of a gateway, not", "directory: HOME/.openclaw")]
    #[case::lone_store(
        "paired.json",
        "is a file of a gateway's pairing store",
        "copy the file to devices/paired.json in a new folder"
    )]
    #[case::old_store("paired.json.bak", "is a file of a gateway's pairing store", "to devices/paired.json in a new")]
    #[case::nodes("nodes/paired.json.bak", "is a file of a gateway's pairing store", "to nodes/paired.json in a new")]
    #[case::database("copy.db", "is the database of a gateway", "to state/openclaw.sqlite in a new")]
    #[case::backups(".openclaw/backups", "inside a state directory", "or pass HOME/.openclaw/backups/monday")]
    #[case::empty("nothing", "it is empty", "~/.openclaw of the user who runs it")]
    #[case::other("notes", "it has no devices/paired.json", "its service sets in OPENCLAW_STATE_DIR")]
    #[case::other_file("notes/notes.txt", "is not a directory", "~/.openclaw")]
    #[case::missing("nowhere", "does not exist", "~/.openclaw")]
    fn message_for_other_path(#[case] path: &str, #[case] message: &str, #[case] help: &str) {
        let home = home();
        let root = home.path().display().to_string();
        let path = if path.is_empty() { home.path().to_owned() } else { home.path().join(path) };
        let (error, advice) = not_a_state_directory(&path);
        assert!(error.contains(message), "{error}");
        assert!(advice.replace(&root, "HOME").contains(help), "{advice}");
    }

    #[test]
    fn backups_one_level_below() {
        let home = home();
        for folder in ["backup/monday", "backup/tuesday"] {
            fs::create_dir_all(home.path().join(folder).join("state")).unwrap();
            fs::write(home.path().join(folder).join("state/openclaw.sqlite"), "").unwrap();
        }
        let root = home.path().join("backup");
        assert_eq!(below(&root), [root.join("monday"), root.join("tuesday")]);
        assert!(below(&home.path().join("notes")).is_empty());
    }

    #[rstest]
    #[case("x/openclaw.json.bak", b"", Some(GatewayFile::Config))]
    #[case("copy.db", b"SQLite format 3\0...", Some(GatewayFile::Database))]
    #[case("paired.json", b"", Some(GatewayFile::Store))]
    #[case("paired.json5", b"", None)]
    #[case("case.yaml", b"scenario: paired.json", None)]
    fn names_kind_of_file(#[case] path: &str, #[case] bytes: &[u8], #[case] kind: Option<GatewayFile>) {
        assert_eq!(GatewayFile::of(Path::new(path), bytes), kind);
    }
}
