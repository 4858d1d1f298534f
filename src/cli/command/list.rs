//! `clawcheck list`: lists cases.

use crate::cli::help::OUTPUT;
use crate::cli::options::plan_options::{self, PlanOptions};
use crate::cli::options::selection::{NamedCases, SelectionOptions};
use crate::cli::terminal::console;
use crate::cli::terminal::table::{code_cell, table};
use crate::cli::{CommandError, exit, session};
use crate::counted::counted;
use crate::gateway::{Capability, Gateway, GatewayKind, GatewaySpec, Guard, Preparation, RunDirectory};
use crate::judge::Verdict;
use crate::known::KnownDeviations;
use crate::observe::snapshot::Library;
use crate::output_format::OutputFormat;
use crate::run::plan::{self, NotPlayed};
use crate::run::{self, AttachedAccess};
use crate::scenario::Case;
use indexmap::IndexMap;
use openclaw_model::releases;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use untrusted_data::printable::{self, line};

/// List the ids and titles of cases
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::LIST.after("\
Examples:
  clawcheck list
  clawcheck list role-upgrade --gateway gateways/pyclaw.yaml"))]
pub(crate) struct List {
    /// Scenario files, folders or ids of cases [default: the built-in scenarios]
    #[arg(value_name = "PATH|ID")]
    what: Vec<String>,
    #[command(flatten)]
    selection: SelectionOptions,
    /// Also print the features that each case needs, and whether a run on this gateway plays the case
    ///
    /// The plan is that of `run` with the same options. clawcheck does not install, start or contact the gateway.
    #[arg(long, short, value_name = "GATEWAY")]
    gateway: Option<GatewaySpec>,
    #[command(flatten)]
    plan: PlanOptions,
    /// Output format
    #[arg(long, value_enum, default_value_t, help_heading = OUTPUT)]
    format: OutputFormat,
}

impl List {
    pub(crate) fn run(self) -> Result<u8, CommandError> {
        let named = NamedCases::of(&self.what);
        // A list starts nothing, so no scenario needs trust.
        let corpus = named.corpus(true, &self.selection)?;
        let cases = named.select(&corpus, &self.selection, &|_| None)?;
        let text = match &self.gateway {
            None => {
                self.check_without_gateway()?;
                match self.format {
                    OutputFormat::Plain => plain(&cases),
                    OutputFormat::Markdown => titles(&cases),
                    OutputFormat::Json => document(cases.iter().copied().map(describe).collect()),
                }
            }
            Some(gateway) => {
                self.plan.check(gateway)?;
                let known = self.plan.known(gateway, &corpus)?;
                let (state, gateway) = self.plan.copied(gateway)?;
                let (cases, snapshots) = self.plan.cases(state.as_ref(), cases, &named.paths)?;
                let cases = cases.all();
                let planned = self.planned(&gateway, &cases, &snapshots.library, &known)?;
                match self.format {
                    OutputFormat::Plain => on_gateway(&planned),
                    OutputFormat::Markdown => plans(&planned),
                    OutputFormat::Json => document(planned.iter().map(describe_planned).collect()),
                }
            }
        };
        console::stdout().write_all(text.as_bytes()).map_err(CommandError::output)?;
        Ok(exit::OK)
    }

    /// The options of a plan have no effect without a gateway.
    fn check_without_gateway(&self) -> Result<(), CommandError> {
        let given = self.plan.arguments();
        let Some(option) = given.split_whitespace().next() else { return Ok(()) };
        let help = "add --gateway GATEWAY, for which the list then contains the plan";
        Err(CommandError::usage(miette::miette!(help = help, "{option} has no effect without --gateway")))
    }

    /// What a run with the same options does with each case.
    fn planned<'a>(
        &self,
        gateway: &GatewaySpec,
        cases: &[&'a Case],
        library: &Library,
        known: &KnownDeviations,
    ) -> Result<Vec<PlannedCase<'a>>, CommandError> {
        let failed = |error: io::Error| CommandError::message(&format!("cannot create a temporary directory: {error}"));
        let profile = Gateway::profile_of(gateway, &self.plan.preparation(Preparation::default()))?;
        if profile.kind == GatewayKind::Attached && profile.claims.is_none() {
            let note = "`run` takes the release from the gateway's hello-ok; this list assumes";
            let _ = writeln!(console::stderr(), "{note} {} (--release names another one)", releases::DEFAULT);
        }
        let release = run::release_of_profile(&profile);
        let own = run::own_library(&profile, library)?;
        session::block_on([&GatewaySpec::Embedded(None)], async {
            let run_directory = RunDirectory::in_memory(&Guard::default()).map_err(failed)?;
            let snapshots = (own.as_ref(), library);
            let planner =
                plan::Planner::new(&profile, release, snapshots, known, run_directory.root()).map_err(failed)?;
            let access = AttachedAccess {
                has_token: plan_options::token().is_some(),
                allow_writes: self.plan.allow_writes,
                run_directory: &run_directory,
            };
            let mut planned = Vec::new();
            for case in cases {
                let not_played = match planner.not_played(case) {
                    None => {
                        planner.check_snapshots(case)?;
                        run::why_not_playable(case, &profile, release, &access).await
                    }
                    not_planned => not_planned,
                };
                planned.push(PlannedCase { case, needs: planner.needs(case), not_played });
            }
            Ok(planned)
        })
    }
}

