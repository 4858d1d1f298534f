//! The error about an option that only other commands have. The error names these commands instead of a similar option.

use crate::suggestions::nearest;
use clap::Command;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The advice for options that a command deliberately does not have: the command, the option and the advice.
const INSTEAD: [(&str, &str, &str); 3] = [
    (
        "doctor",
        "--release",
        "`doctor` checks all known releases; for one release, use `clawcheck explain DIR --release RELEASE`",
    ),
    ("doctor", "--as", "`doctor` checks the whole directory; for one client, use `clawcheck explain DIR --as CLIENT`"),
    (
        "probe",
        "--state-dir",
        "`probe` only connects; `clawcheck explain DIR` and `clawcheck doctor DIR` read a state directory",
    ),
];

/// Adds a tip to the error about an unknown option, if other commands have the option, and to the error about a misspelt
/// command.
pub(super) fn with_tip(mut error: clap::Error, root: &Command) -> clap::Error {
    if error.kind() == ErrorKind::InvalidSubcommand && error.get(ContextKind::SuggestedSubcommand).is_none() {
        return with_similar_command(error, root);
    }
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return error };
    let option = option.split('=').next().unwrap_or_default().to_owned();
    let mut words = std::env::args_os().skip(1);
    let command = words.find_map(|word| root.get_subcommands().find(|command| word == command.get_name()));
    let Some(tip) = command.and_then(|command| tip(command.get_name(), &option, root)) else { return error };
    // The usage names the option with the similar name.
    for kind in [ContextKind::SuggestedArg, ContextKind::Usage] {
        error.remove(kind);
    }
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    error
}

/// Adds the command with a similar name. clap finds no command for short words with swapped letters.
fn with_similar_command(mut error: clap::Error, root: &Command) -> clap::Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    if let Some(near) = nearest(word, root.get_subcommands().map(Command::get_name)) {
        let near = ContextValue::Strings(vec![near.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, near);
    }
    error
}

fn tip(command: &str, option: &str, root: &Command) -> Option<String> {
    let instead = INSTEAD.iter().find(|(name, unknown, _)| (*name, *unknown) == (command, option));
    if let Some((_, _, tip)) = instead {
        return Some((*tip).to_owned());
    }
    let name = option.strip_prefix("--")?;
    let has = |command: &&Command| command.get_arguments().any(|argument| argument.get_long() == Some(name));
    let others = root.get_subcommands().filter(has).map(|other| format!("`{}`", other.get_name()));
    let others = others.collect::<Vec<_>>();
    (!others.is_empty()).then(|| format!("`{command}` has no {option}; it is an option of {}", others.join(", ")))
}
