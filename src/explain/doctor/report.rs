//! Findings as text, Markdown or JSON.

use super::finding::{Finding, MAX_FINDINGS};
use crate::explain::StateDirectory;
use crate::explain::text::{short, short_id};
use crate::markdown;
use crate::output_format::OutputFormat;
use crate::release_ranges;
use crate::shell::quoted;
use serde_json::json;
use std::fmt::Write as _;
use untrusted_data::printable;

/// Findings as text or JSON, without secrets.
pub(crate) fn write(state: &StateDirectory, findings: &[Finding], format: OutputFormat) -> String {
    let text = match format {
        OutputFormat::Json => {
            let finding = |finding: &Finding| {
                json!({
                    "place": finding.place, "record": finding.record.as_deref().map(short), "what": finding.what,
                    "releases": finding.releases.iter().map(ToString::to_string).collect::<Vec<_>>(),
                })
            };
            let shown = findings.iter().take(MAX_FINDINGS).map(finding).collect::<Vec<_>>();
            let chosen = state.choose_release(None);
            let document = json!({
                "schema": 1, "release": chosen.release.to_string(), "release_source": chosen.source, "findings": shown,
                "complete": findings.len() <= MAX_FINDINGS,
            });
            format!("{document:#}\n")
        }
        OutputFormat::Plain | OutputFormat::Markdown => plain(state, findings, format),
    };
    state.secrets().apply_known(&text)
}

fn plain(state: &StateDirectory, findings: &[Finding], format: OutputFormat) -> String {
    let directory = short(&state.stored.directory().display().to_string());
    let mut out = match format {
        OutputFormat::Markdown => format!("{} (read-only)\n\n", markdown::code(&directory)),
        _ => format!("{directory} (read-only)\n"),
    };
    let _ = match format {
        OutputFormat::Markdown => writeln!(out, "release {}\n", state.choose_release(None)),
        _ => writeln!(out, "release {}; the findings are about all known releases", state.choose_release(None)),
    };
    for finding in findings.iter().take(MAX_FINDINGS) {
        let record = finding.record.as_deref().map(|record| format!(" {}", short_id(record))).unwrap_or_default();
        let releases = match finding.releases.as_slice() {
            [] if finding.record.is_some() => " (all releases)".to_owned(),
            [] => String::new(),
            releases => format!(" ({})", release_ranges::list(releases)),
        };
        let text = format!("{}{record}: {}{releases}", finding.place, finding.what);
        let _ = match format {
            OutputFormat::Markdown => writeln!(out, "- {}", markdown::code(&text)),
            _ => writeln!(out, "  {text}"),
        };
    }
    match findings.len() {
        0 => out.push_str("no problems were found\n"),
        1 => out.push_str("1 finding\n"),
        more if more > MAX_FINDINGS => out.push_str("more findings were omitted\n"),
        more => {
            let _ = writeln!(out, "{more} findings");
        }
    }
    // Only without --state-dir, the environment counts.
    let directory = (!state.is_default).then(|| state.stored.directory());
    let words = [("--state-dir", directory), ("--config", state.named_config())];
    let words = words.into_iter().filter_map(|(option, path)| Some((option, path?)));
    let words = words.map(|(option, path)| format!(" {option} {}", quoted(&printable::line(&path.to_string_lossy()))));
    let command = format!("clawcheck explain{}", words.collect::<String>());
    let command = if format == OutputFormat::Markdown { markdown::code(&command) } else { command };
    let _ = writeln!(out, "To see how a gateway answers a client, and what would let the client in: {command}");
    out
}
