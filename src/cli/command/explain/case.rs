//! `clawcheck explain CASE[:STEP]`: the answers to the connects of a case, and the checks behind one of them.

use crate::cli::misplaced;
use crate::cli::terminal::console;
use crate::cli::{CommandError, exit, session};
use crate::gateway::{GatewaySpec, Guard, RunDirectory};
use crate::output_format::OutputFormat;
use crate::report::explanation::{self, CaseAnswer, ReleaseAnswer};
use crate::run::explanation::explain;
use crate::run::outcome::{CaseExplanation, ExplainedStep};
use crate::scenario::{Case, Corpus, Filter};
use openclaw_model::{Release, known_releases, releases};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The maximum number of names in a message.
const MAX_LISTED: usize = 8;

/// A case, and a step in it.
pub(super) struct ExplainedCase {
    case: Case,
    step: Option<String>,
}

impl ExplainedCase {
    /// Finds the case that an argument names: the id of a built-in case, or a scenario file, with `:STEP` or without.
    /// `None` if the argument names neither.
    ///
    /// # Errors
    /// The scenario file has mistakes, or the argument names several cases.
    pub(super) fn find(argument: &Path) -> Result<Option<Self>, CommandError> {
        let Some(text) = argument.to_str().filter(|text| !misplaced::is_log_line(text)) else { return Ok(None) };
        let (without_step, step) = match text.rsplit_once(':') {
            Some((before, step)) if !argument.exists() => (before, Some(step.to_owned())),
            _ => (text, None),
        };
        let path = PathBuf::from(without_step);
        let is_file = path.is_file() && path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        let corpus = match is_file {
            true => Corpus::load(std::slice::from_ref(&path)),
            false if without_step.contains(['*', '?', '[', '{']) => Corpus::embedded(),
            false => Corpus::embedded_named(&[without_step.to_owned()]).map(Option::unwrap_or_default),
        };
        let corpus = corpus.map_err(CommandError::usage)?;
        let cases = match (is_file, without_step.parse::<Filter>()) {
            (true, _) => corpus.cases().iter().collect(),
            (false, Ok(filter)) if filter.names(corpus.cases()) => corpus.select(&[filter]),
            (false, _) => return Ok(None),
        };
        match cases.as_slice() {
            [] => Err(CommandError::usage(miette::miette!("{without_step} has no cases"))),
            [only] => Ok(Some(Self { case: (*only).clone(), step })),
            several => {
                let ids = several.iter().take(MAX_LISTED).map(|case| case.id.as_str()).collect::<Vec<_>>().join(", ");
                let message = format!("`{without_step}` names {} cases", several.len());
                Err(CommandError::usage(miette::miette!(
                    help = format!("name one of them, such as: {ids}"),
                    "{message}"
                )))
            }
        }
    }

    /// Prints the answers of one release, or the answers of all known releases to one step.
    ///
    /// # Errors
    /// The case cannot be played on the release, or has no such step.
    pub(super) fn run(self, release: Option<Release>, all: bool, format: OutputFormat) -> Result<u8, CommandError> {
        session::block_on([&GatewaySpec::Embedded(None)], async {
            let run_directory = RunDirectory::in_memory(&Guard::default());
            let run_directory = run_directory
                .map_err(|error| CommandError::message(&format!("cannot create a temporary directory: {error}")))?;
            let release = release.unwrap_or_else(|| self.newest());
            if let Some(known) = self.case.releases().filter(|known| !known.contains(release)) {
                let message = format!("the case {} applies only to the releases {known}", self.case.id);
                return Err(CommandError::usage(miette::miette!(
                    help = "name one of them with --release",
                    "{message}"
                )));
            }
            let explained = self.explained(release, &run_directory).await?;
            if explained.release != release {
                let known = explained.release;
                let _ = writeln!(console::stderr(), "{release} has no rules of its own; it uses the rules of {known}");
            }
            let step = self.step(&explained)?;
            let (text, code) = if all {
                self.on_all_releases(step.or_else(|| explained.steps.first()), &run_directory, format).await
            } else {
                let file = self.case.source.path.to_string_lossy();
                let answer = CaseAnswer {
                    case: &self.case.id,
                    title: self.case.title(),
                    file: &file,
                    explanation: &explained,
                    step,
                };
                let text = match format {
                    OutputFormat::Plain => answer.plain(),
                    OutputFormat::Markdown => answer.markdown(),
                    OutputFormat::Json => format!("{:#}\n", answer.json()),
                };
                (text, if step.is_some_and(|step| step.is_refused) { exit::DEVIATES } else { exit::OK })
            };
            console::stdout().write_all(text.as_bytes()).map_err(CommandError::output)?;
            Ok(code)
        })
    }

