//! Scenario files and the folders next to them, on disk or in the binary.

use crate::built_in;
use crate::gateway_files::{self, GatewayFile, MistakenArgument, log_lines};
use crate::scenario::check;
use crate::scenario::check::trust::{Trust, needs_trust};
use crate::scenario::model::document::Scenario;
use crate::scenario::model::identity::{self, Folder};
use crate::scenario::syntax::nodes::{self, MAX_FILE_SIZE};
use crate::scenario::syntax::problems::{ScenarioError, SpannedError};
use crate::scenario::syntax::source::Source;
use crate::scenario::syntax::spans::Spanned;
use crate::shell::quoted;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use untrusted_data::plain_file::{self, Links, PlainFileError};

/// Maximum depth of folders that are searched.
const MAX_DEPTH: usize = 8;
/// Maximum size of a folder that a store is copied from, in bytes.
const MAX_FOLDER_SIZE: u64 = 16 * 1024 * 1024;
/// Maximum number of files and folders in such a folder. Links can reach the same files in very many ways.
const MAX_ENTRIES: usize = 100_000;

/// The location of the folders of a scenario.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A folder on disk.
    Disk(PathBuf),
    /// A folder in the binary.
    Embedded(PathBuf),
}

/// The `family` and `name` of a scenario, from the folder and the name of its file.
pub(crate) fn id_of(path: &Path) -> (String, String) {
    let name = path.file_stem().map(|stem| slug(&stem.to_string_lossy())).unwrap_or_default();
    let parent = path.parent().filter(|parent| parent.file_name().is_some()).map(Path::to_path_buf);
    // For `here.yaml` and `../here.yaml`, the name of the folder must be resolved.
    let parent = parent.or_else(|| path.canonicalize().ok().and_then(|path| path.parent().map(Path::to_path_buf)));
    let family = parent.and_then(|parent| parent.file_name().map(|name| slug(&name.to_string_lossy())));
    (family.unwrap_or_default(), name)
}

/// A text in a form that is valid in an id.
pub(crate) fn slug(text: &str) -> String {
    let letter = |letter: char| match letter.to_ascii_lowercase() {
        letter @ ('a'..='z' | '0'..='9' | '.' | '-') => letter,
        _ => '-',
    };
    text.chars().map(letter).collect()
}

/// The scenarios in the binary whose family and name are selected.
pub(crate) fn embedded(selected: impl Fn(&str, &str) -> bool) -> Vec<Result<(Source, Origin), ScenarioError>> {
    // Each file is directly in the folder of its family. Deeper files belong to the stores that scenarios copy.
    let is_in_family = |path: &Path| path.components().count() == 2;
    built_in::scenarios()
        .iter()
        .map(|(path, contents)| (Path::new(path), contents))
        .filter(|(path, _)| is_in_family(path) && is_scenario(path))
        .filter(|(path, _)| {
            let (family, name) = id_of(path);
            selected(&family, &name)
        })
        .map(|(file, contents)| {
            let path = Path::new("scenarios").join(file);
            let folder = file.parent().unwrap_or(Path::new("")).to_path_buf();
            let text = text(&path, contents.to_vec())?;
            Ok((Source { path, embedded: true, text }, Origin::Embedded(folder)))
        })
        .collect()
}

/// All scenarios in these files and folders, without duplicates.
pub(crate) fn on_disk(paths: &[PathBuf]) -> Vec<Result<(Source, Origin), ScenarioError>> {
    let mut found = Vec::new();
    for path in paths {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let before = found.len();
                search(path, 0, &mut HashSet::new(), &mut found);
                if found.len() == before {
                    let help = match state_directories(path).as_slice() {
                        [] => "a scenario is a file whose name ends in .yaml".to_owned(),
                        found => explains(found),
                    };
                    found.push(Err(ScenarioError::with_file(path, "no scenario is in this folder", Some(help))));
                }
            }
            Ok(_) if is_misnamed(path) => found.push(Err(misnamed(path))),
            Ok(_) => found.push(Ok(path.clone())),
            Err(error) => found.push(Err(other_file(path).unwrap_or_else(|| {
                let help = "a scenario is a YAML file; `clawcheck list` prints the built-in cases";
                ScenarioError::with_file(path, unreadable(&error), Some(help.to_owned()))
            }))),
        }
    }
    let mut seen = HashSet::new();
    found.retain(|found| match found {
        Ok(path) => seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())),
        Err(_) => true,
    });
    found.into_iter().map(|path| path.and_then(|path| read(&path))).collect()
}

