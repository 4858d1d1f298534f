//! Tests that the answers to a captured state directory equal those to the original, for the store and settings of each
//! built-in case.

use super::explain::client;
use crate::capture::Capture;
use crate::explain::{Answer, ClientDevice, Credential, SimulatedGateway, StateDirectory, StatePaths, Verdict};
use crate::run::bindings::Bindings;
use crate::run::bindings::identities::Identities;
use crate::run::state_dir::seed::Seeder;
use crate::run::state_dir::{self, openclaw_json};
use crate::scenario::connect::DeviceToken;
use crate::scenario::step::StepKind;
use crate::scenario::{Case, Corpus};
use openclaw_emulator::stored_state::StoredState;
use openclaw_model::{Facts, Release};
use rstest::rstest;
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The time of the capture.
const NOW: i64 = 1_790_000_000_000;
/// The time at which the captured scenario is played.
const LATER: i64 = NOW + 400 * 24 * 3600 * 1000;

/// Writes the state directory of a case and returns its configuration.
fn seeded(case: &Case, release: Release, now: i64, directory: &Path) -> Option<(Value, Bindings)> {
    let bindings = Bindings::new(Identities::new(&case.id));
    bindings.set_now(now);
    let seeder = Seeder { bindings: &bindings, now, release, own: true };
    let store = &case.scenario.store;
    state_dir::write(directory, store, None, &seeder, state_dir::format(store, release)).ok()?;
    let configuration = openclaw_json::configuration(&case.scenario.gateway, &bindings.identities);
    Some((configuration.openclaw_json, bindings))
}

/// A folder for a state directory. It is removed with folders that cannot be written to.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for entry in
            std::fs::read_dir(self.path()).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir())
        {
            let _ = std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(0o700));
        }
    }
}

/// Makes the edits of a captured case: files and folders that the gateway of an unprivileged user cannot use.
fn edit(case: &Case, release: Release, directory: &Path, bindings: &Bindings) {
    let seeder = Seeder { bindings, now: LATER, release, own: true };
    for step in &case.scenario.steps {
        if let StepKind::Edit(store) = &step.kind {
            state_dir::write(directory, store, None, &seeder, state_dir::format(store, release)).unwrap();
        }
    }
}

/// The parts of an answer that a client can distinguish.
fn shown(answer: &Answer) -> String {
    match &answer.verdict {
        Verdict::NoStart(refusal) => format!("exit {}", refusal.exit_code),
        Verdict::NoUpgrade { status, .. } => format!("http {status}"),
        Verdict::LetIn(access) => format!("{access:?} {:?}", answer.announced),
        Verdict::Refused { error, close } => {
            let detail = |name: &str| {
                let details = error.as_ref().and_then(|error| error.details.as_ref());
                details.and_then(|details| details.get(name)).map(Value::to_string)
            };
            let code = error.as_ref().map(|error| error.code.clone());
            // The id of the request differs.
            let close = close.as_ref().map(|(code, reason)| (code, reason.split(" (requestId").next()));
            format!("{code:?} {:?} {:?} {close:?}", detail("code"), detail("reason"))
        }
    }
}

/// Compares each connect of a captured case with the original. Returns the number of connects.
fn compare(case: &Case, release: Release) -> Option<(usize, usize)> {
    let original = Folder::new();
    let (config, _) = seeded(case, release, NOW, original.path())?;
    std::fs::write(original.path().join("openclaw.json"), config.to_string()).unwrap();
    let places = StatePaths { state_dir: Some(original.path().to_owned()), ..StatePaths::default() };
    let capture = Capture::of(&StateDirectory::read(&places).unwrap(), Some(release), &[], NOW).unwrap();
    let text = capture.text();
    let corpus = Corpus::written(Path::new("mine/captured.yaml"), &text);
    let captured = corpus.unwrap_or_else(|errors| panic!("{errors:?}\n{text}")).cases()[0].clone();
    let copy = Folder::new();
    let (config, bindings) = seeded(&captured, release, LATER, copy.path()).unwrap();
    edit(&captured, release, copy.path(), &bindings);
    let steps = captured.scenario.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Connect(connect) => Some(connect),
        _ => None,
    });
    let (mut refused, mut compared) = (0, 0);
    // The store keeps what earlier connects of a device have changed.
    let mut gateways = BTreeMap::new();
    for (connect_step, connect) in steps.zip(&capture.connects) {
        let mut plain = (**connect_step).clone();
        plain.params.clear();
        let facts = Facts::of(release).unwrap();
        let mut client = client(&plain, &bindings, &facts.client).unwrap_or_else(|| panic!("{text}"));
        client.is_page = !connect_step.params.is_empty();
        let token = connect_step.auth.as_ref().and_then(|auth| auth.device_token.as_ref());
        if token == Some(&DeviceToken::Last) {
            // An earlier connect can have brought a new one.
            client.credential = Credential::DeviceToken(None);
        }
        let stored = StoredState::read(copy.path()).unwrap().into();
        let simulated = SimulatedGateway {
            facts,
            config: config.clone(),
            env: Vec::new(),
            stored,
            client,
            own: ClientDevice::unknown(),
            own_tokens: Vec::new(),
            sends_own_credentials: false,
            usual_device: None,
            other_client: None,
            now: LATER,
        };
        let gateway = gateways.entry(&connect.device).or_insert_with(|| simulated.start());
        let answer = simulated.answer_after(gateway);
        assert_eq!(shown(&answer), shown(&connect.answer), "{}@{release}\n{connect_step:?}\n{text}", case.id);
        refused += usize::from(!answer.succeeds());
        compared += 1;
    }
    Some((compared, refused))
}

#[rstest]
fn captured_case_has_same_answers(
    #[values("2026.2.19", "2026.3.31", "2026.4.2", "2026.6.11", "2026.9.6")] release: Release,
) {
    let corpus = Corpus::embedded().unwrap();
    let (mut compared, mut refused) = (0, 0);
    let mut seen = Vec::new();
    for case in corpus.cases() {
        let scenario = &case.scenario;
        let parts = (&scenario.store, &scenario.gateway);
        if scenario.store.from.is_some() || seen.contains(&parts) {
            continue;
        }
        seen.push(parts);
        if let Some((of_case, of_refused)) = compare(case, release) {
            compared += of_case;
            refused += of_refused;
        }
    }
    assert!(compared > 100 && refused > 20, "{compared} compared, {refused} refused");
}
