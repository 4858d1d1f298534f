//! Plays cases that share a gateway, one after another.
//!
//! All their records, and the records of sentinels that no case uses, are written before the gateway starts. Each case
//! observes the records that were seeded for it and the records that appeared while it was played. If a record of
//! another owner changes, or if the gateway fails, no observation of the group counts, and its cases are played alone.

use super::eligibility::GROUP_SECRETS;
use super::tenancy::{IsolationViolation, RecordOwner, Tenancy};
use crate::gateway::{Exit, Gateway, Sandbox};
use crate::judge::Verdict;
use crate::observe::{Evidence, ObservedStore, normalise_redacted};
use crate::run::bindings::Bindings;
use crate::run::bindings::identities::Identities;
use crate::run::breaker::GatewayFailure;
use crate::run::case::{self, CaseResult, failed_start};
use crate::run::redaction;
use crate::run::run_state::RunState;
use crate::run::state_dir::seed::Seeder;
use crate::run::state_dir::{self, StateDirError};
use crate::run::steps::context::{self, CaseContext, CaseError, GatewayStart, SharedGateway, first_moment};
use crate::run::steps::frames::Frames;
use crate::run::tenant_view::{self, Records};
use crate::scenario::Case;
use crate::scenario::store::Store;
use openclaw_model::Release;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use untrusted_data::Redactions;
use untrusted_data::limits::CASE_BYTES;

/// The results of a group: the observation of each case, in order. `None` for a case that was not played to its end.
pub(crate) type GroupResults = Vec<Option<CaseResult>>;

/// The reason why no observation of a group counts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroupError {
    /// The gateway did not start or stopped answering.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The gateway exited on its own.
    #[error("the shared gateway exited unexpectedly ({0})")]
    Ended(Exit),
    /// A document of the store is not an object of records.
    #[error("the store of the shared gateway contains something other than records")]
    Store,
    /// A record that no case may change has changed.
    #[error(transparent)]
    IsolationViolation(#[from] IsolationViolation),
}

struct Tenant<'a> {
    case: &'a Case,
    bindings: Bindings,
}

/// The cases that share a gateway.
struct TenantGroup<'a> {
    gateway: &'a Gateway,
    release: Release,
    shared: &'a RunState<'a>,
    tenancy: Tenancy,
}

/// Plays the cases of a group on one gateway.
pub(crate) async fn play(
    cases: &[&Case],
    gateway: &Gateway,
    release: Release,
    shared: &RunState<'_>,
) -> Result<GroupResults, GroupError> {
    let mut group = TenantGroup { gateway, release, shared, tenancy: Tenancy::default() };
    let sandbox = shared.run_directory.sandbox().map_err(CaseError::Disk)?;
    let started_at = first_moment(gateway);
    let tenants = group.fill(cases, &sandbox, started_at)?;
    let shared_gateway = group.start(cases, sandbox, started_at).await?;
    let played = group.run_group(tenants, shared_gateway).await;
    match &played {
        Err(GroupError::Case(error)) => GatewayFailure::of(error).iter().for_each(|dead| shared.breaker.failed(dead)),
        Err(error @ GroupError::Ended(_)) => shared.breaker.failed(&GatewayFailure::Ended(error.to_string())),
        Ok(_) | Err(_) => {}
    }
    played
}