/// The folder itself, if it is a state directory. Otherwise, the state directories in the folder.
fn state_directories(folder: &Path) -> Vec<PathBuf> {
    if gateway_files::is_of_gateway(folder) { vec![folder.to_owned()] } else { gateway_files::below(folder) }
}

/// What to do with state directories where a scenario was expected.
fn explains(folders: &[PathBuf]) -> String {
    let commands =
        folders.iter().map(|folder| format!("`clawcheck explain --state-dir {}`", quoted(&folder.to_string_lossy())));
    let commands = commands.collect::<Vec<_>>().join(" or ");
    format!("a gateway keeps its state here: {commands} shows which clients the gateway lets in")
}

/// The error for a file of a gateway where a scenario was expected.
fn of_gateway(path: &Path, kind: GatewayFile) -> ScenarioError {
    let reads = match gateway_files::above(path) {
        Some(folder) => format!("`clawcheck explain --state-dir {}` reads it", quoted(&folder.to_string_lossy())),
        None => gateway_files::not_a_state_directory(path).1,
    };
    let plays = match kind {
        GatewayFile::Config => {
            format!("; `clawcheck run --config {}` plays the cases on it", quoted(&path.to_string_lossy()))
        }
        _ => String::new(),
    };
    ScenarioError::with_file(path, format!("this is {}, not a scenario", kind.words()), Some(reads + &plays))
}

/// Searches each folder once, because links can form cycles and reach a folder in many ways.
fn search(folder: &Path, depth: usize, looked: &mut HashSet<PathBuf>, found: &mut Vec<Result<PathBuf, ScenarioError>>) {
    if !looked.insert(folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf())) {
        return;
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            found.push(Err(ScenarioError::with_file(folder, unreadable(&error), None)));
            return;
        }
    };
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            if depth < MAX_DEPTH {
                search(&path, depth + 1, looked, found);
            }
        } else if is_scenario(&path) {
            found.push(Ok(path));
        } else if is_misnamed(&path) {
            found.push(Err(misnamed(&path)));
        }
    }
}

fn is_scenario(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml")
}

/// Whether a file has the other usual ending of YAML. With two endings, two files could have one id.
fn is_misnamed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yml")
}

fn misnamed(path: &Path) -> ScenarioError {
    let help = format!("rename the file to {}", path.with_extension("yaml").display());
    ScenarioError::with_file(path, "the name of a scenario file must end in .yaml", Some(help))
}

fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        _ => format!("this cannot be read: {error}"),
    }
}

fn read(path: &Path) -> Result<(Source, Origin), ScenarioError> {
    if let Some(error) = other_file(path) {
        return Err(error);
    }
    let bytes = plain_file::read(path, MAX_FILE_SIZE, Links::Follow).map_err(|error| match error {
        PlainFileError::Io(error) => ScenarioError::with_file(path, unreadable(&error), None),
        PlainFileError::TooLarge(_) => match GatewayFile::of(path, b"").filter(|_| !is_scenario(path)) {
            Some(kind) => of_gateway(path, kind),
            None => too_large(path),
        },
        other => ScenarioError::with_file(path, other.to_string(), None),
    })?;
    if let Some(kind) = GatewayFile::of(path, &bytes).filter(|_| !is_scenario(path)) {
        return Err(of_gateway(path, kind));
    }
    if !is_scenario(path) {
        let text = String::from_utf8_lossy(&bytes);
        if log_lines::is_of_gateway(&text) {
            return Err(of_another_kind(path, MistakenArgument::log(path)));
        }
        if let Err(error) = nodes::parse(&text).and_then(|root| check::is_scenario(&root, path)) {
            let help = "a scenario is a YAML file that starts with `scenario: TITLE`; `clawcheck list` prints the built-in cases";
            return Err(ScenarioError::with_file(path, error.message, Some(help.to_owned())));
        }
    }
    written(path, bytes)
}

/// The error for a path that is something else, such as an archive or a snapshot.
fn other_file(path: &Path) -> Option<ScenarioError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match MistakenArgument::of(path) {
        Some(found) => Some(of_another_kind(path, found)),
        None if name.ends_with(".snap") || name.ends_with(".snap.new") => {
            let help = "`clawcheck review` shows the observations that wait for approval; pass the scenario, or the id of its case";
            Some(ScenarioError::with_file(path, "this is a snapshot, not a scenario", Some(help.to_owned())))
        }
        None => None,
    }
}

