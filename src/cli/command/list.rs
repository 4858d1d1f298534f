//! `clawcheck list`: lists cases.

use crate::cli::help::OUTPUT;
use crate::cli::selection::{Named, SelectionOptions};
use crate::cli::snapshots::Snapshots;
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit, session};
use crate::counted::counted;
use crate::gateway::{Capability, Gateway, GatewaySpec, Guard, Preparation, Profile, Workspace};
use crate::judge::Verdict;
use crate::observe::snapshot::Library;
use crate::run::plan::Applicability;
use crate::run::{self, plan};
use crate::scenario::Case;
use indexmap::IndexMap;
use openclaw_model::releases;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use untrusted_data::printable::{self, line};

/// List the ids and titles of cases
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clawcheck list
  clawcheck list role-upgrade --gateway gateways/pyclaw.yaml

Exit codes:
  0    the list was printed
  2    usage error or invalid file
  3    the output could not be written
  4    no case was selected")]
pub(crate) struct List {
    /// Scenario files, folders or ids of cases [default: the built-in scenarios]
    #[arg(value_name = "PATH|ID")]
    what: Vec<String>,
    #[command(flatten)]
    selection: SelectionOptions,
    /// List the features that each case needs, and whether a run on this gateway plays the case
    ///
    /// clawcheck does not install or start the gateway.
    #[arg(long, short, value_name = "GATEWAY")]
    gateway: Option<GatewaySpec>,
    /// Output format
    #[arg(long, value_enum, default_value_t, help_heading = OUTPUT)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Format {
    /// One line for each case
    #[default]
    Plain,
    /// One JSON document
    Json,
}

impl List {
    pub(crate) fn run(self) -> Result<u8, CommandError> {
        let named = Named::of(&self.what);
        // A list starts nothing, so no scenario needs trust.
        let corpus = crate::cli::corpus::corpus(&named.paths, true)?;
        let cases = named.select(&corpus, &self.selection, &|_| None)?;
        let planned = self.gateway.as_ref().map(|gateway| self.planned(gateway, &cases)).transpose()?;
        let text = match (self.format, planned) {
            (Format::Plain, None) => plain(&cases),
            (Format::Plain, Some(planned)) => on_gateway(&planned),
            (Format::Json, planned) => {
                let described: Vec<_> = match planned {
                    None => cases.iter().copied().map(describe).collect(),
                    Some(planned) => planned.iter().map(describe_planned).collect(),
                };
                let document = json!({ "schema": 1, "cases": described });
                printable::json(&format!("{document:#}\n")).into_owned()
            }
        };
        console::stdout().write_all(text.as_bytes()).map_err(CommandError::output)?;
        Ok(exit::OK)
    }
}

/// A case, and what a run on the gateway would do with it.
struct Planned<'a> {
    case: &'a Case,
    applicability: Applicability,
}

impl Planned<'_> {
    /// The status in the list.
    fn word(&self) -> &'static str {
        self.applicability.not_played.as_ref().map_or("played", |(verdict, _)| verdict.name())
    }
}

impl List {
    fn planned<'a>(&self, gateway: &GatewaySpec, cases: &[&'a Case]) -> Result<Vec<Planned<'a>>, CommandError> {
        let profile = Gateway::profile_of(gateway, &Preparation::default())?;
        let library = Snapshots::find(None, &Named::of(&self.what).paths).map_err(CommandError::failed)?.library;
        let own = profile.snapshots.as_deref().map(Library::open).transpose();
        let own = own.map_err(|error| CommandError::message(&error.to_string()))?;
        let planned: Result<Vec<_>, _> = cases
            .iter()
            .map(|case| {
                plan::applicability(case, &profile, own.as_ref(), &library)
                    .map(|applicability| Planned { case, applicability })
            })
            .collect();
        let mut planned = planned.map_err(|error| CommandError::message(&error.to_string()))?;
        if !profile.can(Capability::StoreWrite) {
            check_stores(&mut planned, &profile)?;
        }
        Ok(planned)
    }
}

/// Finds the cases whose store connections do not create. For each case, the embedded gateway plays it twice.
fn check_stores(planned: &mut [Planned<'_>], profile: &Profile) -> Result<(), CommandError> {
    let release = profile.claims.unwrap_or(releases::DEFAULT);
    session::block_on([&GatewaySpec::Embedded(None)], async {
        let workspace = Workspace::in_memory(&Guard::default())
            .map_err(|error| CommandError::message(&format!("cannot create a temporary directory: {error}")))?;
        for Planned { case, applicability } in planned.iter_mut().filter(|one| one.applicability.not_played.is_none()) {
            applicability.not_played = run::store_not_created(case, profile, release, &workspace).await;
        }
        Ok(())
    })
}

/// One line for each case, and one for each reason not to play cases.
fn on_gateway(planned: &[Planned<'_>]) -> String {
    let width = planned.iter().map(|planned| line(&planned.case.id).len()).max().unwrap_or_default();
    let mut text = String::new();
    let mut reasons = IndexMap::<(Verdict, &str), usize>::new();
    for case in planned {
        let needs = case.applicability.needs.iter().map(|need| need.name()).collect::<Vec<_>>().join(", ");
        let needs = if needs.is_empty() { String::new() } else { format!("needs {needs}") };
        let listed = format!("{:width$}  {:14}  {needs}", line(&case.case.id), case.word());
        let _ = writeln!(text, "{}", listed.trim_end());
        if let Some((verdict, reason)) = &case.applicability.not_played {
            *reasons.entry((*verdict, reason.as_str())).or_default() += 1;
        }
    }
    let played = planned.iter().filter(|case| case.applicability.not_played.is_none()).count();
    let are = if planned.len() == 1 { "is" } else { "are" };
    let _ = writeln!(text, "\n{played} of {} {are} played", counted(planned.len(), "case"));
    reasons.sort_by(|one, count, other, more| more.cmp(count).then_with(|| one.cmp(other)));
    for ((verdict, reason), count) in reasons {
        let _ = writeln!(text, "{count:5}  {}: {}", verdict.name(), line(reason));
    }
    text
}

fn describe_planned(planned: &Planned<'_>) -> Value {
    let mut described = describe(planned.case);
    described["features"] = planned.applicability.needs.iter().map(|need| Value::from(need.name())).collect();
    described["plan"] = planned.word().into();
    described["reason"] = planned.applicability.not_played.as_ref().map(|(_, reason)| reason.as_str()).into();
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
