//! Reports for the tests of the listeners.

use crate::judge::{Level, Verdict};
use crate::run::outcome::{CaseReport, GatewayInfo, GatewayUse, RunInfo};
use crate::shell::quoted;
use std::path::PathBuf;
use std::time::Duration;

/// A run on a real release.
pub(super) fn info() -> RunInfo {
    RunInfo {
        gateway: GatewayInfo {
            kind: "spawned",
            name: "openclaw@2026.3.31".to_owned(),
            program: "openclaw".to_owned(),
            release: "2026.3.31".parse().ok(),
            lacks: Vec::new(),
            notes: vec!["its clock cannot be moved".to_owned()],
            notes_on_verdicts: Vec::new(),
        },
        cases: 4,
        jobs: 2,
        isolation: Some("case"),
        schema: None,
        level: Level::Exact,
    }
}

/// A case with a verdict, and nothing else.
pub(super) fn case(id: &str, verdict: Verdict) -> CaseReport {
    CaseReport {
        id: id.to_owned(),
        title: "Role upgrade over direct loopback".to_owned(),
        file: PathBuf::from("scenarios/role-upgrade/direct.yaml"),
        is_built_in: true,
        verdict,
        reason: None,
        obstacle: None,
        given_up: false,
        boot: GatewayUse::Own,
        about: None,
        links: Vec::new(),
        requirements: Vec::new(),
        findings: Vec::new(),
        differences: Vec::new(),
        release_differences: Vec::new(),
        notes: Vec::new(),
        frames: None,
        observation: None,
        duration: Duration::from_millis(12),
        transcript: None,
        log: None,
        rerun: format!("clawcheck run {} --gateway openclaw@2026.3.31", quoted(id)),
        proposed: None,
        explanation: None,
    }
}
