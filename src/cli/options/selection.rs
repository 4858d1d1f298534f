//! Selects cases: scenario files and ids, `--filter` and `--exclude`. All commands that take cases use this module.

use super::corpus;
use crate::cli::help::SELECTION;
use crate::cli::terminal::console;
use crate::cli::{CommandError, misplaced};
use crate::gateway::GatewaySpec;
use crate::scenario::nodes::MAX_FILE_SIZE;
use crate::scenario::{Case, Corpus, Filter};
use crate::shell::quoted;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use untrusted_data::plain_file::{self, Links};

/// The maximum number of folders that are searched for the file of an unknown id.
const MAX_FOLDERS: usize = 200;

/// The options that select cases.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SelectionOptions {
    /// Select only the cases that match EXPR (repeatable)
    ///
    /// EXPR is an id, a part of an id or a glob: `role-upgrade/client`, `upgrade` or `proxied-*/header#*`. With a prefix, EXPR is a
    /// property of the scenario or a glob for it: `family:role-upgrade`, `tag:original-report`, `issue:59045` or
    /// `requirement:ID`. A case is selected if it matches one of the expressions.
    #[arg(long, short, value_name = "EXPR", help_heading = SELECTION)]
    filter: Vec<Filter>,
    /// Exclude the cases that match EXPR (repeatable)
    ///
    /// EXPR has the same form as in --filter.
    #[arg(long, value_name = "EXPR", help_heading = SELECTION)]
    exclude: Vec<Filter>,
}

/// The scenarios that were named, and the ids that select cases among them.
#[derive(Debug)]
pub(in crate::cli) struct NamedCases {
    /// The files and folders.
    pub(in crate::cli) paths: Vec<PathBuf>,
    /// The ids, and expressions with a prefix.
    ids: Vec<String>,
}

impl NamedCases {
    /// Divides arguments into paths and ids. An argument that is not a file is an id, unless it can only be a path.
    pub(in crate::cli) fn of(what: &[String]) -> Self {
        let is_path = |what: &&String| PathBuf::from(what).exists() || what.ends_with(".yaml");
        let (paths, ids): (Vec<_>, Vec<_>) = what.iter().partition(is_path);
        Self { paths: paths.into_iter().map(PathBuf::from).collect(), ids: ids.into_iter().cloned().collect() }
    }

    pub(in crate::cli) fn has_ids(&self) -> bool {
        !self.ids.is_empty()
    }

    /// Loads the scenarios at the paths. Without paths, loads the built-in scenarios that the ids name, or all of them if
    /// an option selects among them.
    pub(in crate::cli) fn corpus(&self, trusted: bool, options: &SelectionOptions) -> Result<Corpus, CommandError> {
        let by_id = options.filter.is_empty() && options.exclude.is_empty();
        match self.paths.is_empty() && by_id {
            true => corpus::built_in(&self.ids),
            false => corpus::corpus(&self.paths, trusted),
        }
    }

    /// Whether a filter names built-in cases that were not read, because the paths replace them.
    fn is_built_in(&self, filter: &Filter) -> bool {
        !self.paths.is_empty() && Corpus::embedded().is_ok_and(|corpus| filter.names(corpus.cases()))
    }

    /// The error for an argument that is neither a path nor a name. `help` replaces the usual help text.
    fn unknown(&self, id: &str, filter: &Filter, corpus: &Corpus, help: Option<String>) -> CommandError {
        let usual = || match file_of(id) {
            _ if self.is_built_in(filter) => {
                format!("`{id}` is built in: select it in a command without files and folders")
            }
            Some(file) => {
                format!("a case of your own is selected by its file: {}", quoted(&file.to_string_lossy()))
            }
            None if is_gateway(id) => format!("a gateway is named by an option: --gateway {}", quoted(id)),
            None => filter.near_miss(corpus.cases()).unwrap_or_else(|| {
                let all = "`clawcheck list` prints all cases";
                if corpus.select(std::slice::from_ref(filter)).is_empty() {
                    return all.to_owned();
                }
                format!("`--filter {}` selects the cases whose ids contain it; {all}", quoted(id))
            }),
        };
        let no_path = format!("there is no file or folder `{id}`");
        let message = match self.paths.first() {
            None => format!("{no_path}, and no case, scenario or family of that name"),
            Some(path) => {
                let more = if self.paths.len() > 1 { " and the other paths" } else { "" };
                format!("{no_path}, and {}{more} has no case, scenario or family of that name", path.display())
            }
        };
        CommandError::usage(miette::miette!(help = help.unwrap_or_else(usual), "{message}"))
    }

