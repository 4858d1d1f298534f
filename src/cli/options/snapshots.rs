//! Finds the snapshots for a command: a named folder, the folder next to the scenarios, or the built-in snapshots.

use crate::cli::CommandError;
use crate::gateway::{Gateway, GatewaySpec, Preparation};
use crate::gateway_files::is_of_gateway;
use crate::observe::snapshot::Library;
use crate::shell::quoted;
use crate::suggestions::nearest;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The advice for a folder that cannot be used.
const FOLDER_ADVICE: &str = "name the folder of your snapshots with --snapshots";
/// The name of the folder next to `scenarios`.
const FOLDER: &str = "snapshots";
/// The maximum number of folder entries that are searched for a similar name.
const MAX_ENTRIES: usize = 10_000;

/// The location where a command reads and proposes snapshots.
pub(in crate::cli) struct Snapshots {
    pub(in crate::cli) library: Library,
    /// Whether the user named the folder.
    named: bool,
}

impl Snapshots {
    /// Finds the snapshots for scenarios at these paths. Without paths, the scenarios are the built-in ones. Their
    /// snapshots are read from the working directory if that is clawcheck's own source tree.
    ///
    /// # Errors
    /// Returns an error if a folder cannot be read.
    pub(in crate::cli) fn find(named: Option<&Path>, scenarios: &[PathBuf]) -> Result<Self, CommandError> {
        let folder = named.map(Path::to_owned).or_else(|| beside(scenarios));
        let library = match folder {
            Some(folder) => Library::open(&folder),
            None => Library::built_in(),
        };
        Ok(Self { library: library?, named: named.is_some() })
    }

    /// Returns no snapshots, so that a run checks only the expectations of scenarios.
    pub(in crate::cli) fn none() -> Self {
        Self { library: Library::empty(), named: false }
    }

    /// Checks before the run whether observations can be saved for approval. If the user did not name the folder and
    /// cannot write to it, the run still compares with it. Then this returns the reason, for a note.
    ///
    /// `of_others`: the gateway is neither embedded nor an OpenClaw release. Its observations are never filed as OpenClaw's,
    /// unless the user names the folder.
    ///
    /// # Errors
    /// Returns an error if the user named a folder that cannot be written, or if the disk is full.
    pub(in crate::cli) fn prepare(&mut self, of_others: bool) -> Result<Option<String>, CommandError> {
        let reason = match self.named {
            true => self.library.probe().map(|()| None),
            false if of_others => {
                self.library.freeze();
                return Ok(None);
            }
            false => self.library.freeze_if_unwritable(),
        };
        Ok(reason?.map(|reason| format!("{reason}; name another folder with --snapshots")))
    }

    /// Whether observations can be saved for approval.
    pub(in crate::cli) fn is_writable(&self) -> bool {
        self.library.keeps_observations()
    }
}

/// The options that name the folder with observations that wait for approval.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ProposalsFolder {
    /// Folder with the snapshots [default: snapshots]
    #[arg(long, value_name = "DIR")]
    snapshots: Option<PathBuf>,
    /// Use the folder that this gateway description names under `snapshots`
    #[arg(long, short, value_name = "GATEWAY", conflicts_with = "snapshots")]
    gateway: Option<GatewaySpec>,
}

impl ProposalsFolder {
    /// The folder, and the observations in it.
    ///
    /// # Errors
    /// The description names no folder, or the folder does not exist or cannot be read.
    pub(in crate::cli) fn open(&self) -> Result<(PathBuf, Library), CommandError> {
        let folder = match (&self.gateway, &self.snapshots) {
            (Some(gateway), _) => folder_of(gateway)?,
            (None, Some(named)) => {
                must_exist(named)?;
                named.clone()
            }
            (None, None) => usual()?,
        };
        let library = Library::open(&folder)?;
        Ok((folder, library))
    }

    /// The snapshots of OpenClaw, if the folder contains those of another gateway.
    ///
    /// # Errors
    /// Returns an error if the snapshots cannot be read.
    pub(in crate::cli) fn releases(&self) -> Result<Option<Library>, CommandError> {
        let find = |_: &GatewaySpec| Snapshots::find(None, &[]).map(|snapshots| snapshots.library);
        self.gateway.as_ref().map(find).transpose()
    }
}

