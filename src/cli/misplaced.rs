//! Arguments of the wrong kind, such as a log in place of a scenario. Each message describes the argument and names the
//! command that accepts it.

use super::CommandError;
use crate::gateway_files::{self, log_lines};
use crate::scenario::Corpus;
use crate::shell::quoted;
use crate::suggestions;
use openclaw_protocol::store::DATABASE;
use std::path::Path;
use untrusted_data::printable;

/// Whether an argument is a line of a gateway's log, or a message of a client.
pub(super) fn is_log_line(text: &str) -> bool {
    log_lines::is_of_gateway(text) || (log_lines::has_client_message(text) && text.contains(' '))
}

/// The error for a line of a log in place of a file or a case.
pub(super) fn log_line(text: &str) -> CommandError {
    let (message, help) = match log_lines::is_of_gateway(text) {
        false => (
            "the argument is a message about a refused connect, not a file or a case",
            "pass the state directory of the gateway: `clawcheck explain --state-dir DIR`; if you have the gateway's log, which \
             names the client: `clawcheck explain --state-dir DIR --log FILE`",
        ),
        true => (
            "the argument is a line of a gateway's log, not a file or a case",
            "pass the line on standard input: `echo 'LINE' | clawcheck explain --log -`; or name the file of the log: \
             `clawcheck explain --log FILE`; `--state-dir DIR` names the state directory of the gateway",
        ),
    };
    CommandError::usage(miette::miette!(help = help, "{message}"))
}

/// The error for an argument of `explain` that is neither a directory nor a case.
pub(super) fn neither_directory_nor_case(argument: &Path) -> CommandError {
    let text = argument.to_string_lossy();
    let shown = printable::line(&text);
    if is_log_line(&text) {
        return log_line(&text);
    }
    let help = match argument {
        file if file.is_file() => of_file(file),
        _ => of_id(&text),
    };
    CommandError::usage(miette::miette!(help = help, "there is no state directory and no case `{shown}`"))
}

/// The help for a file that is not a scenario: a part of a state directory, or a log.
fn of_file(file: &Path) -> String {
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
