//! Cases that share a gateway, played one after the other.
//!
//! All their records are written before it starts, beside those of bystanders whom nobody touches. What a case sees of the
//! store is what was seeded for it and what came while it was played. Where somebody else's record is another one after it, or
//! the gateway fails, nothing that the group has seen counts: its cases are played alone.

use super::Shared;
use super::breaker::Dead;
use super::case::{self, Seen};
use super::cast::Cast;
use super::files::{self, FilesError};
use super::frames::Frames;
use super::knowledge::Knowledge;
use super::own::{self, Records};
use super::owners::{Owner, Owners, Trespass};
use super::seed::Seeder;
use super::share::HOUSEHOLD;
use super::shown;
use super::stage::{self, Boot, House, Stage, StageError, first_moment};
use super::start;
use crate::gateway::{Exit, Gateway, Place};
use crate::judge::Verdict;
use crate::observe::{Evidence, StoreFiles, normalise_redacted};
use crate::scenario::Case;
use crate::scenario::store::Store;
use openclaw_model::Release;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use untrusted_data::Redactions;
use untrusted_data::limits::CASE_BYTES;

/// What became of a group: what each of its cases saw, in their order. `None` where one could not be played to its end.
pub(super) type Sights = Vec<Option<Seen>>;

/// Why nothing counts that a group has seen.
#[derive(Debug, thiserror::Error)]
pub(super) enum GroupError {
    /// The gateway did not start, or fell silent.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// It ended by itself.
    #[error("the shared gateway ended by itself, with {0}")]
    Ended(Exit),
    /// A document of the store is no object of records.
    #[error("the store of the shared gateway holds something else than records")]
    Store,
    /// A record that nobody may touch is another one.
    #[error(transparent)]
    Trespass(#[from] Trespass),
}

struct Guest<'a> {
    case: &'a Case,
    knowledge: Knowledge,
}

/// Those who share a gateway.
struct Party<'a> {
    gateway: &'a Gateway,
    release: Release,
    shared: &'a Shared<'a>,
    owners: Owners,
}

/// Plays the cases of a group on one gateway.
pub(super) async fn play(
    cases: &[&Case],
    gateway: &Gateway,
    release: Release,
    shared: &Shared<'_>,
) -> Result<Sights, GroupError> {
    let mut party = Party { gateway, release, shared, owners: Owners::default() };
    let place = shared.workspace.place().map_err(StageError::Disk)?;
    let started_at = first_moment(gateway);
    let guests = party.fill(cases, &place, started_at)?;
    let house = party.start(cases, place, started_at).await?;
    let played = party.entertain(guests, house).await;
    match &played {
        Err(GroupError::Stage(error)) => Dead::of(error).iter().for_each(|dead| shared.breaker.failed(dead)),
        Err(error @ GroupError::Ended(_)) => shared.breaker.failed(&Dead::Ended(error.to_string())),
        Ok(_) | Err(_) => {}
    }
    played
}

