//! Tests that `explain` gives the approved answer to the first connect of each built-in case, on each release.

use crate::client::Upgrade;
use crate::explain::{
    Client, ClientDescription, ClientDevice, Credential, LoggedRefusal, Preset, SimulatedGateway, Verdict,
};
use crate::observe::snapshot::Library;
use crate::run::bindings::Bindings;
use crate::run::bindings::identities::Identities;
use crate::run::state_dir::seed::Seeder;
use crate::run::state_dir::{self, openclaw_json};
use crate::run::steps::connect;
use crate::scenario::connect as scenario_connect;
use crate::scenario::step::StepKind;
use crate::scenario::{Case, Corpus};
use openclaw_emulator::CheckLine;
use openclaw_emulator::stored_state::StoredState;
use openclaw_model::facts::client::ClientFacts;
use openclaw_model::{Facts, Release, TraceLine, known_releases};
use openclaw_protocol::identity::DeviceKey;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// An arbitrary time. The records of a case are created for this time.
const NOW: i64 = 1_790_000_000_000;

/// A case whose first step is a connect that `explain` supports.
fn simulated(case: &Case, release: Release) -> Option<SimulatedGateway> {
    let scenario = &case.scenario;
    let StepKind::Connect(connect) = &scenario.steps.first()?.kind else { return None };
    if scenario.written_by.is_some() || case.releases().is_some_and(|known| !known.contains(release)) {
        return None;
    }
    if scenario.store.from.is_some() || scenario.stores().any(|store| !store.files.is_empty()) {
        return None;
    }
    let identities = Identities::new(&case.id);
    let bindings = Bindings::new(identities);
    bindings.set_now(NOW);
    let directory = tempfile::tempdir().unwrap();
    let seeder = Seeder { bindings: &bindings, now: NOW, release, own: true };
    state_dir::write(directory.path(), &scenario.store, None, &seeder, state_dir::format(&scenario.store, release))
        .ok()?;
    let configuration = openclaw_json::configuration(&scenario.gateway, &bindings.identities);
    let facts = Facts::of(release).unwrap();
    Some(SimulatedGateway {
        client: client(connect, &bindings, &facts.client)?,
        own: ClientDevice::unknown(),
        facts,
        config: configuration.openclaw_json,
        env: configuration.environment.into_iter().collect(),
        stored: StoredState::read(directory.path()).unwrap().into(),
        own_tokens: Vec::new(),
        sends_own_credentials: false,
        usual_device: None,
        other_client: None,
        now: NOW,
    })
}

pub(super) fn client(step: &scenario_connect::Connect, bindings: &Bindings, release: &ClientFacts) -> Option<Client> {
    let plain = step.proof == scenario_connect::Proof::default() && step.params.is_empty() && step.protocol.is_none();
    let scopes = step.scopes.clone().or_else(|| (step.role.as_deref() == Some("node")).then(Vec::new));
    if !plain || step.caps.is_some() || step.commands.is_some() || step.permissions.is_some() {
        return None;
    }
    let role = step.role.clone().unwrap_or_else(|| "operator".to_owned());
    let key = step.device.name().map(|name| (name.as_str(), bindings.identities.device(name.as_str())));
    let credential = match &step.auth {
        None => Credential::Shared,
        Some(auth) => credential(auth, key.as_ref().map(|(name, _)| *name), &role, bindings)?,
    };
    let upgrade =
        connect::upgrade(Upgrade::default(), step.via, &step.headers, step.origin.as_ref(), step.host.as_ref());
    let cli: Preset = "cli".parse().unwrap();
    let who = key.map_or(ClientDevice::Nobody, |(_, key)| ClientDevice::with_stand_in_key(&key.device_id()));
    let mut client = Client::of(cli, release, who);
    client.id = step.client.id.clone().unwrap_or(client.id);
    client.mode = step.client.mode.clone().unwrap_or(client.mode);
    client.platform = step.client.platform.clone().unwrap_or(client.platform);
    client.family.clone_from(&step.client.device_family);
    client.role = role;
    client.scopes = scopes?;
    client.credential = credential;
    client.peer = connect::peer(step.via).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    client.host = upgrade.host;
    client.origin = upgrade.origin;
    client.headers = upgrade.headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
    Some(client)
}

fn credential(
    credentials: &scenario_connect::Credentials,
    device: Option<&str>,
    role: &str,
    bindings: &Bindings,
) -> Option<Credential> {
    let given = |token: &scenario_connect::DeviceToken| match token {
        scenario_connect::DeviceToken::Last | scenario_connect::DeviceToken::Seeded => {
            Some(Credential::DeviceToken(Some(bindings.seeded_token(device?, role)?)))
        }
        scenario_connect::DeviceToken::Wrong => {
            Some(Credential::DeviceToken(Some(bindings.identities.wrong("device token"))))
        }
        _ => None,
    };
    match credentials {
        scenario_connect::Credentials { token: None, password: None, device_token: None, bootstrap_token: None } => {
            Some(Credential::None)
        }
        scenario_connect::Credentials {
            token: None,
            password: None,
            device_token: Some(token),
            bootstrap_token: None,
        } => given(token),
        scenario_connect::Credentials {
            token: Some(scenario_connect::SharedSecret::Wrong),
            password: None,
            device_token: None,
            bootstrap_token: None,
        } => Some(Credential::Token(Some(bindings.identities.wrong("secret")))),
        scenario_connect::Credentials {
            token: Some(scenario_connect::SharedSecret::Right),
            password: None,
            device_token: None,
            bootstrap_token: None,
        } => Some(Credential::Token(None)),
        scenario_connect::Credentials {
            token: None,
            password: None,
            device_token: None,
            bootstrap_token: Some(scenario_connect::BootstrapToken::Text(text)),
        } => Some(Credential::Bootstrap(text.clone())),
        _ => None,
    }
}

