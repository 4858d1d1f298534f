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
use super::stage::{Boot, House, Patience, Stage, StageError, first_moment};
use crate::gateway::{Exit, Gateway, Place};
use crate::judge::Verdict;
use crate::limits::CASE_BYTES;
use crate::observe::{Evidence, StoreFiles, normalise};
use crate::rules::Release;
use crate::scenario::Case;
use crate::scenario::store::Store;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use tokio::time::Instant as Deadline;

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
    patience: Patience,
    owners: Owners,
}

/// Plays the cases of a group on one gateway.
pub(super) async fn play(
    cases: &[&Case],
    gateway: &Gateway,
    release: Release,
    shared: &Shared<'_>,
) -> Result<Sights, GroupError> {
    let patience = Patience::with(gateway.profile().kind).starting_within(shared.options.start_timeout);
    let mut party = Party { gateway, release, shared, patience, owners: Owners::default() };
    let place = shared.workspace.place().map_err(StageError::Disk)?;
    let started_at = first_moment(gateway);
    let guests = party.fill(cases, &place, started_at)?;
    let house = party.start(cases, place, started_at).await?;
    let played = party.entertain(guests, house).await;
    match &played {
        Err(GroupError::Stage(error @ StageError::Silent(_))) => {
            shared.breaker.failed(&Dead::Silent(error.to_string()));
        }
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
        let boot = Boot { place: &place, clock: started_at, patience: self.patience };
        let cast = Cast::in_household(&first.id, HOUSEHOLD);
        match boot.of(self.gateway, &first.scenario.gateway, &cast).await {
            Ok(running) => {
                self.shared.breaker.ready();
                self.shared.ready();
                Ok(House { place, running, started_at })
            }
            Err(error) => {
                self.shared.breaker.failed(&Dead::Launch(&error));
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
            let seen;
            (seen, house) = self.receive(number, guest, house, &at_start).await?;
            // Not only when all are done: a gateway that falls silent now has answered before.
            self.shared.breaker.played();
            sights.push(seen);
        }
        self.owners.check(&at_start, &records(&house)?, None)?;
        if let Some(exit) = house.running.exited() {
            return Err(GroupError::Ended(exit));
        }
        let _ = house.running.stop(Deadline::now() + self.patience.stop).await;
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
        stage.patience = self.patience;
        stage.frames = Arc::new(Frames::new(self.shared.options.schema.clone()));
        stage.budget = self.shared.heard.part("one case", CASE_BYTES);
        let played = stage.perform_steps().await;
        let after = stage.files();
        self.owners.know(Owner::Guest(number), devices(&stage.knowledge));
        self.owners.check(at_start, &own::records(&after).ok_or(GroupError::Store)?, Some((number, &case.id)))?;
        let seen = match played {
            Err(error @ StageError::Silent(_)) => return Err(error.into()),
            Err(_) => None,
            Ok(mut steps) => {
                own::hear(&mut steps, &|id: &str| !self.owners.is_anothers(number, id));
                let observation = normalise(&Evidence {
                    known: stage.known(),
                    started_at: stage.started_at(),
                    steps_began: stage.steps_began().to_vec(),
                    steps,
                    // Who shares has seeded no file whose bytes could be compared.
                    before: StoreFiles::new(),
                    after: Some(self.owners.view(number, &before, &after)),
                });
                let log = stage.running().map(|running| running.logs()).unwrap_or_default();
                let log = log.strip_prefix(&log_before).unwrap_or(&log);
                let frames = stage.frames.findings(&case::redactions(&stage));
                let broken = !frames.is_empty();
                let mut seen = Seen { observation, frames, report: case::blank(case, self.shared.options), kept: None };
                seen.report.frames = stage.frames.tally();
                if self.shared.options.trace
                    || broken
                    || seen.verdict(case, self.release, self.shared) != Verdict::Conforms
                {
                    case::keep_records(&mut seen.report, &stage, log);
                }
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
