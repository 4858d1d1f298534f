//! The gateways on which remedies are tried, and the executor of the commands.

use clawcheck::{Gateway, GatewaySpec, Guard, Launch, Preparation, RunDirectory, Running, Sandbox};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The executor of an `openclaw` command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// The real command line of the release.
    Cli,
    /// A paired device with every scope, which calls the method of the command.
    Client,
}

/// A gateway that can be started on a state directory.
pub(crate) struct StartableGateway {
    pub release: String,
    pub operator: Operator,
    gateway: Gateway,
    run_directory: RunDirectory,
}

impl StartableGateway {
    pub(crate) async fn new(spec: &str, release: &str, operator: Operator) -> Self {
        let spec: GatewaySpec = spec.parse().unwrap();
        let guard = Guard::of_program(env!("CARGO_BIN_EXE_clawcheck").into());
        let run_directory = RunDirectory::new(&guard).unwrap();
        let gateway = Gateway::prepare(&spec, &Preparation { guard, ..Preparation::default() }, &|_| {}).await.unwrap();
        Self { release: release.to_owned(), operator, gateway, run_directory }
    }

    pub(crate) fn sandbox(&self) -> Sandbox {
        self.run_directory.sandbox().unwrap()
    }

    /// Starts the gateway on a state directory, with the `openclaw.json` in it.
    ///
    /// # Errors
    ///
    /// The reason why it does not start.
    pub(crate) async fn start(&self, sandbox: &Sandbox, state: &Path) -> Result<Running, String> {
        let config = std::fs::read(state.join("openclaw.json")).unwrap();
        let config: Value = serde_json::from_slice(&config).unwrap();
        let launch = Launch {
            sandbox,
            state_dir: Some(state.to_owned()),
            openclaw_json: config,
            environment: BTreeMap::new(),
            clock: None,
            trace: None,
            deadline: super::client::within(120),
        };
        self.gateway.launch(launch).await.map_err(|error| error.to_string())
    }
}