impl TenantGroup<'_> {
    /// Writes the records of all cases.
    fn fill<'c>(&mut self, cases: &[&'c Case], sandbox: &Sandbox, now: i64) -> Result<Vec<Tenant<'c>>, GroupError> {
        let mut tenants = Vec::new();
        for (number, case) in cases.iter().enumerate() {
            let bindings = self.write(&case.id, &case.scenario.store, sandbox, now, RecordOwner::Tenant(number))?;
            tenants.push(Tenant { case, bindings });
        }
        self.write("clawcheck bystanders", &sentinels()?, sandbox, now, RecordOwner::Sentinel)?;
        Ok(tenants)
    }

    fn write(
        &mut self,
        name: &str,
        store: &Store,
        sandbox: &Sandbox,
        now: i64,
        owner: RecordOwner,
    ) -> Result<Bindings, CaseError> {
        let bindings = Bindings::new(Identities::in_group(name, GROUP_SECRETS));
        bindings.set_now(now);
        let seeder = Seeder { bindings: &bindings, now, release: self.release, own: true };
        for (document, records) in seeder.records(store).map_err(StateDirError::Symbol)? {
            self.tenancy.set_owner(document, records.into_iter().map(|(key, _)| key), owner);
        }
        // What has files of its own does not share a gateway.
        state_dir::write(&sandbox.state_dir(), store, None, &seeder, state_dir::format(store, seeder.release))?;
        self.tenancy.set_devices(owner, devices(&bindings));
        Ok(bindings)
    }

    async fn start(&self, cases: &[&Case], sandbox: Sandbox, started_at: i64) -> Result<SharedGateway, GroupError> {
        let Some(first) = cases.first() else { return Err(GroupError::Store) };
        self.shared.booted(1);
        let start = GatewayStart { sandbox: &sandbox, clock: started_at, timeouts: &self.shared.timeouts, trace: None };
        let identities = Identities::in_group(&first.id, GROUP_SECRETS);
        match start.start_gateway(self.gateway, &first.scenario.gateway, &identities).await {
            Ok(running) => {
                self.shared.breaker.ready(&first.scenario.gateway);
                self.shared.ready();
                Ok(SharedGateway { sandbox, running, started_at })
            }
            Err(error) => {
                let mut secrets = Redactions::default();
                identities.secrets().iter().for_each(|(name, secret)| secrets.add(secret, &format!("secret {name}")));
                self.shared.keep_secret(&secrets);
                failed_start::failed(&error, &first.scenario.gateway, self.gateway, self.shared).await;
                Err(CaseError::Launch(error).into())
            }
        }
    }

    async fn run_group(
        &mut self,
        tenants: Vec<Tenant<'_>>,
        mut shared_gateway: SharedGateway,
    ) -> Result<GroupResults, GroupError> {
        let at_start = records(&shared_gateway)?;
        self.tenancy.check_sentinels(&at_start)?;
        let mut results = GroupResults::new();
        for (number, tenant) in tenants.into_iter().enumerate() {
            if let Some(exit) = shared_gateway.running.exited() {
                return Err(GroupError::Ended(exit));
            }
            self.shared.playing(&tenant.case.id);
            let settings = &tenant.case.scenario.gateway;
            let seen;
            (seen, shared_gateway) = self.play_tenant(number, tenant, shared_gateway, &at_start).await?;
            // Report this here and not after all cases: a gateway that stops answering now has answered before.
            self.shared.breaker.played(settings);
            results.push(seen);
        }
        self.tenancy.check(&at_start, &records(&shared_gateway)?, None)?;
        if let Some(exit) = shared_gateway.running.exited() {
            return Err(GroupError::Ended(exit));
        }
        let _ = context::stop(&mut shared_gateway.running, &self.shared.timeouts).await;
        Ok(results)
    }

    /// Plays one case of the group.
    async fn play_tenant(
        &mut self,
        number: usize,
        tenant: Tenant<'_>,
        shared_gateway: SharedGateway,
        at_start: &Records,
    ) -> Result<(Option<CaseResult>, SharedGateway), GroupError> {
        let began = Instant::now();
        let case = tenant.case;
        let before = files_of(&shared_gateway);
        let log_before = shared_gateway.running.logs();
        let mut context =
            CaseContext::on_shared_gateway(case, self.gateway, self.release, tenant.bindings, shared_gateway);
        context.timeouts = self.shared.timeouts.clone();
        context.frames = Arc::new(Frames::new(self.shared.options.schema.clone()));
        context.budget = self.shared.received.part("one case", CASE_BYTES);
        let played = context.perform_steps().await;
        let after = context.files();
        self.tenancy.set_devices(RecordOwner::Tenant(number), devices(&context.bindings));
        let mut redactions = case::redactions(&context);
        redactions.extend(&self.shared.options.secrets);
        let checked = tenant_view::records(&after)
            .ok_or(GroupError::Store)
            .and_then(|after| Ok(self.tenancy.check(at_start, &after, Some((number, &case.id)))?));
        if checked.is_err() || played.is_err() {
            self.shared.keep_secret(&redactions);
        }
        checked?;
        let seen = match played {
            Err(error @ (CaseError::Silent(_) | CaseError::TooSlow { .. })) => return Err(error.into()),
            Err(_) => None,
            Ok(mut steps) => {
                self.shared.note_versions(case, &steps);
                tenant_view::retain_received(&mut steps, &|id: &str| !self.tenancy.belongs_to_another(number, id));
                let evidence = Evidence {
                    known: context.known(),
                    started_at: context.started_at(),
                    steps_began: context.steps_began().to_vec(),
                    steps,
                    // A case that shares a gateway has seeded no raw files.
                    before: ObservedStore::default(),
                    after: Some(self.tenancy.view(number, &before, &after)),
                };
                let mut seen = self.result(case, &context, &evidence, &redactions, &log_before);
                seen.report.duration = began.elapsed();
                // If there is no memory for a case until the others are done, the case is played alone.
                seen.is_kept(self.shared).then_some(seen)
            }
        };
        let ended = || GroupError::Ended(Exit { code: None, signal: None });
        Ok((seen, context.end_sharing().await.ok_or_else(ended)?))
    }

    /// The result of a case, without secrets. `log_before` is the log of the gateway before the case.
    fn result(
        &self,
        case: &Case,
        context: &CaseContext<'_>,
        evidence: &Evidence,
        redactions: &Redactions,
        log_before: &str,
    ) -> CaseResult {
        let observation = normalise_redacted(evidence, &|text| redactions.apply_known(text));
        let log = context.running().map(|running| running.logs()).unwrap_or_default();
        let log = log.strip_prefix(log_before).unwrap_or(&log);
        let frames = context.frames.findings(redactions);
        let broken = !frames.is_empty();
        let mut seen = CaseResult { observation, frames, report: case::blank(case, self.shared.options), kept: None };
        seen.report.frames = context.frames.tally();
        if self.shared.options.trace || broken || seen.verdict(case, self.release, self.shared) != Verdict::Conforms {
            case::keep_records(&mut seen.report, context, log);
        }
        redaction::case(&mut seen.report, redactions);
        seen
    }
}

/// An operator and a node that were paired an hour ago and never connect.
fn sentinels() -> Result<Store, CaseError> {
    let store = json!({ "paired": {
        "operator": { "scopes": ["operator.read"], "age": "1h" },
        "node": { "role": "node", "age": "1h", "client": { "id": "node-host", "mode": "node" }, "tokens": { "node": { "revoked": true } } },
    }});
    serde_json::from_value(store).map_err(|error| StateDirError::Symbol(error.to_string()).into())
}

fn devices(bindings: &Bindings) -> BTreeSet<String> {
    bindings.identities.device_names().into_iter().map(|(id, _)| id).collect()
}

fn files_of(shared_gateway: &SharedGateway) -> ObservedStore {
    let directory =
        shared_gateway.running.state_dir().map_or_else(|| shared_gateway.sandbox.state_dir(), ToOwned::to_owned);
    state_dir::read(&directory, &Store::default())
}

fn records(shared_gateway: &SharedGateway) -> Result<Records, GroupError> {
    tenant_view::records(&files_of(shared_gateway)).ok_or(GroupError::Store)
}
