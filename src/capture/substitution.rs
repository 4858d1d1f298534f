//! A state directory or a configuration in place of those of a case.

use super::Capture;
use crate::scenario::gateway::GatewaySettings;
use crate::scenario::store::Store;
use crate::scenario::{Case, Corpus, ScenarioErrors};
use std::path::Path;

/// The store and the settings of a capture, for other cases.
pub(crate) struct Substitution {
    store: Option<Store>,
    settings: Option<GatewaySettings>,
}

impl Substitution {
    /// The store and the settings of a captured state directory, as far as `store` and `settings` select them.
    ///
    /// # Errors
    /// The captured scenario exceeds the maximum size of a scenario.
    pub(crate) fn of(capture: &Capture, store: bool, settings: bool) -> Result<Self, ScenarioErrors> {
        let corpus = Corpus::written(Path::new("state/directory.yaml"), &capture.text())?;
        let scenario = corpus.cases().first().map(|case| case.scenario.clone());
        let (of_store, of_settings) = scenario.map(|scenario| (scenario.store, scenario.gateway)).unzip();
        Ok(Self { store: of_store.filter(|_| store), settings: of_settings.filter(|_| settings) })
    }

    /// The same case with this store and these settings.
    pub(crate) fn apply(&self, case: &Case) -> Case {
        let mut case = case.clone();
        if let Some(store) = &self.store {
            case.scenario.store = store.clone();
        }
        if let Some(settings) = &self.settings {
            case.scenario.gateway = settings.clone();
        }
        case
    }
}
