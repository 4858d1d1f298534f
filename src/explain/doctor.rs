//! `doctor`: the problems of a state directory, and the releases that they affect.

use super::text::{NO_START, full, short, short_id};
use super::{ClientDescription, ClientDevice, StateDirectory, Verdict, simulated};
use crate::markdown;
use crate::output_format::OutputFormat;
use crate::release_ranges;
use crate::shell::quoted;
use openclaw_emulator::settings::Settings;
use openclaw_emulator::store::SqliteDocuments;
use openclaw_emulator::stored_state::{StoredFile, StoredState};
use openclaw_model::{Facts, Release, known_releases, pairing};
use openclaw_protocol::public_key::PublicKey;
use openclaw_protocol::store::{DATABASE, Document, StoreFormat};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use untrusted_data::printable;

/// The maximum number of findings that are printed. A store can contain any number of records.
const MAX: usize = 200;
/// The maximum number of records whose clients connect to each release with another platform. A connect takes time, and a
/// store can contain any number of records.
const MAX_PLATFORMS: usize = 500;

/// The platform of the machine that clawcheck runs on.
const LOCAL_PLATFORM: &str = "linux";
/// The address of a device on another machine, which is reserved for documentation.
const REMOTE_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

/// The effect on a release that cannot process a document or a record.
pub(super) const CLOSES: &str = "closes every connection that needs it, without an answer";

/// How the releases answer a connect.
#[derive(Debug, Default)]
struct AnsweringReleases {
    /// The releases that close the connection without an answer.
    silent: Vec<Release>,
    /// The releases that answer.
    others: Vec<Release>,
    /// The releases that cannot be asked, because they do not start.
    not_starting: Vec<Release>,
}

/// A problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file or the table, relative to the state directory.
    pub place: String,
    /// The device or the request, if the problem concerns a single record.
    pub record: Option<String>,
    /// The problem in words.
    pub what: String,
    /// The affected releases. If empty, all releases are affected.
    pub releases: Vec<Release>,
}

