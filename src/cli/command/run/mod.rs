//! `clawcheck run`: plays cases on a gateway and reports deviations.

mod arguments;
mod gateway;
#[cfg(test)]
mod ladder;
mod min_played;
mod reports;
mod selection;

use crate::cli::options::plan_options::CasesToPlay;
use crate::cli::options::selection::NamedCases;
use crate::cli::session::{self, Session};
use crate::cli::signals::Signals;
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit};
use crate::counted::counted;
use crate::gateway::GatewaySpec;
use crate::known::KnownDeviations;
use crate::observe::snapshot::Library;
use crate::run::outcome::{Event, Outcome, RunReport};
use crate::run::{self, Options, RunEnd, RunError};
use crate::scenario::{Case, Corpus};
use arguments::DeniedResult;
pub(crate) use arguments::Run;
use reports::{deliver, notify};
use selection::UnusedScope;
use std::io::Write as _;
use std::sync::Arc;

/// The data that a run uses in addition to its cases.
struct Scope<'a> {
    /// All scenarios that were read.
    corpus: &'a Corpus,
    known: Arc<KnownDeviations>,
    unused: UnusedScope,
}

impl Run {
    pub(crate) fn run(mut self, signals: &Signals) -> Result<u8, CommandError> {
        self.plan.check(&self.gateway)?;
        let named = NamedCases::of(&self.what);
        let unused = self.unused(&named)?;
        let corpus = match unused {
            UnusedScope::All => crate::cli::options::corpus::corpus(&[], self.trust)?,
            UnusedScope::OfFamilies | UnusedScope::Unknown => named.corpus(self.trust, &self.selection)?,
        };
        let cases = named.select(&corpus, &self.selection, &|id| self.schema_help(id))?;
        let known = self.plan.known(&self.gateway, &corpus)?;
        let (state, gateway) = self.plan.copied(&self.gateway)?;
        self.gateway = gateway;
        let (cases, mut snapshots) = self.plan.cases(state.as_ref(), cases, &named.paths)?;
        let not_writable = snapshots.prepare(self.is_of_others())?;
        let scope = Scope { corpus: &corpus, known: Arc::new(known), unused };
        let played = cases.all();
        let work = self.play(signals, &played, &snapshots.library, scope);
        let report = session::block_on([&self.gateway], work)?;
        if let Some(reason) = report.own_protected.as_ref().filter(|_| report.unsaved > 0) {
            let advice = "name another folder with `snapshots` in the gateway description";
            let _ = writeln!(console::stderr(), "observations are not saved: {reason}; {advice}");
        } else if !snapshots.is_writable() && report.unsaved > 0 && matches!(cases, CasesToPlay::Selected(_)) {
            let reason = not_writable.unwrap_or_else(|| self.why_not_saved(named.paths.is_empty()).to_owned());
            let _ = writeln!(console::stderr(), "observations are not saved: {reason}");
        }
        if report.not_approvable > 0 {
            let cases = counted(report.not_approvable, "failing case");
            let reason = "a step did not meet its expectation, or the store could not be set up";
            let _ =
                writeln!(console::stderr(), "{cases} cannot be approved as snapshots of the gateway itself: {reason}");
        }
        let code = self.exit_code(&report);
        if code == exit::DEVIATES && report.outcome(false) == Outcome::Conforms {
            let skipped = report.summary.count(crate::judge::Verdict::Skipped);
            let unused = counted(report.unused_snapshots.len(), "unused snapshot");
            let _ = writeln!(console::stderr(), "the run fails because of --deny: {skipped} skipped, {unused}");
        }
        if code == exit::NOTHING_PLAYED || (code == exit::DEVIATES && self.played_too_few(&report)) {
            self.print_too_few(&report);
        }
        Ok(code)
    }

    /// Why observations cannot be saved next to the built-in snapshots, or without a folder of snapshots.
    fn why_not_saved(&self, are_built_in: bool) -> &'static str {
        match self.gateway {
            GatewaySpec::Described(_) => {
                "the snapshots are those of OpenClaw; add `snapshots: FOLDER` to the gateway description"
            }
            GatewaySpec::Attached(_) => "name a folder with --snapshots",
            _ if are_built_in => "the built-in snapshots cannot be changed; name a folder with --snapshots",
            _ => "create a folder `snapshots` next to `scenarios`, or add an `expect` to the scenario",
        }
    }

    async fn play(
        &self,
        signals: &Signals,
        cases: &[&Case],
        library: &Library,
        scope: Scope<'_>,
    ) -> Result<RunReport, CommandError> {
        if self.isolation.is_some() && matches!(self.gateway, GatewaySpec::Attached(_)) {
            let message = "--isolation applies only to gateways that clawcheck starts";
            return Err(CommandError::usage(miette::Report::msg(message)));
        }
        let stop = if self.plan.allow_writes { signals.stop_after_cleanup() } else { signals.stop() };
        let session = Session::new(cases.len(), stop.clone());
        let (mut listeners, deliveries) = self.listeners(&session.progress, cases.len())?;
        let preparation = self.plan.preparation(session.preparation(self.timeouts));
        let mut listen = |event: Event<'_>| notify(&mut listeners, event);
        let Some((gateway, schema)) = session.unless_stopped(self.prepare(&session, &preparation)).await? else {
            let mut report = RunReport { interrupted: Some(cases.len()), ..RunReport::default() };
            listen(Event::Finished(&report)).map_err(RunError::Report)?;
            deliver(deliveries, &mut report, stop).await.map_err(RunError::Report)?;
            return Ok(report);
        };
        let options = Options { known: scope.known, ..self.options(&gateway, schema) };
        let work = run::run(cases, &gateway, library, &session.guard, &options, stop.clone(), &mut listen);
        let ended = if self.quiet { work.await } else { session.progress.with_lines(work).await };
        session.progress.finish();
        let RunEnd { mut report, error } = ended?;
        report.unused_snapshots = scope.unused.in_library(library, scope.corpus);
        // Print the results first, so that an error does not hide them.
        let finished = listen(Event::Finished(&report)).map_err(RunError::Report);
        let delivered = deliver(deliveries, &mut report, stop).await.map_err(RunError::Report);
        match error.or(finished.err()).or(delivered.err()) {
            Some(error) => Err(error.into()),
            None => Ok(report),
        }
    }

    fn exit_code(&self, report: &RunReport) -> u8 {
        if report.interrupted.is_some() {
            return exit::INTERRUPTED;
        }
        let unused = self.deny.contains(&DeniedResult::Unused) && !report.unused_snapshots.is_empty();
        match report.outcome(self.deny.contains(&DeniedResult::Skipped)) {
            Outcome::Failed => exit::FAILED,
            Outcome::Deviates => exit::DEVIATES,
            Outcome::Conforms | Outcome::NothingPlayed if unused => exit::DEVIATES,
            Outcome::NothingPlayed => exit::NOTHING_PLAYED,
            Outcome::Conforms if self.played_too_few(report) => exit::NOTHING_PLAYED,
            Outcome::Conforms => exit::OK,
        }
    }
}
