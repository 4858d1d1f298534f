//! A release's refusal to start, and what it prints.

use super::shape::RefusedSetting;
use std::path::Path;

/// The exit code if the state directory needs a repair (observed on 2026.9.6).
const MAINTENANCE_REQUIRED: i32 = 78;

/// A refusal of the release to start with these settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("{}", lines.join("\n"))]
pub struct StartRefusal {
    /// The lines that it prints.
    pub lines: Vec<String>,
    /// The exit code of its process.
    pub exit_code: i32,
    /// The settings that it does not accept, if it names them.
    pub settings: Vec<RefusedSetting>,
}

impl StartRefusal {
    pub(super) fn new(lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { lines: lines.into_iter().map(Into::into).collect(), exit_code: 1, settings: Vec::new() }
    }

    /// A refusal from the start of the server and not from the command.
    pub(super) fn at_start(error: &str) -> Self {
        Self::new([format!("Gateway failed to start: Error: {error}")])
    }

    /// The output if the file is not a database.
    pub(crate) fn at_database(path: &Path) -> Self {
        let unreadable = format!("shared state database is unreadable at {}: file is not a database", path.display());
        let advice = "Stop OpenClaw processes, then restore this file from a verified backup; the unreadable database was \
                      left unchanged. | gateway.maintenance_required. Stop the service with openclaw gateway stop (or its \
                      service owner), then run openclaw doctor --fix, then start it again with openclaw gateway start.";
        let line = format!("Gateway failed to start: Doctor cannot repair this state: {unreadable}. {advice}");
        Self { exit_code: MAINTENANCE_REQUIRED, ..Self::new([line]) }
    }

    /// The output if the database or its directory cannot be written (2026.9.6, as a user other than root).
    pub(crate) fn at_read_only_database() -> Self {
        let line = "Gateway failed to start: attempt to write a readonly database | gateway.maintenance_required | \
                    ERR_SQLITE_ERROR. Stop the service with openclaw gateway stop (or its service owner), then run openclaw \
                    doctor --fix, then start it again with openclaw gateway start.";
        Self { exit_code: MAINTENANCE_REQUIRED, ..Self::new([line]) }
    }

    /// The output if a cell of the database is not JSON, without the error of Node's parser.
    pub(crate) fn at_cell(error: &str) -> Self {
        Self::new([format!("Gateway failed to start: {error}. Run openclaw gateway status --deep for diagnostics.")])
    }

    /// The output if the files of an older release cannot be imported.
    pub(crate) fn at_import(error: &str) -> Self {
        let stopped = "Failing check acp-replay-ledger (blocked-by-prior-refusal): Migration step \"acp-replay-ledger\" was not \
                       run because prior step \"pairing-stores\" refused execution.. Stop the service with openclaw gateway \
                       stop (or its service owner), then run openclaw doctor --fix, then start it again with openclaw gateway \
                       start.";
        let mut refusal = Self::new([stopped.to_owned(), format!("- {error}")]);
        refusal.exit_code = MAINTENANCE_REQUIRED;
        refusal
    }
}