/// A case, and what a run on the gateway would do with it.
struct PlannedCase<'a> {
    case: &'a Case,
    /// The features that the case needs.
    needs: BTreeSet<Capability>,
    /// Why the case is not played. `None` if it is played.
    not_played: Option<NotPlayed>,
}

impl PlannedCase<'_> {
    /// The status in the list.
    fn word(&self) -> &'static str {
        self.not_played.as_ref().map_or("played", |not| not.verdict.name())
    }
}

/// One line for each case, and one for each reason not to play cases.
fn on_gateway(planned: &[PlannedCase<'_>]) -> String {
    let width = planned.iter().map(|planned| line(&planned.case.id).len()).max().unwrap_or_default();
    let mut text = String::new();
    let mut reasons = IndexMap::<(Verdict, &str), usize>::new();
    for case in planned {
        let needs = case.needs.iter().map(|need| need.name()).collect::<Vec<_>>().join(", ");
        let needs = if needs.is_empty() { String::new() } else { format!("needs {needs}") };
        let listed = format!("{:width$}  {:14}  {needs}", line(&case.case.id), case.word());
        let _ = writeln!(text, "{}", listed.trim_end());
        if let Some(NotPlayed { verdict, reason, .. }) = &case.not_played {
            *reasons.entry((*verdict, reason.as_str())).or_default() += 1;
        }
    }
    let played = planned.iter().filter(|case| case.not_played.is_none()).count();
    let are = if planned.len() == 1 { "is" } else { "are" };
    let _ = writeln!(text, "\n{played} of {} {are} played", counted(planned.len(), "case"));
    reasons.sort_by(|one, count, other, more| more.cmp(count).then_with(|| one.cmp(other)));
    for ((verdict, reason), count) in reasons {
        let _ = writeln!(text, "{count:5}  {}: {}", verdict.name(), line(reason));
    }
    text
}

/// A Markdown table with what a run does with each case.
fn plans(planned: &[PlannedCase<'_>]) -> String {
    let format = OutputFormat::Markdown;
    let mut table = table(format, ["case", "plan", "needs", "reason"]);
    for case in planned {
        let needs = case.needs.iter().map(|need| need.name()).collect::<Vec<_>>().join(", ");
        let reason = case.not_played.as_ref().map(|not| code_cell(format, &not.reason)).unwrap_or_default();
        table.add_row([code_cell(format, &case.case.id), case.word().to_owned(), needs, reason]);
    }
    format!("{table}\n")
}

/// A Markdown table with the title of each case.
fn titles(cases: &[&Case]) -> String {
    let format = OutputFormat::Markdown;
    let mut table = table(format, ["case", "title"]);
    for case in cases {
        table.add_row([code_cell(format, &case.id), code_cell(format, case.title())]);
    }
    format!("{table}\n")
}

fn document(cases: Vec<Value>) -> String {
    let document = json!({ "schema": 1, "cases": cases });
    printable::json(&format!("{document:#}\n")).into_owned()
}

fn describe_planned(planned: &PlannedCase<'_>) -> Value {
    let mut described = describe(planned.case);
    described["features"] = planned.needs.iter().map(|need| Value::from(need.name())).collect();
    described["plan"] = planned.word().into();
    described["reason"] = planned.not_played.as_ref().map(|not| not.reason.as_str()).into();
    described
}

fn plain(cases: &[&Case]) -> String {
    let width = cases.iter().map(|case| line(&case.id).len()).max().unwrap_or_default();
    cases.iter().map(|case| format!("{:width$}  {}\n", line(&case.id), line(case.title()))).collect()
}

fn describe(case: &Case) -> Value {
    json!({
        "id": case.id,
        "family": case.family,
        "name": case.name,
        "point": case.point,
        "title": case.title(),
        "about": case.scenario.about,
        "links": case.scenario.links.iter().map(|link| link.value.as_str()).collect::<Vec<_>>(),
        "tags": case.tags().collect::<Vec<_>>(),
        "requirements": case.requirements().collect::<BTreeSet<_>>(),
        "releases": case.releases().map(ToString::to_string),
        "needs": case.needs().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "file": case.source.path.display().to_string(),
    })
}