/// The lines of an approved snapshot about the first connect: `hello-ok`, the error, or the close.
fn approved(text: &str) -> Option<Vec<&str>> {
    let lines = text.lines().skip(1).take_while(|line| line.starts_with("  "));
    let lines = lines.filter_map(|line| line.strip_prefix("  <- ")).collect::<Vec<_>>();
    (!lines.is_empty()).then_some(lines)
}

/// Whether a verdict is that of these lines of a snapshot.
fn agrees(verdict: &Verdict, lines: &[&str]) -> bool {
    let first = lines[0];
    match verdict {
        Verdict::LetIn(_) => first.starts_with("hello-ok"),
        Verdict::NoUpgrade { status, .. } => first.starts_with(&format!("HTTP {status}")),
        Verdict::NoStart(_) => false,
        Verdict::Refused { error: None, close: None } => false,
        Verdict::Refused { error, close } => {
            let detail = |name: &str| {
                let details = error.as_ref()?.details.as_ref()?;
                details.get(name)?.as_str().map(|text| format!(" {text}"))
            };
            // A reason with several words is at another position in the line.
            let reason = detail("reason").filter(|reason| !reason.trim().contains(' ')).unwrap_or_default();
            let refusal = error
                .as_ref()
                .map(|error| format!("error {}{}{} ", error.code, detail("code").unwrap_or_default(), reason));
            let close =
                close.as_ref().map(|(code, reason)| format!("close {code} \"{}", reason.get(..12).unwrap_or(reason)));
            let says = |expected: &Option<String>| {
                expected
                    .as_ref()
                    .is_none_or(|expected| lines.iter().any(|line| format!("{line} ").starts_with(expected)))
            };
            says(&refusal) && says(&close) && !first.starts_with("hello-ok")
        }
    }
}

#[test]
fn explanation_matches_snapshot() {
    let (corpus, library) = (Corpus::embedded().unwrap(), Library::built_in().unwrap());
    let (mut compared, mut refused) = (0, 0);
    let mut wrong = BTreeMap::<String, (String, Verdict)>::new();
    for release in known_releases() {
        for case in corpus.cases() {
            let history = library.serving(&case.id, release).unwrap();
            let Some((_, variant)) = history.serving(release) else { continue };
            let (Some(lines), Some(simulated)) = (approved(&variant.text), simulated(case, release)) else { continue };
            let answer = simulated.answer();
            compared += 1;
            refused += usize::from(!matches!(answer.verdict, Verdict::LetIn(_)));
            if !agrees(&answer.verdict, &lines) {
                wrong.insert(format!("{}@{release}", case.id), (lines.join("; "), answer.verdict));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}: {:#?}", wrong.len(), wrong.iter().take(5).collect::<Vec<_>>());
    assert!(compared > 1200 && refused > 400, "{compared} asked, {refused} refused");
}

/// The client that the log of `serve --verbose` describes, on the same gateway.
fn from_log(simulated: &SimulatedGateway, trace: &[TraceLine]) -> (LoggedRefusal, SimulatedGateway) {
    let lines = trace.iter().map(|line| CheckLine::new(0, line).to_string() + "\n").collect::<String>();
    let logged = LoggedRefusal::read_from(lines.as_bytes(), None).unwrap();
    let mut description = ClientDescription::default();
    logged.complete(&mut description, &simulated.config);
    let mut read = simulated.clone();
    let client = &mut read.client;
    (client.host, client.origin, client.headers) = (description.host, description.origin, description.headers);
    client.peer = description.peer.unwrap();
    // If the upgrade is refused, there is no connect.
    if let (Some(role), Some(scopes), Some(platform)) = (description.role, description.scopes, description.platform) {
        (client.role, client.scopes, client.platform) = (role, scopes, platform);
        let device = client.who.key().map_or_else(|| "none".to_owned(), DeviceKey::device_id);
        assert_eq!(description.device, Some(device), "{lines}");
    }
    client.credential = description.credential.unwrap_or(Credential::Shared);
    (logged, read)
}

#[test]
fn log_of_serve_gives_same_answer() {
    let corpus = Corpus::embedded().unwrap();
    let (mut compared, mut wrong) = (0, BTreeMap::new());
    for release in known_releases().step_by(2) {
        for simulated in corpus.cases().iter().filter_map(|case| simulated(case, release)) {
            let answer = simulated.answer();
            if matches!(answer.verdict, Verdict::LetIn(_) | Verdict::NoStart(_)) {
                continue;
            }
            compared += 1;
            let (logged, read) = from_log(&simulated, &answer.trace);
            let found = read.answer();
            if found.verdict != answer.verdict || !logged.agrees(&answer) {
                wrong.insert(format!("{compared}@{release}"), (answer.trace, answer.verdict, found.verdict));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}: {:#?}", wrong.len(), wrong.iter().take(3).collect::<Vec<_>>());
    assert!(compared > 300, "{compared} connects were refused");
}