fn of_another_kind(path: &Path, MistakenArgument { is, help }: MistakenArgument) -> ScenarioError {
    ScenarioError::with_file(path, format!("this is {}, not a scenario", is.words()), Some(help))
}

fn too_large(path: &Path) -> ScenarioError {
    let message = format!("the file is larger than {} KiB, the limit for a scenario", MAX_FILE_SIZE / 1024);
    ScenarioError::with_file(path, message, Some("a scenario is a short YAML file".to_owned()))
}

/// A scenario from a text, with the path of a file that does not have to exist.
pub(crate) fn written(path: &Path, bytes: Vec<u8>) -> Result<(Source, Origin), ScenarioError> {
    let text = text(path, bytes)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    Ok((Source { path: path.to_path_buf(), embedded: false, text }, Origin::Disk(folder)))
}

/// The text of a scenario file.
fn text(path: &Path, bytes: Vec<u8>) -> Result<Arc<str>, ScenarioError> {
    let help = |help: &str| Some(help.to_owned());
    if bytes.len() as u64 > MAX_FILE_SIZE {
        return Err(too_large(path));
    }
    if bytes.contains(&0) {
        let message = "this is a binary file";
        return Err(ScenarioError::with_file(path, message, help("a scenario is a YAML file in UTF-8")));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let message = format!("line {line} is not UTF-8");
        ScenarioError::with_file(path, message, help("a scenario is a YAML file in UTF-8"))
    })?;
    // A terminal would interpret control characters in the text.
    if let Some((at, found)) =
        text.char_indices().find(|(_, letter)| letter.is_control() && !"\t\r\n".contains(*letter))
    {
        let line = 1 + text[..at].matches('\n').count();
        let message = format!("line {line} has the control character U+{:04X}", u32::from(found));
        return Err(ScenarioError::with_file(
            path,
            message,
            help("write it as an escape such as \"\\u001b\" in double quotes"),
        ));
    }
    // A byte order mark is not part of the text.
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).into())
}

impl Origin {
    /// Reads the folders that a scenario's stores are copied from, except folders that are already known.
    pub(crate) fn fill(
        &self,
        scenario: &Scenario,
        known: &mut BTreeMap<String, Arc<Folder>>,
        trust: Trust,
    ) -> Result<(), Vec<SpannedError>> {
        for store in scenario.stores() {
            let Some(from) = &store.from else { continue };
            let folder = match known.get(&from.value) {
                Some(folder) => Arc::clone(folder),
                None => Arc::new(self.folder(from, trust).map_err(|error| vec![error])?),
            };
            if let Some(name) = &store.identity
                && let Err(error) = identity::of(&folder)
            {
                let error = SpannedError::at(name.span, error.to_string(), "the device of this folder");
                return Err(vec![
                    error.help("see \"Your own state directory\" in docs/scenarios.md, also for newer releases"),
                ]);
            }
            known.insert(from.value.clone(), folder);
        }
        Ok(())
    }

    fn folder(&self, from: &Spanned<String>, trust: Trust) -> Result<Folder, SpannedError> {
        let missing = || {
            SpannedError::at(
                from.span,
                format!("there is no folder `{}` next to the scenario", from.value),
                "unknown folder",
            )
        };
        let mut files = Folder::new();
        match self {
            Self::Embedded(folder) => {
                let path = folder.join(from.value.trim_end_matches('/'));
                files = built_in_below(&path);
                if files.is_empty() {
                    return Err(missing());
                }
            }
            Self::Disk(folder) => {
                let path = folder.join(&from.value);
                if !path.is_dir() {
                    let is_there = std::fs::symlink_metadata(&path).is_ok();
                    let message = format!("`{}` is not a folder", from.value);
                    return Err(if is_there {
                        SpannedError::at(from.span, message, "expected a folder")
                    } else {
                        missing()
                    });
                }
                let cannot = |message: String| {
                    SpannedError::at(from.span, format!("`{}`: {message}", from.value), "this folder")
                };
                let real = |path: &Path| path.canonicalize().map_err(|error| cannot(unreadable(&error)));
                let root = real(&path)?;
                if trust == Trust::Withheld && !root.starts_with(real(&beside(folder))?) {
                    let to = root.display();
                    let message = format!("`{}` is a symbolic link to {to}, outside the scenario's folder", from.value);
                    return Err(needs_trust(from.span, message));
                }
                let mut collecting =
                    Collecting { root: &root, trust, left: MAX_FOLDER_SIZE, entries: MAX_ENTRIES, files };
                collecting.collect(&path, "", 0).map_err(|error| match error {
                    SkippedFolder::Link(link, to) => {
                        let (from_folder, to) = (&from.value, to.display());
                        let message =
                            format!("`{from_folder}/{link}` is a symbolic link to {to}, outside `{from_folder}`");
                        needs_trust(from.span, message)
                    }
                    SkippedFolder::Other(message) => cannot(message),
                })?;
                files = collecting.files;
            }
        }
        Ok(files)
    }
}

