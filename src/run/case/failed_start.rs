//! Evaluates a failed start: the gateway refused its configuration, the gateway does not work at all, or neither is
//! known.

use super::refused_config;
use crate::gateway::{Gateway, LaunchError};
use crate::run::bindings::identities::Identities;
use crate::run::breaker::FailedStartAction;
use crate::run::run_state::RunState;
use crate::run::state_dir::openclaw_json;
use crate::run::steps::context::{self, GatewayStart, first_moment};
use crate::scenario::gateway::GatewaySettings;
use untrusted_data::Redactions;

/// The case name from which the secrets of the default configuration are derived.
const PLAIN: &str = "clawcheck starts the gateway with the default configuration";

/// The reason why cases with these settings are not applicable, if the log shows that the gateway refused its
/// configuration.
pub(crate) fn not_applicable(error: &LaunchError, settings: &GatewaySettings) -> Option<String> {
    match error {
        // A gateway that refuses the default configuration cannot play anything, which is a failure and not a refusal.
        LaunchError::Exited { log, .. } if !openclaw_json::is_plain(settings) => {
            refused_config::by_log(&log.0).map(|refused| format!("the gateway refuses {refused}"))
        }
        _ => None,
    }
}

/// Reports a start that failed for a reason other than its configuration to the breaker. If the breaker asks for it,
/// starts the gateway with the default configuration.
pub(crate) async fn failed(error: &LaunchError, settings: &GatewaySettings, gateway: &Gateway, shared: &RunState<'_>) {
    if not_applicable(error, settings).is_some()
        || shared.breaker.start_failed(error, settings) == FailedStartAction::Continue
    {
        return;
    }
    let started = plain(gateway, shared).await;
    shared.breaker.plain(started.as_ref().copied());
}

/// Starts the gateway with the default configuration and an empty store, and stops it.
async fn plain(gateway: &Gateway, shared: &RunState<'_>) -> Result<(), LaunchError> {
    let identities = Identities::new(PLAIN);
    let mut secrets = Redactions::default();
    identities.secrets().iter().for_each(|(name, secret)| secrets.add(secret, &format!("secret {name}")));
    shared.keep_secret(&secrets);
    let sandbox = shared.run_directory.sandbox().map_err(|error| LaunchError::Harness(error.to_string()))?;
    shared.booted(1);
    let start =
        GatewayStart { sandbox: &sandbox, clock: first_moment(gateway), timeouts: &shared.timeouts, trace: None };
    let mut running = start.start_gateway(gateway, &GatewaySettings::default(), &identities).await?;
    // The cases test how the gateway stops.
    let _ = context::stop(&mut running, &shared.timeouts).await;
    Ok(())
}
