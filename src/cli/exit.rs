//! The exit codes, and their meaning for each command. The help of a command lists them.

use std::fmt::Write as _;

/// Every selected case conforms, shows only known deviations, is not applicable, or is skipped. At least one case was
/// played.
pub(crate) const OK: u8 = 0;
/// A case deviates.
pub(crate) const DEVIATES: u8 = 1;
/// The user has to change the command, a file or folder that it names, or an environment variable. clap uses the same code
/// for invalid arguments.
pub(crate) const USAGE: u8 = 2;
/// The command is right, but a gateway, the machine or the network failed. The same command can succeed later.
pub(crate) const FAILED: u8 = 3;
/// No case was selected, or fewer cases were played than `--min-played` requires.
pub(crate) const NOTHING_PLAYED: u8 = 4;
/// A release refuses to start until somebody repairs its state directory. `serve` exits with the release's own code.
const NEEDS_REPAIR: u8 = 78;
/// Ctrl-C, SIGTERM or SIGHUP interrupted the command. Shells use the same code.
pub(crate) const INTERRUPTED: u8 = 130;

/// The exit codes in one line, for the help of the program.
pub(super) const SUMMARY: &str = "Exit codes: see `clawcheck COMMAND --help`.";

/// The maximum width of a line of the help.
const WIDTH: usize = 100;
/// The indentation of a meaning.
const INDENT: usize = 7;

const INVALID: &str = "a usage error, or a file, folder or environment variable that is invalid or cannot be used";
const FAILURE: &str = "the gateway or the harness failed";
const NO_OUTPUT: &str = "the output could not be written";
const NO_FILE: &str = "the output could not be written, or the disk is full";
const SIGNAL: &str = "Ctrl-C, SIGTERM or SIGHUP interrupted the command";

/// The exit codes of a command with their meanings.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExitCodes(&'static [(u8, &'static str)]);

pub(super) const RUN: ExitCodes = ExitCodes(&[
    (
        OK,
        "every selected case conforms, is a known deviation, is not applicable or was skipped, and at least one case \
         was played",
    ),
    (DEVIATES, "a case deviates or unexpectedly conforms, or `--deny` found a skipped case or an unused snapshot"),
    (USAGE, INVALID),
    (FAILED, FAILURE),
    (
        NOTHING_PLAYED,
        "no case was selected, no selected case was played, or fewer cases were played than `--min-played` requires",
    ),
    (INTERRUPTED, SIGNAL),
]);
pub(super) const LIST: ExitCodes = ExitCodes(&[
    (OK, "the list was printed"),
    (USAGE, INVALID),
    (FAILED, NO_OUTPUT),
    (NOTHING_PLAYED, "no case was selected"),
]);
pub(super) const LINT: ExitCodes =
    ExitCodes(&[(OK, "no problems were found"), (USAGE, "problems were found, or a usage error"), (FAILED, NO_OUTPUT)]);
pub(super) const REVIEW: ExitCodes =
    ExitCodes(&[(OK, "the observations were shown"), (USAGE, INVALID), (FAILED, NO_FILE)]);
pub(super) const ACCEPT: ExitCodes = ExitCodes(&[
    (OK, "the observations were approved, or the entries were written"),
    (USAGE, INVALID),
    (FAILED, NO_FILE),
    (NOTHING_PLAYED, "no waiting observation or failing case was selected"),
]);
pub(super) const COMPARE: ExitCodes = ExitCodes(&[
    (OK, "all compared cases are identical"),
    (DEVIATES, "a case differs"),
    (USAGE, INVALID),
    (FAILED, FAILURE),
    (NOTHING_PLAYED, "no case was selected or compared"),
    (INTERRUPTED, SIGNAL),
]);
pub(super) const RELEASES: ExitCodes =
    ExitCodes(&[(OK, "the changes were printed"), (USAGE, "a usage error"), (FAILED, NO_OUTPUT)]);
