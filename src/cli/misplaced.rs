//! Arguments of the wrong kind, such as a log in place of a scenario. Each message describes the argument and names the
//! command that accepts it.

use super::CommandError;
use crate::gateway_files::{self, MistakenArgument, MistakenKind};
use crate::scenario::Corpus;
use crate::shell::quoted;
use crate::suggestions;
use openclaw_protocol::store::DATABASE;
use std::path::Path;
use untrusted_data::printable;

/// The advice for an argument of `--log` that is not a file.
const NAME_LOG: &str = "pass a log file, or pass the log on standard input: --log -";

/// Whether an argument is a line of a gateway's log, or a message of a client.
pub(super) fn is_log_line(text: &str) -> bool {
    MistakenArgument::of_text(text).is_some()
}

/// The error for a line of a log in place of a file or a case.
pub(super) fn log_line(text: &str) -> Option<CommandError> {
    let MistakenArgument { is, help } = MistakenArgument::of_text(text)?;
    Some(CommandError::usage(miette::miette!(help = help, "the argument is {}, not a file or a case", is.words())))
}

/// The error for an argument of `--log` that is not a file of text.
pub(super) fn no_log(path: &Path) -> Option<CommandError> {
    if path == Path::new("-") {
        return None;
    }
    let text = path.to_string_lossy();
    let shown = printable::line(&text);
    match MistakenArgument::of(path) {
        Some(MistakenArgument { is: is @ MistakenKind::Archive, help }) => {
            Some(CommandError::usage(miette::miette!(help = help, "--log: {shown} is {}, not a log", is.words())))
        }
        None if path.is_dir() => {
            let help = if gateway_files::is_of_gateway(path) { of_directory(path) } else { NAME_LOG.to_owned() };
            Some(CommandError::usage(miette::miette!(help = help, "--log: {shown} is a folder, not a log")))
        }
        None if !path.exists() => {
            Some(CommandError::usage(miette::miette!(help = NAME_LOG, "--log: there is no file {shown}")))
        }
        _ => log_line(&text).filter(|_| !path.exists()),
    }
}

/// The error for an expression of an option that is the path of a file or a folder, or a line of a log.
pub(super) fn path_in_place_of_id(option: &str, text: &str) -> Option<CommandError> {
    let path = Path::new(text);
    let (is, help) = match MistakenArgument::of(path) {
        Some(found) => (found.is.words(), found.help),
        None if gateway_files::is_of_gateway(path) => ("a state directory of a gateway", of_directory(path)),
        None if text.ends_with(".yaml") && path.is_file() => ("a file", "pass the file without the option".to_owned()),
        None if path.is_file() => ("a file", of_file(path)),
        None if path.is_dir() => ("a folder", "pass the folder without the option".to_owned()),
        None => return None,
    };
    let shown = printable::line(text);
    Some(CommandError::usage(miette::miette!(
        help = help,
        "{option}: `{shown}` is {is}; expected an id or a property of a case"
    )))
}

fn of_directory(folder: &Path) -> String {
    format!("to explain its answers: clawcheck explain --state-dir {}", quoted(&folder.to_string_lossy()))
}

/// The error for an argument of `explain` that is neither a directory nor a case.
pub(super) fn neither_directory_nor_case(argument: &Path) -> CommandError {
    let text = argument.to_string_lossy();
    let shown = printable::line(&text);
    if let Some(error) = log_line(&text) {
        return error;
    }
    let help = match argument {
        file if file.is_file() => of_file(file),
        _ => of_id(&text),
    };
    CommandError::usage(miette::miette!(help = help, "there is no state directory and no case `{shown}`"))
}

/// The help for a file that is not a scenario: a part of a state directory, or a log.
fn of_file(file: &Path) -> String {
    if let Some(found) = MistakenArgument::of(file) {
        return found.help;
    }
    let log =
        format!("if the file is the log of a gateway: clawcheck explain --log {}", quoted(&file.to_string_lossy()));
    let Some(folder) = gateway_files::above(file) else { return format!("{log}; a scenario file ends in .yaml") };
    let directory = format!("clawcheck explain {}", quoted(&folder.to_string_lossy()));
    match gateway_files::GatewayFile::of(file, b"") {
        Some(_) => format!("the file belongs to a state directory; explain the directory: {directory}"),
        None => format!("{log}; to explain the state directory that contains the file: {directory}"),
    }
}

fn of_id(text: &str) -> String {
    let id = text.rsplit_once(':').map_or(text, |(id, _)| id);
    let corpus = Corpus::embedded().unwrap_or_default();
    let names = corpus.cases().iter().flat_map(|case| [case.id.clone(), format!("{}/{}", case.family, case.name)]);
    let names = names.collect::<std::collections::BTreeSet<_>>();
    let near = suggestions::nearest(id, names.iter().map(String::as_str));
    let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    format!("{near}`clawcheck list` prints all cases; a state directory contains devices/paired.json or {DATABASE}")
}