    /// The cases of the corpus that the ids select, or all of them without ids, limited to those that the options select.
    /// `help` returns the help text for an unknown id.
    ///
    /// # Errors
    /// An id is unknown, or no case is selected.
    pub(in crate::cli) fn select<'a>(
        &self,
        corpus: &'a Corpus,
        options: &SelectionOptions,
        help: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Vec<&'a Case>, CommandError> {
        let is_default = self.paths.is_empty() && self.ids.is_empty();
        if let Some(folder) = is_default.then(own_folder).flatten() {
            let _ = console::stderr().write_all(built_in_note(folder).as_bytes());
        }
        let mut named = Vec::new();
        for id in &self.ids {
            if let Some(error) = misplaced::log_line(id) {
                return Err(error);
            }
            let filter =
                id.parse::<Filter>().map_err(|error| CommandError::usage(miette::Report::msg(error.to_string())))?;
            // A misspelled path must not select cases whose ids contain it.
            if !filter.names(corpus.cases()) {
                return Err(self.unknown(id, &filter, corpus, help(id)));
            }
            named.push(filter);
        }
        for (option, filters) in [("--filter", &options.filter), ("--exclude", &options.exclude)] {
            if let Some(filter) = filters.iter().find(|filter| corpus.select(std::slice::from_ref(filter)).is_empty()) {
                return Err(matches_nothing(option, filter, corpus));
            }
        }
        let cases = Filter::select_any(&options.filter, corpus.select(&named));
        if cases.is_empty() {
            return Err(nothing(&named, &options.filter));
        }
        let cases = Filter::exclude(&options.exclude, cases);
        if cases.is_empty() {
            let message = format!("every selected case is excluded by {}", listed(&options.exclude));
            return Err(CommandError::nothing_selected(miette::Report::msg(message)));
        }
        Ok(cases)
    }
}

/// A note if the user may expect the scenarios of this folder in place of the built-in ones.
pub(in crate::cli) fn built_in_note(folder: &str) -> String {
    format!("note: only the built-in scenarios are read; for those in this folder, pass its path: {folder}\n")
}

/// The folder with the user's own scenarios: the current one, or `scenarios` in it.
pub(in crate::cli) fn own_folder() -> Option<&'static str> {
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_FOLDERS);
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let is_own = |path: &PathBuf| {
        let built_in = || path.strip_prefix("./scenarios").ok().and_then(Path::to_str).map(str::to_owned);
        let is_scenario = || {
            let bytes = plain_file::read(path, MAX_FILE_SIZE, Links::Follow).unwrap_or_default();
            String::from_utf8_lossy(&bytes).lines().any(|line| line.starts_with("steps:"))
        };
        path.extension().is_some_and(|extension| extension == "yaml")
            && built_in().is_none_or(|path| !crate::built_in::scenarios().contains_key(path.as_str()))
            && is_scenario()
    };
    let below = |folder: &str| entries(Path::new(folder));
    if below(".").iter().any(is_own) {
        return Some(".");
    }
    let families = below("./scenarios").into_iter().filter(|path| path.is_dir());
    let mut files = families.flat_map(|family| entries(&family)).chain(below("./scenarios"));
    files.any(|path| is_own(&path)).then_some("scenarios")
}

/// Whether an argument is the name or the URL of a gateway.
fn is_gateway(text: &str) -> bool {
    matches!(text.parse(), Ok(GatewaySpec::Attached(_) | GatewaySpec::Embedded(_) | GatewaySpec::OpenClaw(_)))
}

/// The scenario file with this id, if it is below the current directory, a folder `scenarios` or one of their neighbours.
fn file_of(id: &str) -> Option<PathBuf> {
    let name = id.split(['#', ':']).next().unwrap_or_default();
    let name = name.strip_suffix(".yaml").unwrap_or(name);
    let file = PathBuf::from(format!("{name}.yaml"));
    let is_below = file.components().all(|part| matches!(part, Component::Normal(_)));
    let folders = std::fs::read_dir(".").into_iter().flatten().flatten().take(MAX_FOLDERS);
    let folders = folders.map(|entry| PathBuf::from(entry.file_name()));
    let folders = [PathBuf::new()].into_iter().chain(folders);
    let mut found = folders.flat_map(|folder| [folder.join(&file), folder.join("scenarios").join(&file)]);
    is_below.then(|| found.find(|path| path.is_file())).flatten()
}

/// The error for an expression that matches none of the cases that were read. It would have no effect, which nobody wants.
fn matches_nothing(option: &str, filter: &Filter, corpus: &Corpus) -> CommandError {
    let text = filter.as_str();
    if let Some(error) = misplaced::path_in_place_of_id(option, text) {
        return error;
    }
    let help = filter.advice(corpus.cases()).unwrap_or_else(|| match text.strip_suffix(".yaml") {
        Some(id) => format!("an id has no file extension; did you mean `{id}`?"),
        None => "`clawcheck list` prints all cases, and `--format json` also their properties".to_owned(),
    });
    let report = miette::miette!(help = help, "{option}: no case matches `{text}`");
    match option {
        "--exclude" => CommandError::usage(report),
        _ => CommandError::nothing_selected(report),
    }
}

/// The error if no case is selected.
fn nothing(named: &[Filter], filters: &[Filter]) -> CommandError {
    let all = "`clawcheck list` prints all cases";
    let message = match (named, filters) {
        ([], _) => "the scenarios contain no cases".to_owned(),
        (named, []) => format!("no case matches {}; {all}", listed(named)),
        (named, filters) => format!("no case of {} matches {}; {all}", listed(named), listed(filters)),
    };
    CommandError::nothing_selected(miette::Report::msg(message))
}

fn listed(filters: &[Filter]) -> String {
    filters.iter().map(|filter| format!("`{}`", filter.as_str())).collect::<Vec<_>>().join(" or ")
}
