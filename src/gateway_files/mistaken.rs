//! What an argument is if it is not what a command expects: a line of a log, a log, or an archive.

use super::log_lines;
use crate::shell::quoted;
use std::path::Path;

/// The endings of compressed files and archives.
const ARCHIVES: [&str; 10] = ["tar", "tgz", "gz", "bz2", "xz", "zst", "txz", "tbz2", "zip", "7z"];

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MistakenKind {
    /// A compressed file or an archive.
    Archive,
    /// A file with the log of a gateway.
    Log,
    /// A line of a gateway's log.
    LogLine,
    /// A message of a client that was refused.
    Message,
}

impl MistakenKind {
    /// The words for the kind, with an article.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Archive => "an archive",
            Self::Log => "a log",
            Self::LogLine => "a line of a gateway's log",
            Self::Message => "a message about a refused connect",
        }
    }
}

/// An argument of another kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MistakenArgument {
    /// The kind.
    pub(crate) is: MistakenKind,
    /// What to do with it.
    pub(crate) help: String,
}

impl MistakenArgument {
    /// The kind of a path in place of a file or folder.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        if path.symlink_metadata().is_err() {
            return Self::of_text(&path.to_string_lossy());
        }
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        let shown = path.to_string_lossy();
        let name = quoted(&shown);
        match ending.as_str() {
            _ if !path.is_file() => None,
            "log" => Some(Self::log(path)),
            ending if ARCHIVES.contains(&ending) => {
                Some(Self { is: MistakenKind::Archive, help: unpack(&name, ending) })
            }
            _ => None,
        }
    }

    /// A file that is a log.
    pub(crate) fn log(path: &Path) -> Self {
        let name = quoted(&path.to_string_lossy()).into_owned();
        let help = format!("to explain the last refused connect: clawcheck explain --log {name}");
        Self { is: MistakenKind::Log, help }
    }

    /// The kind of a text that is not a path: a line of a gateway's log, or a message of a client.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        if log_lines::is_of_gateway(text) {
            let help = "pass the line on standard input: `echo 'LINE' | clawcheck explain --log -`, or pass the log file: \
                 `clawcheck explain --log FILE`. To name the state directory of the gateway, add \
                 `--state-dir DIR`";
            return Some(Self { is: MistakenKind::LogLine, help: help.to_owned() });
        }
        let is_message = log_lines::has_client_message(text) && text.contains(' ');
        let help = "pass the state directory of the gateway: `clawcheck explain --state-dir DIR`. If you have the gateway's log, \
             also pass the log, because it names the client: `clawcheck explain --state-dir DIR --log FILE`";
        is_message.then(|| Self { is: MistakenKind::Message, help: help.to_owned() })
    }
}

/// How to unpack an archive. `name` is quoted for a shell.
fn unpack(name: &str, ending: &str) -> String {
    let is_tar = ending == "tar" || ending.starts_with('t') || name.contains(".tar.");
    let command = match ending {
        "zip" => format!("unzip {name} -d unpacked"),
        _ if is_tar => format!("mkdir unpacked && tar -xf {name} -C unpacked"),
        _ => return "unpack the file, and pass its contents".to_owned(),
    };
    format!(
        "unpack the archive: {command}; then pass the unpacked state directory, for example: \
         clawcheck explain --state-dir unpacked"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("state.tar.gz", Some(MistakenKind::Archive), "tar -xf")]
    #[case("state.tgz", Some(MistakenKind::Archive), "tar -xf")]
    #[case("state.ZIP", Some(MistakenKind::Archive), "unzip")]
    #[case("gateway.gz", Some(MistakenKind::Archive), "pass its contents")]
    #[case("gateway.log", Some(MistakenKind::Log), "clawcheck explain --log")]
    #[case("case.yaml", None, "")]
    fn kind_of_file(#[case] name: &str, #[case] is: Option<MistakenKind>, #[case] help: &str) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), "").unwrap();
        let found = MistakenArgument::of(&folder.path().join(name));
        assert_eq!(found.as_ref().map(|found| found.is), is);
        assert!(found.is_none_or(|found| found.help.contains(help)));
    }
}