/// The folder in the working directory.
fn usual() -> Result<PathBuf, CommandError> {
    let folder = PathBuf::from(FOLDER);
    if is_missing(&folder) {
        let help = advice(&folder, "run first: mkdir snapshots, then clawcheck run SCENARIOS");
        return Err(CommandError::usage(miette::miette!(
            help = help,
            "no run has saved observations here: there is no folder {FOLDER}"
        )));
    }
    Ok(folder)
}

/// The folder with the own snapshots of a gateway.
fn folder_of(gateway: &GatewaySpec) -> Result<PathBuf, CommandError> {
    let folder = match gateway {
        GatewaySpec::Described(_) => Gateway::profile_of(gateway, &Preparation::default())?.snapshots,
        _ => None,
    };
    folder.ok_or_else(|| {
        let help = match gateway {
            GatewaySpec::Described(_) => {
                "add `snapshots: FOLDER` to the description; `run` then saves observations there"
            }
            _ => FOLDER_ADVICE,
        };
        CommandError::usage(miette::miette!(help = help, "{gateway} has no snapshots of its own"))
    })
}

/// Refuses a named folder that does not exist or is a file. The name may be misspelled, and the user would not find
/// what a run saves in it.
///
/// # Errors
/// Returns an error if the path is not a folder.
pub(in crate::cli) fn must_exist(folder: &Path) -> Result<(), CommandError> {
    if is_missing(folder) {
        let name = folder.to_string_lossy();
        let create = format!("to use a new snapshot folder, create it first: mkdir -p {}", quoted(&name));
        let help = advice(folder, &create);
        let name = folder.display();
        return Err(CommandError::usage(miette::miette!(help = help, "--snapshots: the folder {name} does not exist")));
    }
    match std::fs::metadata(folder) {
        Ok(found) if !found.is_dir() => Err(CommandError::usage(miette::miette!(
            help = FOLDER_ADVICE,
            "--snapshots: {} is not a folder",
            folder.display()
        ))),
        // A run would write into the gateway's own files.
        Ok(_) if is_of_gateway(folder) => Err(CommandError::usage(miette::miette!(
            help = format!(
                "{FOLDER_ADVICE}; to explain the answers of this gateway: clawcheck explain --state-dir {}",
                quoted(&folder.to_string_lossy())
            ),
            "--snapshots: {} is a state directory of a gateway",
            folder.display()
        ))),
        // Errors in an existing folder are reported when it is read.
        _ => Ok(()),
    }
}

fn is_missing(folder: &Path) -> bool {
    let error = std::fs::metadata(folder).err().map(|error| error.kind());
    matches!(error, Some(ErrorKind::NotFound | ErrorKind::NotADirectory))
}

/// Advice about a folder that does not exist.
fn advice(folder: &Path, help: &str) -> String {
    match similar(folder) {
        Some(similar) => format!("did you mean `{}`? Otherwise, {help}", similar.display()),
        None => help.to_owned(),
    }
}

/// Returns a folder with a similar name next to a missing one.
fn similar(folder: &Path) -> Option<PathBuf> {
    let name = folder.file_name()?.to_str()?;
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let entries = std::fs::read_dir(parent.unwrap_or(Path::new("."))).ok()?;
    let folders = entries.flatten().take(MAX_ENTRIES).filter(|entry| entry.path().is_dir());
    let names = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>();
    let found = nearest(name, names.iter().map(String::as_str))?;
    Some(parent.map_or_else(|| PathBuf::from(found), |parent| parent.join(found)))
}

fn beside(scenarios: &[PathBuf]) -> Option<PathBuf> {
    if scenarios.is_empty() {
        // The folders `scenarios` and `snapshots` of the user are not about the built-in scenarios.
        let (own, snapshots) = (Path::new("scenarios"), Path::new(FOLDER));
        let is_source_tree = || crate::built_in::scenarios().keys().all(|path| own.join(path).is_file());
        return (snapshots.is_dir() && is_source_tree()).then(|| snapshots.to_owned());
    }
    let first = std::path::absolute(scenarios.first()?).ok()?;
    // A scenario file is in scenarios/FAMILY/, so the folder is at most three levels up and never above `scenarios`.
    // A folder above it can belong to other scenarios.
    let within = first.ancestors().take(3).position(|folder| folder.ends_with("scenarios"));
    let steps = within.map_or(4, |steps| steps + 2);
    first.ancestors().take(steps).map(|folder| folder.join(FOLDER)).find(|folder| folder.is_dir())
}