    /// The newest known release on which the case can be played.
    fn newest(&self) -> Release {
        let applies = |release: &Release| self.case.releases().is_none_or(|known| known.contains(*release));
        known_releases().rfind(applies).unwrap_or(releases::DEFAULT)
    }

    async fn explained(&self, release: Release, run_directory: &RunDirectory) -> Result<CaseExplanation, CommandError> {
        let explained = explain(&self.case, release, run_directory, console::secrets()).await;
        explained.map_err(|error| CommandError::usage(miette::miette!("{}: {error}", self.case.id)))
    }

    /// The step that the user names by its number or name. Without a name, the first connect that is refused.
    fn step<'a>(&self, explained: &'a CaseExplanation) -> Result<Option<&'a ExplainedStep>, CommandError> {
        let Some(selected) = &self.step else {
            return Ok(explained.steps.iter().find(|step| step.connects && step.is_refused));
        };
        let names_it = |step: &&ExplainedStep| {
            step.number.to_string() == *selected || step.name.as_ref().is_some_and(|name| name == selected)
        };
        if let Some(step) = explained.steps.iter().find(names_it) {
            return Ok(Some(step));
        }
        let numbered = |step: &ExplainedStep| match &step.name {
            Some(name) => format!("{} ({name})", step.number),
            None => step.number.to_string(),
        };
        let mut known = explained.steps.iter().take(MAX_LISTED).map(numbered).collect::<Vec<_>>();
        if explained.steps.len() > MAX_LISTED {
            known.push(format!("{} more", explained.steps.len() - MAX_LISTED));
        }
        let help = format!("pass the number or the name of a step: {}", known.join(", "));
        Err(CommandError::usage(miette::miette!(help = help, "the case {} has no step `{selected}`", self.case.id)))
    }

    async fn on_all_releases(
        &self,
        step: Option<&ExplainedStep>,
        run_directory: &RunDirectory,
        format: OutputFormat,
    ) -> (String, u8) {
        let number = step.map_or(1, |step| step.number);
        let mut answers = Vec::new();
        for release in known_releases() {
            let applies = self.case.releases().is_none_or(|known| known.contains(release));
            let explained = if applies { Some(self.explained_or_why(release, run_directory).await) } else { None };
            let found = match &explained {
                None => Err("the case does not apply".to_owned()),
                Some(Err(why)) => Err(why.clone()),
                Some(Ok(explained)) => {
                    let found = explained.steps.iter().find(|step| step.number == number);
                    found.ok_or_else(|| "the step was not played".to_owned())
                }
            };
            let (answer, is_refused) = match found {
                Ok(step) => (step.answer.clone(), Some(step.is_refused)),
                Err(why) => (why, None),
            };
            answers.push(ReleaseAnswer { release, answer, is_refused });
        }
        let is_refused = answers.iter().any(|answer| answer.is_refused == Some(true));
        let head = step.map(|step| format!("{}, step {}: {}\n\n", self.case.id, step.number, step.title));
        let text = match format {
            OutputFormat::Plain => head.unwrap_or_default() + &explanation::releases_plain(&answers),
            OutputFormat::Markdown => explanation::releases_markdown(&answers),
            OutputFormat::Json => format!("{:#}\n", explanation::releases_json(&answers)),
        };
        (text, if is_refused { exit::DEVIATES } else { exit::OK })
    }

    async fn explained_or_why(
        &self,
        release: Release,
        run_directory: &RunDirectory,
    ) -> Result<CaseExplanation, String> {
        explain(&self.case, release, run_directory, console::secrets()).await.map_err(|error| error.to_string())
    }
}
