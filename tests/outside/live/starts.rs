//! A real gateway starts, answers and stops.

use clawcheck::internal::{Connection, Incoming, Transcript};
use clawcheck::{Capability, Gateway, GatewaySpec, Guard, Launch, Preparation, RunDirectory};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

fn gateways() -> Vec<GatewaySpec> {
    let named = std::env::var("CLAWCHECK_LIVE").expect("CLAWCHECK_LIVE names the gateways");
    named.split(',').filter(|name| !name.is_empty()).map(|name| name.parse().unwrap()).collect()
}

fn within(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[tokio::test]
#[ignore = "needs real gateways: CLAWCHECK_LIVE"]
async fn real_gateway_starts_and_stops() {
    for spec in gateways() {
        let guard = Guard::of_program(env!("CARGO_BIN_EXE_clawcheck").into());
        let run_directory = RunDirectory::new(&guard).unwrap();
        let sandbox = run_directory.sandbox().unwrap();
        let preparation = Preparation { guard: guard.clone(), ..Preparation::default() };
        let gateway = Gateway::prepare(&spec, &preparation, &|_| {}).await.unwrap();
        let launch = || Launch {
            sandbox: &sandbox,
            state_dir: None,
            openclaw_json: json!({"gateway": {"auth": {"mode": "token", "token": "t0ken"}}}),
            environment: BTreeMap::new(),
            clock: None,
            trace: None,
            deadline: within(120),
        };
        for _ in 0..2 {
            let mut running = gateway.launch(launch()).await.unwrap();
            let recorder = Transcript::new().recorder("live");
            let link = running.link(None).unwrap();
            let mut connection = Connection::open(link, &running.upgrade(), recorder, within(20)).await.unwrap();
            if gateway.profile().can(Capability::Challenge) {
                let first = connection.next(within(20)).await;
                assert!(
                    matches!(&first, Incoming::Text(frame) if frame.event() == Some("connect.challenge")),
                    "{first:?}"
                );
            }
            // Up to 2026.4.1, a gateway that stops waits for every client that has not connected yet.
            connection.abort();
            let exit = running.stop(within(20)).await.unwrap();
            assert_ne!(exit.signal, Some(9), "{spec} had to be killed: {}", running.logs());
        }
        let directory = sandbox.root().to_owned();
        drop(sandbox);
        assert!(!directory.exists());
    }
}
