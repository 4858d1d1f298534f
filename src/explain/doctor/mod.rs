//! `doctor`: the problems of a state directory, and the releases that they affect.

mod answers;
mod finding;
mod own_credentials;
mod paired_record;
mod report;

pub(super) use answers::CLOSES;
pub(crate) use finding::Finding;
pub(crate) use report::write;

use super::text::{NO_START, full, short};
use super::{ClientDescription, ClientDevice, StateDirectory};
use crate::shell::quoted;
use answers::{answering, answers};
use finding::MAX_FINDINGS;
use openclaw_emulator::settings::Settings;
use openclaw_emulator::stored_state::StoredFile;
use openclaw_model::{Facts, Release, known_releases, pairing};
use openclaw_protocol::store::{DATABASE, Document, StoreFormat};
use own_credentials::own_credentials;
use paired_record::PairedRecord;
use serde_json::Value;

/// The maximum number of records whose clients connect to each release with another platform or another role. A connect takes
/// time, and a store can contain any number of records.
const MAX_CONNECTING: usize = 500;

/// Checks a state directory. `now` is in milliseconds since the epoch.
pub(crate) fn findings(state: &StateDirectory, now: i64) -> Vec<Finding> {
    let releases = known_releases().filter_map(|release| Facts::of(release).ok()).collect::<Vec<_>>();
    let with_database = releases.iter().filter(|facts| facts.pairing.format == StoreFormat::Sqlite).cloned();
    let with_database = with_database.collect::<Vec<_>>();
    let mut found = Vec::new();
    files(state, &releases, &mut found);
    starts(state, &releases, now, &mut found);
    own_credentials(state, &releases, now, &mut found);
    for (document, place, value) in documents(state) {
        // A release with files does not read the database. A release with a database imports the files.
        let releases = if place == DATABASE { &with_database } else { &releases };
        let Value::Object(records) = value else {
            not_records(state, (document, place), value, releases, now, &mut found);
            continue;
        };
        for (number, (key, record)) in records.iter().enumerate() {
            if found.len() > MAX_FINDINGS {
                return found;
            }
            match document {
                Document::DevicesPaired => {
                    let record = PairedRecord { state, place, key, value: record, releases, now };
                    record.wrong_fields(&mut found);
                    record.without_role(&mut found);
                    record.damaged_tokens(&mut found);
                    if number < MAX_CONNECTING {
                        record.role_of_client(&mut found);
                        record.pinned_platform(&mut found);
                    }
                }
                Document::DevicesPending => pending(place, key, record, now, &mut found),
                _ => {}
            }
        }
    }
    found
}

/// The problems of whole files, and how the releases handle a file that they cannot use.
fn files(state: &StateDirectory, releases: &[Facts], found: &mut Vec<Finding>) {
    let of = |place: &str, what: String| Finding { place: place.to_owned(), record: None, what, releases: Vec::new() };
    found.extend(state.notes.iter().map(|note| of("state directory", short(note))));
    if let Some((path, error)) = &state.unread_config {
        let place = path.file_name().map_or_else(|| "openclaw.json".into(), |name| name.to_string_lossy());
        found.push(of(&short(&place), format!("{error}; the other findings assume the default configuration")));
    }
    for document in Document::ALL {
        if !matches!(state.stored.file(document), StoredFile::Unusable { .. }) {
            continue;
        }
        let matters = |fits: &dyn Fn(&Facts) -> bool| {
            releases.iter().filter(|facts| fits(facts)).map(|facts| facts.release).collect::<Vec<_>>()
        };
        let files = |facts: &Facts| facts.pairing.format == StoreFormat::Files;
        let ways: [(&str, Vec<Release>); 2] = [
            (
                "is treated as empty and overwritten on the next change",
                matters(&|facts| files(facts) && !facts.pairing.state.unreadable_ends),
            ),
            (CLOSES, matters(&|facts| files(facts) && facts.pairing.state.unreadable_ends)),
        ];
        for (what, releases) in ways {
            found.push(Finding { releases, ..of(document.path(), what.to_owned()) });
        }
    }
}

/// A document that is not an object, and how each release handles it.
fn not_records(
    state: &StateDirectory,
    (document, place): (Document, &'static str),
    value: &Value,
    releases: &[Facts],
    now: i64,
    found: &mut Vec<Finding>,
) {
    let client = ClientDescription { device: Some("new".to_owned()), ..ClientDescription::default() };
    let answering = answering(answers(state, (document, place), value.clone(), &client, releases, now));
    let what = format!("{} is not an object", document.path());
    let ways = [
        (format!("{what}: a gateway {CLOSES}"), answering.silent),
        (format!("{what}: a gateway finds no records in it"), answering.others),
        (what, answering.not_starting),
    ];
    let ways = ways.into_iter().filter(|(_, releases)| !releases.is_empty());
    found.extend(ways.map(|(what, releases)| Finding { place: place.to_owned(), record: None, what, releases }));
}

/// The releases that do not start, and the records that the others do not import.
fn starts(state: &StateDirectory, releases: &[Facts], now: i64, found: &mut Vec<Finding>) {
    for facts in releases {
        let settings = Settings::resolve(facts.release, &state.config, &state.env);
        let (what, place) =
            match settings.map(|_| state.stored.started(facts.pairing.format, now, &ClientDevice::Nobody)) {
                Err(refusal) => (format!("{NO_START}: {}", full(&refusal.lines.join(" "))), "openclaw.json"),
                Ok(Err(refusal)) => (format!("{NO_START}: {}", full(&refusal.lines.join(" "))), "state directory"),
                Ok(Ok((_, log))) => {
                    let lost = log.iter().find(|line| line.contains("skipped") || line.contains("omitted"));
                    let Some(lost) = lost else { continue };
                    (short(lost), DATABASE)
                }
            };
        match found.iter_mut().find(|finding| finding.what == what) {
            Some(same) => same.releases.push(facts.release),
            None => found.push(Finding { place: place.to_owned(), record: None, what, releases: vec![facts.release] }),
        }
    }
}

/// The device records in the files and in the database.
fn documents(state: &StateDirectory) -> Vec<(Document, &'static str, &Value)> {
    let mut documents = Vec::new();
    for document in [Document::DevicesPaired, Document::DevicesPending] {
        if let StoredFile::Json(value) = state.stored.file(document) {
            documents.push((document, document.path(), &**value));
        }
    }
    documents.extend(state.stored.database().map(|(document, value)| (document, DATABASE, &**value)));
    documents
}

fn pending(place: &'static str, key: &str, request: &Value, now: i64, found: &mut Vec<Finding>) {
    let what = match request.get("ts").and_then(Value::as_i64) {
        None => "a pending request without a time".to_owned(),
        Some(ts) if now.saturating_sub(ts) > pairing::PENDING_TTL_MS => "a pending request that has expired".to_owned(),
        Some(_) => {
            format!("a request that waits for an approval: openclaw devices approve {}", quoted(&short(key)))
        }
    };
    found.push(Finding { place: place.to_owned(), record: Some(key.to_owned()), what, releases: Vec::new() });
}
