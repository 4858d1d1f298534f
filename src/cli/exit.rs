//! Exit codes, the same for every command.

/// Every selected case conforms, shows only known deviations, is not applicable, or is skipped. At least one case was
/// played.
pub(crate) const OK: u8 = 0;
/// A case deviates.
pub(crate) const DEVIATES: u8 = 1;
/// The arguments, a scenario or a configuration file are not valid. clap uses the same code for invalid arguments.
pub(crate) const USAGE: u8 = 2;
/// A gateway or the harness failed.
pub(crate) const FAILED: u8 = 3;
/// No case was selected, or fewer cases were played than `--min-played` requires.
pub(crate) const NOTHING_PLAYED: u8 = 4;
/// Ctrl-C, SIGTERM or SIGHUP interrupted the command. Shells use the same code.
pub(crate) const INTERRUPTED: u8 = 130;
