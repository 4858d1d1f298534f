//! Exit codes, the same for every command.

/// Every selected case conforms, deviates as written down, or is not applicable or skipped; at least one was played.
pub(crate) const OK: u8 = 0;
/// A case deviates.
pub(crate) const DEVIATES: u8 = 1;
/// Wrong usage, or a scenario or configuration file that is wrong. Also what clap uses for wrong arguments.
pub(crate) const USAGE: u8 = 2;
/// A gateway or the harness could not do its part.
pub(crate) const FAILED: u8 = 3;
/// Nothing was selected, or less of it could be played than `--min-played` requires.
pub(crate) const NOTHING_PLAYED: u8 = 4;
/// Ctrl-C, SIGTERM or SIGHUP broke off what was done, by the shell's custom.
pub(crate) const INTERRUPTED: u8 = 130;
