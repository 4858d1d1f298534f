//! Renders the release that the answers of a gateway are closest to, as text and as JSON.

use crate::counted::counted;
use crate::release_ranges;
use crate::run::outcome::{ClosestRelease, EqualSnapshots};
use openclaw_model::Release;
use serde_json::{Map, Value, json};
use untrusted_data::limits::SHOWN_STRING;
use untrusted_data::{cut, printable};

/// The maximum number of families that are named.
const FAMILIES: usize = 4;

/// The lines of text. If the gateway names the version of another release, this line comes first.
pub(crate) fn lines(closest: &ClosestRelease, attached: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let release = closest.release;
    if let Some(version) = closest.misnamed() {
        let version = cut::line(&printable::line(version), SHOWN_STRING).into_owned();
        lines.push(format!("the gateway reports the version {version} (server.version), but its answers are compared with those of {release}"));
    }
    if closest.fits_better() {
        let overall = &closest.overall;
        let best = overall.best();
        let equal = best.first().map_or(0, |best| overall.of(*best));
        let (cases, own) = (overall.cases, overall.of(release));
        let named = release_ranges::text(&best);
        lines.push(format!(
            "its answers equal those of {named} in {equal} of {}, and those of {release} in {own}",
            counted(cases, "case")
        ));
        let families = closest.differing_families().map(|(family, likeness)| self::family(family, likeness));
        let families = families.collect::<Vec<_>>();
        if !families.is_empty() {
            let more = families.len().saturating_sub(FAMILIES);
            let more = if more > 0 {
                format!(", and {more} more {}", if more == 1 { "family" } else { "families" })
            } else {
                String::new()
            };
            let named = families.into_iter().take(FAMILIES).collect::<Vec<_>>().join(", ");
            lines.push(format!("by family: {named}{more}"));
        }
    }
    if attached && let Some(better) = better(closest) {
        lines.push(format!("to compare the gateway with {better}, pass --release {better}"));
    }
    lines
}

/// The release to compare the gateway with instead.
fn better(closest: &ClosestRelease) -> Option<Release> {
    let named = closest.misnamed().and_then(|version| version.parse().ok());
    if closest.fits_better() { closest.overall.best().last().copied() } else { named }
}

fn family(name: &str, likeness: &EqualSnapshots) -> String {
    let best = likeness.best();
    let equal = best.first().map_or(0, |best| likeness.of(*best));
    format!("{} equals {} in {equal} of {}", printable::line(name), release_ranges::text(&best), likeness.cases)
}

/// The member `closest` of the JSON report.
pub(crate) fn json(closest: &ClosestRelease) -> Value {
    let families = closest
        .families
        .iter()
        .map(|(name, likeness)| (name.clone(), json!({ "cases": likeness.cases, "equal": equal(likeness) })));
    json!({
        "release": closest.release.to_string(),
        "server_version": closest.version,
        "cases": closest.overall.cases,
        "equal": equal(&closest.overall),
        "families": Value::Object(families.collect()),
    })
}

fn equal(likeness: &EqualSnapshots) -> Map<String, Value> {
    likeness.equal.iter().map(|(release, cases)| (release.to_string(), (*cases).into())).collect()
}
