//! Parts of the help that several commands share.

/// The headings above groups of options.
pub(super) const SELECTION: &str = "Selection options";
pub(super) const COMPARISON: &str = "Comparison options";
pub(super) const STATE_DIR: &str = "State directory options";
pub(super) const TIMEOUTS: &str = "Timeout options";
pub(super) const CLIENT: &str = "Client options";
pub(super) const CONNECTION: &str = "Connection options";
pub(super) const OUTPUT: &str = "Output options";

/// The first lines of the list of environment variables.
macro_rules! cache_variable {
    () => {
        "\
Environment variables:
  CLAWCHECK_CACHE  Folder for releases, and for packages of npm, pip and cargo, that clawcheck
                   installs [default: clawcheck in the user's cache folder]"
    };
}

/// The entry in this list for commands that can use a gateway at a URL.
macro_rules! token_variable {
    () => {
        "\n  CLAWCHECK_TOKEN  Shared token of a gateway at a URL"
    };
}

/// The list of environment variables for commands that can also use the password of a gateway at a URL.
macro_rules! secret_variables {
    () => {
        "\
Environment variables:
  CLAWCHECK_CACHE     Folder for releases, and for packages of npm, pip and cargo, that clawcheck
                      installs [default: clawcheck in the user's cache folder]
  CLAWCHECK_TOKEN     Shared token of a gateway at a URL
  CLAWCHECK_PASSWORD  Shared password of a gateway at a URL that has no token"
    };
}

/// The list of exit codes. The meaning of 3 and 130 is the same for every command.
macro_rules! exit_codes {
    (0: $conforms:literal, 1: $deviates:literal, 2: $usage:literal, 4: $nothing:literal) => {
        concat!(
            "Exit codes:\n  0    ",
            $conforms,
            "\n  1    ",
            $deviates,
            "\n  2    ",
            $usage,
            "\n  3    a gateway or the harness failed\n  4    ",
            $nothing,
            "\n  130  Ctrl-C, SIGTERM or SIGHUP interrupted the command"
        )
    };
}

/// The exit codes of `run`, which the help of the program also lists.
macro_rules! run_exit_codes {
    () => {
        $crate::cli::help::exit_codes!(
            0: "every selected case is as expected",
            1: "a case deviates",
            2: "usage error or invalid file",
            4: "no case was selected, or fewer were played than --min-played requires"
        )
    };
}

pub(super) use {cache_variable, exit_codes, run_exit_codes, secret_variables, token_variable};