pub(super) const FUZZ: ExitCodes = ExitCodes(&[
    (OK, "no difference"),
    (DEVIATES, "a difference"),
    (USAGE, INVALID),
    (FAILED, FAILURE),
    (NOTHING_PLAYED, "no story could be compared"),
    (INTERRUPTED, SIGNAL),
]);
pub(super) const EXPLAIN: ExitCodes = ExitCodes(&[
    (OK, "the client is let in with the scopes that it requests"),
    (
        DEVIATES,
        "the client is refused or let in without its scopes (with `--releases`, by at least one release), or the log \
         names another answer",
    ),
    (USAGE, "a usage error, or a directory or file that cannot be read"),
    (FAILED, NO_OUTPUT),
]);
pub(super) const DOCTOR: ExitCodes = ExitCodes(&[
    (OK, "no problems were found"),
    (DEVIATES, "problems were found"),
    (USAGE, "a usage error, or a directory that cannot be read"),
    (FAILED, NO_OUTPUT),
]);
pub(super) const CAPTURE: ExitCodes = ExitCodes(&[
    (OK, "the scenario was written"),
    (
        USAGE,
        "a usage error, a directory or file that cannot be read, or a folder that is not empty or cannot be written",
    ),
    (FAILED, NO_OUTPUT),
]);
pub(super) const RECORD: ExitCodes = ExitCodes(&[
    (OK, "the scenario was written"),
    (
        USAGE,
        "a usage error, a state directory that cannot be used, a file that cannot be created, or a recording that is \
         too large for a scenario (the file then contains only the first steps)",
    ),
    (FAILED, "the proxy cannot listen, the gateway is not reachable, or the disk is full"),
]);
pub(super) const PROBE: ExitCodes = ExitCodes(&[
    (
        OK,
        "the answers are close to a known release, and no other release is closer than the one that the gateway \
         claims",
    ),
    (
        DEVIATES,
        "the answers are not close to a known release, or another release is closer than the one that the gateway \
         claims",
    ),
    (USAGE, INVALID),
    (FAILED, FAILURE),
    (INTERRUPTED, SIGNAL),
]);
pub(super) const INIT: ExitCodes = ExitCodes(&[
    (OK, "the description was written"),
    (USAGE, "a usage error, a program that does not exist, or a file that exists or cannot be written"),
    (FAILED, FAILURE),
    (INTERRUPTED, SIGNAL),
]);
pub(super) const SERVE: ExitCodes = ExitCodes(&[
    (OK, "a signal stopped the gateway"),
    (DEVIATES, "the release refuses to start with these settings or this store"),
    (USAGE, "a usage error, or a directory or configuration that cannot be used"),
    (FAILED, "the gateway cannot listen, or the disk is full"),
    (NEEDS_REPAIR, "the release refuses to start, because the state directory needs a repair"),
]);
pub(super) const SCHEMA: ExitCodes =
    ExitCodes(&[(OK, "the schema was printed"), (USAGE, "a usage error"), (FAILED, NO_OUTPUT)]);

impl ExitCodes {
    /// The end of a help: the text, an empty line and the exit codes.
    pub(super) fn after(self, text: &str) -> String {
        let mut help = if text.is_empty() { String::new() } else { format!("{text}\n\n") };
        help.push_str("Exit codes:");
        for (code, meaning) in self.0 {
            let _ = write!(help, "\n  {code:<width$}", width = INDENT - 2);
            let mut column = INDENT;
            for (number, word) in meaning.split(' ').enumerate() {
                if column + word.len() >= WIDTH {
                    let _ = write!(help, "\n{:INDENT$}{word}", "");
                    column = INDENT + word.len();
                } else {
                    let space = if number == 0 { "" } else { " " };
                    let _ = write!(help, "{space}{word}");
                    column += space.len() + word.len();
                }
            }
        }
        help
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use rstest::rstest;

    /// The codes and meanings of the rows `| 0 | meaning |` of a page.
    fn rows(page: &str) -> Vec<(u8, String)> {
        let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
        rows.filter_map(|(code, meaning)| Some((code.parse().ok()?, meaning.to_owned()))).collect()
    }

    #[rstest]
    #[case::run(include_str!("../../README.md"), RUN)]
    #[case::probe(include_str!("../../docs/probe.md"), PROBE)]
    #[case::explain(include_str!("../../docs/explain.md"), EXPLAIN)]
    fn page_lists_exit_codes(#[case] page: &str, #[case] codes: ExitCodes) {
        assert_eq!(
            rows(page),
            codes.0.iter().map(|(code, meaning)| (*code, (*meaning).to_owned())).collect::<Vec<_>>()
        );
    }

    #[rstest]
    #[case("run", RUN)]
    #[case("list", LIST)]
    #[case("lint", LINT)]
    #[case("review", REVIEW)]
    #[case("accept", ACCEPT)]
    #[case("compare", COMPARE)]
    #[case("releases", RELEASES)]
    #[case("fuzz", FUZZ)]
    #[case("explain", EXPLAIN)]
    #[case("doctor", DOCTOR)]
    #[case("capture", CAPTURE)]
    #[case("record", RECORD)]
    #[case("probe", PROBE)]
    #[case("init", INIT)]
    #[case("serve", SERVE)]
    #[case("schema", SCHEMA)]
    fn help_ends_with_exit_codes(#[case] command: &str, #[case] codes: ExitCodes) {
        let mut program = crate::cli::Arguments::command();
        let help = program.find_subcommand_mut(command).unwrap().render_long_help().to_string();
        assert!(help.trim_end().ends_with(&codes.after("")), "{help}");
    }

    #[test]
    fn every_command_lists_exit_codes() {
        for command in crate::cli::Arguments::command().get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            assert!(command.get_name() == "help" || help.contains("\nExit codes:\n  0    "), "{help}");
        }
    }

    #[test]
    fn long_meaning_is_indented() {
        let help = RUN.after("");
        assert!(help.lines().all(|line| line.len() <= WIDTH), "{help}");
        assert!(help.contains("\n  0    every selected case"), "{help}");
        assert!(help.lines().any(|line| line.starts_with("       ") && line.ends_with(" was played")), "{help}");
    }
}
