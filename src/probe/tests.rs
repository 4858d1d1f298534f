//! The embedded gateway at each known release is recognized.

use super::answer::Decision;
use super::*;
use crate::gateway::{Gateway, GatewaySpec, Guard, Launch, Preparation};
use crate::output_format::OutputFormat;
use openclaw_model::{Release, releases};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

const TOKEN: &str = "the-token-of-this-gateway";

/// The portrait of an embedded gateway with this `auth`, and the files in its state directory before and after.
async fn report(release: Release, auth: Value, settings: &Settings) -> (ProbeReport, [BTreeMap<String, u64>; 2]) {
    let run_directory = RunDirectory::in_memory(&Guard::absent()).unwrap();
    let sandbox = run_directory.sandbox().unwrap();
    let spec = GatewaySpec::Embedded(Some(release));
    let gateway = Gateway::prepare(&spec, &Preparation::default(), &|_| {}).await.unwrap();
    let launch = Launch {
        sandbox: &sandbox,
        state_dir: None,
        openclaw_json: json!({ "gateway": { "mode": "local", "bind": "loopback", "auth": auth } }),
        environment: BTreeMap::new(),
        clock: None,
        trace: None,
        deadline: Instant::now() + Duration::from_secs(60),
    };
    let mut running = gateway.launch(launch).await.unwrap();
    let before = files(&sandbox.state_dir());
    let mut report = probe(&running, settings).await;
    running.stop(Instant::now() + Duration::from_secs(60)).await.unwrap();
    let after = files(&sandbox.state_dir());
    compare(&mut report, settings, &run_directory).await.unwrap();
    (report, [before, after])
}

/// The default wait recognizes the releases with the shortest handshake timeout. The wait in the documentation recognizes all
/// of them.
#[test]
fn idle_wait_and_handshake_timeout() {
    let timeouts = releases::known_releases()
        .map(|release| Duration::from_millis(openclaw_model::Facts::of(release).unwrap().handshake.timeout_ms));
    let (shortest, longest) = timeouts
        .fold((Duration::MAX, Duration::ZERO), |(least, most), timeout| (least.min(timeout), most.max(timeout)));
    assert!(shortest < SILENCE_WAIT && SILENCE_WAIT < longest, "{shortest:?} {SILENCE_WAIT:?} {longest:?}");
    let page = include_str!("../../docs/probe.md");
    let recommended = page.split("`--idle-wait ").nth(1).and_then(|rest| rest.split('`').next()?.parse().ok()).unwrap();
    assert!(
        longest < Duration::from_secs(recommended),
        "docs/probe.md: --idle-wait {recommended}, but a release waits {longest:?}"
    );
}

/// The records in the JSON documents below a directory, by file.
fn files(directory: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.extension() {
                None if path.is_dir() => folders.push(path),
                Some(extension) if extension == "json" => {
                    let json = serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap()).unwrap_or_default();
                    let records = json.as_object().map_or(0, |object| object.len() as u64);
                    found.insert(path.display().to_string(), records);
                }
                _ => {}
            }
        }
    }
    found
}

fn settings(secret: Secret, writes: bool) -> Settings {
    // The silent client is asked about elsewhere: an embedded gateway would need its 15 seconds here.
    Settings { silence: Duration::from_millis(50), answer: Duration::from_secs(30), ..Settings::new(secret, writes) }
}

fn token() -> Value {
    json!({ "mode": "token", "token": TOKEN })
}

#[tokio::test]
async fn recognizes_every_known_release() {
    let mut named = BTreeMap::new();
    for release in releases::known_releases() {
        let settings = settings(Secret::Token(TOKEN.to_owned()), true);
        let (outcome, _) = report(release, token(), &settings).await;
        let own = outcome.reference(release).unwrap().similarity;
        assert_eq!(own.equal, own.of, "{release}: {}", outcome.write("x", None, OutputFormat::Plain));
        // The device of the questions about pairing is paired: its proof is one that the release accepts.
        let new_device = outcome.answer("new-device").unwrap();
        assert_eq!(new_device.decision, Decision::Granted, "{release}: {new_device:?}");
        // 2026.2.19 takes a device's token only as `token`.
        let by_token = outcome.answer("device-token").unwrap().decision == Decision::Granted;
        assert_eq!(by_token, release > Release::new(2026, 2, 19), "{release}");
        assert!(own.of > 60 && outcome.closest().contains(&release), "{release}: {}", outcome.verdict());
        named.insert(release, outcome.closest());
    }
    let alike = named.values().collect::<BTreeSet<_>>();
    // 2026.3.28, 2026.3.31 and 2026.4.1 differ only in what they make of older records.
    assert!(alike.len() >= 12, "{named:?}");
}

#[tokio::test]
async fn writes_nothing_without_permission() {
    for release in ["2026.2.19", "2026.4.2", "2026.6.11"] {
        let release = release.parse().unwrap();
        let careful = settings(Secret::Token(TOKEN.to_owned()), false);
        let (outcome, [before, after]) = report(release, token(), &careful).await;
        assert_eq!(before, after, "{release}");
        assert!(outcome.closest().contains(&release), "{}", outcome.verdict());
        assert!(outcome.answer("new-device").is_none() && outcome.answer("forged").is_some());
        // A gateway that admits every client pairs every device with a valid proof, so this question is skipped, too.
        let (outcome, [before, after]) =
            report(release, json!({ "mode": "none" }), &settings(Secret::Unknown, false)).await;
        assert_eq!(before, after, "{release}");
        assert!(outcome.answer("proof-v3").is_none() && outcome.answer("no-secret").is_some());
        // The comparison of files can fail.
        let writes = settings(Secret::Token(TOKEN.to_owned()), true);
        let (_, [before, after]) = report(release, token(), &writes).await;
        assert_ne!(before, after, "{release}");
    }
}

#[tokio::test]
async fn recognizes_release_with_password_or_no_secret() {
    let release = "2026.4.2".parse().unwrap();
    let password = settings(Secret::Password(TOKEN.to_owned()), false);
    let (outcome, _) = report(release, json!({ "mode": "password", "password": TOKEN }), &password).await;
    let own = outcome.reference(release).unwrap().similarity;
    assert!(own.equal == own.of && own.of > 50, "{}", outcome.verdict());
    let (outcome, _) = report(release, token(), &settings(Secret::Unknown, false)).await;
    let own = outcome.reference(release).unwrap().similarity;
    assert!(own.equal == own.of && own.of > 35, "{}", outcome.verdict());
}