impl Party<'_> {
    /// Writes everybody's records.
    fn fill<'c>(&mut self, cases: &[&'c Case], place: &Place, now: i64) -> Result<Vec<Guest<'c>>, GroupError> {
        let mut guests = Vec::new();
        for (number, case) in cases.iter().enumerate() {
            let knowledge = self.write(&case.id, &case.scenario.store, place, now, Owner::Guest(number))?;
            guests.push(Guest { case, knowledge });
        }
        self.write("clawcheck bystanders", &bystanders()?, place, now, Owner::Bystander)?;
        Ok(guests)
    }

    fn write(
        &mut self,
        name: &str,
        store: &Store,
        place: &Place,
        now: i64,
        owner: Owner,
    ) -> Result<Knowledge, StageError> {
        let knowledge = Knowledge::new(Cast::in_household(name, HOUSEHOLD));
        knowledge.set_now(now);
        let seeder = Seeder { knowledge: &knowledge, now, release: self.release, own: true };
        for (document, records) in seeder.records(store).map_err(FilesError::Symbol)? {
            self.owners.own(document, records.into_iter().map(|(key, _)| key), owner);
        }
        // What has files of its own does not share a gateway.
        files::write(&place.state_dir(), store, None, &seeder, files::format(store, seeder.release))?;
        self.owners.know(owner, devices(&knowledge));
        Ok(knowledge)
    }

    async fn start(&self, cases: &[&Case], place: Place, started_at: i64) -> Result<House, GroupError> {
        let Some(first) = cases.first() else { return Err(GroupError::Store) };
        self.shared.booted(1);
        let boot = Boot { place: &place, clock: started_at, timeouts: &self.shared.timeouts };
        let cast = Cast::in_household(&first.id, HOUSEHOLD);
        match boot.of(self.gateway, &first.scenario.gateway, &cast).await {
            Ok(running) => {
                self.shared.breaker.ready(&first.scenario.gateway);
                self.shared.ready();
                Ok(House { place, running, started_at })
            }
            Err(error) => {
                let mut secrets = Redactions::default();
                cast.secrets().iter().for_each(|(name, secret)| secrets.add(secret, &format!("secret {name}")));
                self.shared.keep_secret(&secrets);
                start::failed(&error, &first.scenario.gateway, self.gateway, self.shared).await;
                Err(StageError::Launch(error).into())
            }
        }
    }

    async fn entertain(&mut self, guests: Vec<Guest<'_>>, mut house: House) -> Result<Sights, GroupError> {
        let at_start = records(&house)?;
        self.owners.check_bystanders(&at_start)?;
        let mut sights = Sights::new();
        for (number, guest) in guests.into_iter().enumerate() {
            if let Some(exit) = house.running.exited() {
                return Err(GroupError::Ended(exit));
            }
            self.shared.playing(&guest.case.id);
            let settings = &guest.case.scenario.gateway;
            let seen;
            (seen, house) = self.receive(number, guest, house, &at_start).await?;
            // Not only when all are done: a gateway that falls silent now has answered before.
            self.shared.breaker.played(settings);
            sights.push(seen);
        }
        self.owners.check(&at_start, &records(&house)?, None)?;
        if let Some(exit) = house.running.exited() {
            return Err(GroupError::Ended(exit));
        }
        let _ = stage::stop(&mut house.running, &self.shared.timeouts).await;
        Ok(sights)
    }

    /// Plays one case.
    async fn receive(
        &mut self,
        number: usize,
        guest: Guest<'_>,
        house: House,
        at_start: &Records,
    ) -> Result<(Option<Seen>, House), GroupError> {
        let began = Instant::now();
        let case = guest.case;
        let before = files_of(&house);
        let log_before = house.running.logs();
        let mut stage = Stage::visiting(case, self.gateway, self.release, guest.knowledge, house);
        stage.timeouts = self.shared.timeouts.clone();
        stage.frames = Arc::new(Frames::new(self.shared.options.schema.clone()));
        stage.budget = self.shared.heard.part("one case", CASE_BYTES);
        let played = stage.perform_steps().await;
        let after = stage.files();
        self.owners.know(Owner::Guest(number), devices(&stage.knowledge));
        let mut redactions = case::redactions(&stage);
        redactions.extend(&self.shared.options.secrets);
        let checked = own::records(&after)
            .ok_or(GroupError::Store)
            .and_then(|after| Ok(self.owners.check(at_start, &after, Some((number, &case.id)))?));
        if checked.is_err() || played.is_err() {
            self.shared.keep_secret(&redactions);
        }
        checked?;
        let seen = match played {
            Err(error @ (StageError::Silent(_) | StageError::TooSlow { .. })) => return Err(error.into()),
            Err(_) => None,
            Ok(mut steps) => {
                own::hear(&mut steps, &|id: &str| !self.owners.is_anothers(number, id));
                let evidence = Evidence {
                    known: stage.known(),
                    started_at: stage.started_at(),
                    steps_began: stage.steps_began().to_vec(),
                    steps,
                    // Who shares has seeded no file whose bytes could be compared.
                    before: StoreFiles::new(),
                    after: Some(self.owners.view(number, &before, &after)),
                };
                let observation = normalise_redacted(&evidence, &|text| redactions.apply_known(text));
                let log = stage.running().map(|running| running.logs()).unwrap_or_default();
                let log = log.strip_prefix(&log_before).unwrap_or(&log);
                let frames = stage.frames.findings(&redactions);
                let broken = !frames.is_empty();
                let mut seen = Seen { observation, frames, report: case::blank(case, self.shared.options), kept: None };
                seen.report.frames = stage.frames.tally();
                if self.shared.options.trace
                    || broken
                    || seen.verdict(case, self.release, self.shared) != Verdict::Conforms
                {
                    case::keep_records(&mut seen.report, &stage, log);
                }
                shown::case(&mut seen.report, &redactions);
                seen.report.duration = began.elapsed();
                // One for which there is no room until the others are done is played alone then.
                seen.is_kept(self.shared).then_some(seen)
            }
        };
        let ended = || GroupError::Ended(Exit { code: None, signal: None });
        Ok((seen, stage.leave().await.ok_or_else(ended)?))
    }
}

/// An operator and a node that were paired an hour ago and never come.
fn bystanders() -> Result<Store, StageError> {
    let store = json!({ "paired": {
        "operator": { "scopes": ["operator.read"], "age": "1h" },
        "node": { "role": "node", "age": "1h", "client": { "id": "node-host", "mode": "node" }, "tokens": { "node": { "revoked": true } } },
    }});
    serde_json::from_value(store).map_err(|error| FilesError::Symbol(error.to_string()).into())
}

fn devices(knowledge: &Knowledge) -> BTreeSet<String> {
    knowledge.cast.device_names().into_iter().map(|(id, _)| id).collect()
}

fn files_of(house: &House) -> StoreFiles {
    let directory = house.running.state_dir().map_or_else(|| house.place.state_dir(), ToOwned::to_owned);
    files::read(&directory, &Store::default())
}

fn records(house: &House) -> Result<Records, GroupError> {
    own::records(&files_of(house)).ok_or(GroupError::Store)
}
