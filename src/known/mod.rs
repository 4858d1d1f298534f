//! Known deviations: a list of differences that a gateway is known to show, with reasons.
//!
//! A case in which nothing but known differences are seen is a known deviation, and does not fail the run. A case that no longer
//! shows a known difference fails as `unexpectedly-conforms`, so that the list does not outlive its reasons.

mod check;
mod date;
mod extend;
mod file;
mod judge;

pub(crate) use date::Date;
pub(crate) use extend::{Observed, extend};
pub(crate) use judge::{CaseSeen, Known, KnownVerdict};

use crate::scenario::problems::{ScenarioError, ScenarioErrors, within};
use crate::scenario::{Source, nodes};
use file::KnownFile;
use schemars::generate::SchemaSettings;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::Arc;
use untrusted_data::plain_file::{self, Links};

/// Reads the text of a list, or `None` if there is no such file.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn text_of(path: &Path) -> Result<Option<String>, ScenarioErrors> {
    match plain_file::read_text(path, nodes::LARGEST_FILE, Links::Follow) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(ScenarioErrors(vec![ScenarioError::with_file(path, error.to_string(), None)])),
    }
}

/// Reads a list of known deviations: a file of its own, or a gateway description, which can have the keys `known` and
/// `observations`.
///
/// # Errors
/// The list is not valid.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Known, ScenarioErrors> {
    let source = &Arc::new(Source { path: path.to_owned(), embedded: false, text: text.into() });
    let file = if is_description(text) { file::parse_description(text) } else { file::parse(text) };
    file.map(|file| Known::of(file, source)).map_err(|errors| ScenarioErrors(within(errors, source)))
}

/// Reads the list in a gateway description. Without such a list, and if the description is not valid YAML, it is empty.
///
/// # Errors
/// The list is not valid.
pub(crate) fn parse_description(path: &Path, text: &str) -> Result<Known, ScenarioErrors> {
    let has_list = nodes::parse(text).is_ok_and(|root| root.get("known").or(root.get("observations")).is_some());
    if has_list { parse(path, text) } else { Ok(Known::default()) }
}

/// Whether a text has the keys of a gateway description.
fn is_description(text: &str) -> bool {
    nodes::parse(text).is_ok_and(|root| root.get("command").is_some() || root.get("gateway").is_some())
}

/// The digest that stands for an observation in a list.
pub(crate) fn digest(observation: &str) -> String {
    let lines = observation.lines().collect::<Vec<_>>().join("\n");
    Sha256::digest(lines.as_bytes())[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The JSON Schema of a list (draft 2020-12), as `clawcheck schema known` prints it.
pub(crate) fn schema() -> String {
    let settings = SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<KnownFile>().to_value();
    schema["title"] = json!("Known deviations of a gateway");
    schema["$comment"] = json!("Made by `clawcheck schema known` from the types; not to be edited.");
    format!("{schema:#}\n")
}

#[cfg(test)]
mod tests;