/// Checks a state directory. `now` is in milliseconds since the epoch.
pub(crate) fn findings(state: &StateDirectory, now: i64) -> Vec<Finding> {
    let releases = known_releases().filter_map(|release| Facts::of(release).ok()).collect::<Vec<_>>();
    let with_database = releases.iter().filter(|facts| facts.pairing.format == StoreFormat::Sqlite).cloned();
    let with_database = with_database.collect::<Vec<_>>();
    let mut found = Vec::new();
    files(state, &releases, &mut found);
    starts(state, &releases, now, &mut found);
    for (document, place, value) in documents(state) {
        // A release with files does not read the database. A release with a database imports the files.
        let releases = if place == DATABASE { &with_database } else { &releases };
        let Value::Object(records) = value else {
            not_records(state, (document, place), value, releases, now, &mut found);
            continue;
        };
        for (number, (key, record)) in records.iter().enumerate() {
            if found.len() > MAX {
                return found;
            }
            match document {
                Document::DevicesPaired => {
                    paired(place, key, record, &mut found);
                    let record = PairedRecord { state, place, key, value: record, releases, now };
                    record.without_role(&mut found);
                    record.damaged_tokens(&mut found);
                    if number < MAX_PLATFORMS {
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
            let shown = findings.iter().take(MAX).map(finding).collect::<Vec<_>>();
            let chosen = state.choose_release(None);
            let document = json!({
                "schema": 1, "release": chosen.release.to_string(), "release_source": chosen.source, "findings": shown,
                "complete": findings.len() <= MAX,
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
    for finding in findings.iter().take(MAX) {
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
        more if more > MAX => out.push_str("more findings were omitted\n"),
        more => {
            let _ = writeln!(out, "{more} findings");
        }
    }
    let words = [("--state-dir", Some(state.stored.directory())), ("--config", state.with_stand_in_key())];
    let words = words.into_iter().filter_map(|(option, path)| Some((option, path?)));
    let words = words.map(|(option, path)| format!(" {option} {}", quoted(&printable::line(&path.to_string_lossy()))));
    let command = format!("clawcheck explain{}", words.collect::<String>());
    let command = if format == OutputFormat::Markdown { markdown::code(&command) } else { command };
    let _ = writeln!(out, "To see how a gateway answers a client, and what would let the client in: {command}");
    out
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

/// How the releases that read a document answer a client if the store contains nothing else. Otherwise, the answer could
/// be due to damage at another place. `None` if a release cannot be asked.
fn answers(
    state: &StateDirectory,
    (document, place): (Document, &'static str),
    value: Value,
    client: &ClientDescription,
    releases: &[Facts],
    now: i64,
) -> Vec<(Release, Option<Verdict>)> {
    let format = if place == DATABASE { StoreFormat::Sqlite } else { StoreFormat::Files };
    let stored = StoredState::of_document(state.stored.directory(), document, Arc::new(value), format);
    let state = StateDirectory { stored: stored.into(), ..state.clone() };
    let answer = |facts: &Facts| {
        let description = ClientDescription { release: Some(facts.release), ..client.clone() };
        (facts.release, simulated(&state, &description, now).map(|simulated| simulated.answer().verdict).ok())
    };
    releases.iter().map(answer).collect()
}

/// The releases by their answers.
fn answering(answers: Vec<(Release, Option<Verdict>)>) -> AnsweringReleases {
    let mut answering = AnsweringReleases::default();
    for (release, verdict) in answers {
        let list = match verdict {
            None | Some(Verdict::NoStart(_)) => &mut answering.not_starting,
            Some(Verdict::Refused { error: None, .. }) => &mut answering.silent,
            Some(_) => &mut answering.others,
        };
        list.push(release);
    }
    answering
}

/// The client of a record, which requests what was approved.
fn client_of(key: &str, record: &Value) -> ClientDescription {
    let scopes = ["approvedScopes", "scopes"].iter().find_map(|name| record.get(name)?.as_array());
    let scopes = scopes.map(|scopes| scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    let role = record.get("role").and_then(Value::as_str).map(str::to_owned);
    ClientDescription { device: Some(key.to_owned()), role, scopes, ..ClientDescription::default() }
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

fn paired(place: &'static str, key: &str, record: &Value, found: &mut Vec<Finding>) {
    let mut note = |what: String, releases: Vec<Release>| {
        found.push(Finding { place: place.to_owned(), record: Some(key.to_owned()), what, releases });
    };
    let Value::Object(fields) = record else {
        return note("is not an object".to_owned(), Vec::new());
    };
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    if text("deviceId").is_some_and(|id| id != key) {
        note("deviceId differs from the key of the record".to_owned(), Vec::new());
    }
    match text("publicKey").map(|text| (text, PublicKey::parse(text))) {
        None => note("publicKey is missing".to_owned(), Vec::new()),
        Some((_, None)) => note("publicKey is not a valid key".to_owned(), Vec::new()),
        Some((_, Some(parsed))) if parsed.device_id() != key => {
            note("publicKey belongs to another device".to_owned(), Vec::new());
        }
        Some((text, Some(parsed))) if parsed.to_base64url() != text => {
            note("publicKey does not have the encoding that the releases compare".to_owned(), Vec::new());
        }
        Some(_) => {}
    }
    if fields.contains_key("requestId") || !fields.contains_key("approvedAtMs") {
        note("looks like a pending request: it was never approved".to_owned(), Vec::new());
    }
    if place != DATABASE && !SqliteDocuments::fits(Document::DevicesPaired, record) {
        note("cannot be imported into a database".to_owned(), Vec::new());
    }
}

/// A device record of a store, and what `doctor` holds it against.
struct PairedRecord<'a> {
    state: &'a StateDirectory,
    /// The file of the record.
    place: &'static str,
    key: &'a str,
    value: &'a Value,
    /// The releases that read the file.
    releases: &'a [Facts],
    /// Milliseconds since the epoch.
    now: i64,
}

impl PairedRecord<'_> {
    /// A record without a role in effect, and the clients of the device that a release refuses for this reason. A release can
    /// let in a client on the gateway's machine, but not the same client elsewhere.
    fn without_role(&self, found: &mut Vec<Finding>) {
        let Value::Object(fields) = self.value else { return };
        let roleless =
            |facts: &&Facts| pairing::effective_roles(&facts.pairing, self.value).is_ok_and(|roles| roles.is_empty());
        let without = self.releases.iter().filter(roleless).cloned().collect::<Vec<_>>();
        let answered = |peer: Option<IpAddr>| {
            let client = ClientDescription { peer, ..client_of(self.key, self.value) };
            self.answers(&client, &without)
        };
        let mut groups: Vec<(&'static str, Vec<Release>)> = Vec::new();
        for ((release, here), (_, elsewhere)) in answered(None).into_iter().zip(answered(Some(REMOTE_ADDRESS))) {
            let effect = match (here.as_ref().map(RecordEffect::of), elsewhere.as_ref().map(RecordEffect::of)) {
                (Some(RecordEffect::RoleUpgrade), Some(RecordEffect::RoleUpgrade)) => {
                    "; its clients are refused (role-upgrade)"
                }
                (Some(RecordEffect::LetIn), Some(RecordEffect::RoleUpgrade)) => {
                    "; its clients on other machines are refused (role-upgrade), but a client that connects directly on the \
                 gateway's machine is let in"
                }
                (Some(RecordEffect::LetIn), Some(RecordEffect::LetIn)) => "; its clients are let in",
                _ => "",
            };
            match groups.iter_mut().find(|(known, _)| *known == effect) {
                Some((_, releases)) => releases.push(release),
                None => groups.push((effect, vec![release])),
            }
        }
        for (effect, releases) in groups {
            let what = format!("has no role in effect: {}{effect}", tokens(fields));
            found.push(self.finding(what, releases));
        }
    }

    /// The damaged tokens of a record, and the releases that cannot process them.
    fn damaged_tokens(&self, found: &mut Vec<Finding>) {
        let what = match self.value.get("tokens") {
            None | Some(Value::Null) => return,
            Some(Value::Object(tokens)) => {
                let damaged = tokens.iter().find_map(|(role, token)| Some((role, damaged_token(token)?)));
                let Some((role, what)) = damaged else { return };
                format!("the token for {} {what}", short(role))
            }
            Some(Value::String(_)) => "tokens is text, not an object".to_owned(),
            Some(Value::Array(_)) => "tokens is a list, not an object".to_owned(),
            Some(other) => format!("tokens is {}, not an object", short(&other.to_string())),
        };
        // The answer depends on the whole record, not only on its tokens.
        let client = client_of(self.key, self.value);
        let answering = answering(self.answers(&client, self.releases));
        let mut others = [answering.others, answering.not_starting].concat();
        others.sort();
        let ways = [(format!("{what}: a gateway {CLOSES}"), answering.silent), (what, others)];
        let ways = ways.into_iter().filter(|(_, releases)| !releases.is_empty());
        found.extend(ways.map(|(what, releases)| self.finding(what, releases)));
    }

    /// A platform in a record that the device does not keep: a device with another platform has to be approved again.
    fn pinned_platform(&self, found: &mut Vec<Finding>) {
        let Some(platform) = self.value.get("platform").and_then(Value::as_str) else { return };
        let is_here =
            self.state.is_default && self.state.own_key.as_ref().is_some_and(|own| own.device_id() == self.key);
        let mut client = client_of(self.key, self.value);
        let what = match next_version(platform) {
            Some(next) => {
                (client.platform, client.peer) = (Some(next), Some(REMOTE_ADDRESS));
                "an update of the system requires another approval"
            }
            None if is_here && platform != LOCAL_PLATFORM => {
                client.platform = Some(LOCAL_PLATFORM.to_owned());
                "the client of this machine, which is on linux, requires another approval"
            }
            None => return,
        };
        let answers = self.answers(&client, self.releases);
        let refuses = |(release, verdict): (Release, Option<Verdict>)| match verdict {
            Some(Verdict::Refused { error: Some(error), .. }) => {
                error.details.is_some_and(|details| details["reason"] == "metadata-upgrade").then_some(release)
            }
            _ => None,
        };
        let releases = answers.into_iter().filter_map(refuses).collect::<Vec<_>>();
        if !releases.is_empty() {
            let what = format!("has the platform `{}`: {what}", short(platform));
            found.push(self.finding(what, releases));
        }
    }

    /// How releases answer a client if the store contains only this record.
    fn answers(&self, client: &ClientDescription, releases: &[Facts]) -> Vec<(Release, Option<Verdict>)> {
        let records = Value::Object(Map::from_iter([(self.key.to_owned(), self.value.clone())]));
        answers(self.state, (Document::DevicesPaired, self.place), records, client, releases, self.now)
    }

    fn finding(&self, what: String, releases: Vec<Release>) -> Finding {
        Finding { place: self.place.to_owned(), record: Some(self.key.to_owned()), what, releases }
    }
}

/// The effect of a record on its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecordEffect {
    LetIn,
    RoleUpgrade,
    Other,
}

impl RecordEffect {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::LetIn(_) => Self::LetIn,
            Verdict::Refused { error: Some(error), .. }
                if error.details.as_ref().is_some_and(|details| details["reason"] == "role-upgrade") =>
            {
                Self::RoleUpgrade
            }
            _ => Self::Other,
        }
    }
}

/// The problem of a token in a record.
fn damaged_token(token: &Value) -> Option<&'static str> {
    let Value::Object(fields) = token else { return Some("is not an object") };
    match (fields.get("token"), fields.get("scopes")) {
        (None, _) => Some("has no `token`"),
        (Some(token), _) if !token.is_string() => Some("has a `token` that is not text"),
        (_, Some(scopes)) if !scopes.is_array() => Some("has `scopes` that are not a list"),
        _ => None,
    }
}

/// The platform after an update: its last number is one greater. `None` without a number.
fn next_version(platform: &str) -> Option<String> {
    let end = platform.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = platform[..end].trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let next = platform[start..end].parse::<u32>().ok()?.checked_add(1)?;
    Some(format!("{}{next}{}", &platform[..start], &platform[end..]))
}

/// Describes the `tokens` field of a record without its tokens.
fn tokens(fields: &Map<String, Value>) -> &'static str {
    match fields.get("tokens") {
        None => "`tokens` is missing",
        Some(Value::Object(tokens)) if tokens.is_empty() => "`tokens` is empty",
        Some(Value::Object(tokens)) if tokens.values().any(|token| !token.is_object()) => "`tokens` is damaged",
        Some(Value::Object(_)) => "each token is revoked or belongs to another role",
        Some(_) => "`tokens` is not an object",
    }
}

fn pending(place: &'static str, key: &str, request: &Value, now: i64, found: &mut Vec<Finding>) {
    let what = match request.get("ts").and_then(Value::as_i64) {
        None => "a pending request without a time",
        Some(ts) if now.saturating_sub(ts) > pairing::PENDING_TTL_MS => "a pending request that has expired",
        Some(_) => return,
    };
    found.push(Finding {
        place: place.to_owned(),
        record: Some(key.to_owned()),
        what: what.to_owned(),
        releases: Vec::new(),
    });
}

#[cfg(test)]
mod tests {
    use super::next_version;
    use rstest::rstest;

    #[rstest]
    #[case::last_number("iOS 17.1", Some("iOS 17.2"))]
    #[case::number_in_the_middle("macOS 26.9 (arm64)", Some("macOS 26.9 (arm65)"))]
    #[case::only_a_number("17", Some("18"))]
    #[case::after_a_character_of_several_bytes("iOS\u{a0}17", Some("iOS\u{a0}18"))]
    #[case::no_number("linux", None)]
    #[case::no_room("4294967295", None)]
    fn version_after_update(#[case] platform: &str, #[case] expected: Option<&str>) {
        assert_eq!(next_version(platform).as_deref(), expected);
    }
}
