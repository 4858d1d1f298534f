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

pub(super) use {cache_variable, secret_variables, token_variable};