/// The files of a folder in the binary, by their path below it.
fn built_in_below(folder: &Path) -> Folder {
    let below =
        |path: &&str| Path::new(path).strip_prefix(folder).ok().map(|below| below.to_string_lossy().into_owned());
    built_in::scenarios().iter().filter_map(|(path, contents)| Some((below(path)?, contents.to_vec()))).collect()
}

/// The folder that contains a scenario file, as a path that can be opened.
fn beside(folder: &Path) -> PathBuf {
    if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_path_buf() }
}

/// The state of reading a folder on disk.
struct Collecting<'a> {
    /// The real path of the folder.
    root: &'a Path,
    trust: Trust,
    /// Number of bytes that can still be read.
    left: u64,
    /// Number of entries that can still be visited.
    entries: usize,
    files: Folder,
}

/// The reason why a folder was not read.
enum SkippedFolder {
    /// A link leads out of the folder. Holds the link's path below the folder.
    Link(String, PathBuf),
    /// Any other reason, as text.
    Other(String),
}

impl From<std::io::Error> for SkippedFolder {
    fn from(error: std::io::Error) -> Self {
        Self::Other(unreadable(&error))
    }
}

impl Collecting<'_> {
    /// Reads the files of a folder. `below` is its path below the root.
    fn collect(&mut self, folder: &Path, below: &str, depth: usize) -> Result<(), SkippedFolder> {
        if depth > MAX_DEPTH {
            return Err(SkippedFolder::Other("the folder is nested too deeply".to_owned()));
        }
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let too_many = || SkippedFolder::Other(format!("the folder has more than {MAX_ENTRIES} files"));
            self.entries = self.entries.checked_sub(1).ok_or_else(too_many)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let below = if below.is_empty() { name } else { format!("{below}/{name}") };
            let path = entry.path();
            let kind = match entry.file_type()? {
                kind if kind.is_symlink() => {
                    self.check_link(&path, &below)?;
                    match std::fs::metadata(&path) {
                        Ok(led_to) => led_to.file_type(),
                        Err(_) if is_of_store(&below) => {
                            return Err(SkippedFolder::Other(format!(
                                "`{below}` is a symbolic link to a file that does not exist"
                            )));
                        }
                        Err(_) => continue,
                    }
                }
                kind => kind,
            };
            if kind.is_dir() {
                self.collect(&path, &below, depth + 1)?;
            } else if kind.is_file() || is_of_store(&below) {
                self.read(&path, below)?;
            }
        }
        Ok(())
    }

    /// Follows a link that stays inside the folder. Other links need trust.
    fn check_link(&self, path: &Path, below: &str) -> Result<(), SkippedFolder> {
        let Ok(led_to) = path.canonicalize() else { return Ok(()) };
        match self.trust == Trust::Given || led_to.starts_with(self.root) {
            true => Ok(()),
            false => Err(SkippedFolder::Link(below.to_owned(), led_to)),
        }
    }

    fn read(&mut self, path: &Path, below: String) -> Result<(), SkippedFolder> {
        let bytes = plain_file::read(path, self.left, Links::Follow).map_err(|error| match error {
            PlainFileError::TooLarge(_) => {
                SkippedFolder::Other(format!("the folder is larger than {} MiB", MAX_FOLDER_SIZE / (1024 * 1024)))
            }
            PlainFileError::Io(error) => SkippedFolder::Other(format!("`{below}`: {}", unreadable(&error))),
            other => SkippedFolder::Other(format!("`{below}`: {other}")),
        })?;
        self.left = self.left.saturating_sub(bytes.len() as u64);
        self.files.insert(below, bytes);
        Ok(())
    }
}

/// Whether a file of a state directory contains devices. Without such a file, the copy would be a different store, so
/// it is an error if the file cannot be read. Other files (sockets, pipes, broken links) are left out.
fn is_of_store(below: &str) -> bool {
    let folder = below.split('/').next().unwrap_or_default();
    ["devices", "identity", "nodes", "state"].contains(&folder)
}
