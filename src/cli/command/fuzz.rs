//! `clawcheck fuzz`: plays random stories on a gateway and on the model, and saves the differences.

use crate::cli::help::cache_variable;
use crate::cli::options::timeouts::TimeoutOptions;
use crate::cli::session::{self, Session};
use crate::cli::signals::Signals;
use crate::cli::terminal::console;
use crate::cli::terminal::console::colour;
use crate::cli::{CommandError, exit};
use crate::counted::counted;
use crate::fuzz::{self, FoundDifference, FuzzOptions, FuzzReport};
use crate::gateway::GatewaySpec;
use crate::observe::diff;
use crate::report::Listener as _;
use crate::run::outcome::Event;
use crate::shell::quoted;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;
use untrusted_data::printable::{block, line};

/// The maximum number of stories that are listed by index. Further stories are only counted.
const NAMED: usize = 5;

/// Play random scenarios (stories) on a gateway and on the model, and save differences as scenario files
///
/// A story is a generated scenario with random records in the store, several connections, and decisions about devices and
/// tokens. The same seed and index produce the same story on every gateway. `fuzz` compares the answers of the gateway with
/// those of the model of the release that the gateway claims to implement. If the answers differ, `fuzz` shortens the story
/// and saves it as a scenario.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::FUZZ.after(concat!(
    cache_variable!(),
    "

Examples:
  clawcheck fuzz --gateway openclaw@2026.4.2 --seed 7 --cases 40
  clawcheck run fuzz --gateway openclaw@2026.4.2   Play the saved stories again")))]
pub(crate) struct Fuzz {
    /// Gateway: embedded[@RELEASE], openclaw@RELEASE or a description file
    #[arg(long, short, value_name = "GATEWAY")]
    gateway: GatewaySpec,
    /// Seed of the stories [default: random; the last line of the output contains it]
    #[arg(long, short, value_name = "N")]
    seed: Option<u32>,
    /// Number of stories to play
    #[arg(long, short = 'n', value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    cases: u32,
    /// Index of the first story
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    first: u32,
    /// Folder in which to save stories with differences
    #[arg(long, value_name = "DIR", default_value = "fuzz")]
    keep: PathBuf,
    /// Maximum time for shortening stories with differences; 0 saves them unchanged
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    shrink_within: u16,
    /// Number of stories that are played at the same time [default: number of cores, or 4 times that for the embedded gateway]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    #[command(flatten)]
    timeouts: TimeoutOptions,
}

impl Fuzz {
    pub(crate) fn run(self, signals: &Signals) -> Result<u8, CommandError> {
        if matches!(self.gateway, GatewaySpec::Attached(_)) {
            let message = "stories write to the store, and clawcheck did not start this gateway";
            let help = "name a gateway that clawcheck starts: openclaw@RELEASE or a description file";
            return Err(CommandError::usage(miette::miette!(help = help, "{message}")));
        }
        let seed = match self.seed {
            Some(seed) => seed,
            None => {
                getrandom::u32().map_err(|error| CommandError::message(&format!("cannot generate a seed: {error}")))?
            }
        };
        let report = session::block_on([&self.gateway], self.play(signals, seed))?;
        // The command was interrupted before the first story, so nothing was compared.
        let report = report.unwrap_or_else(|| FuzzReport { interrupted: true, ..FuzzReport::default() });
        self.print_report(seed, &report)
    }

    /// Plays the stories. `None` if the command was interrupted before the first story.
    async fn play(&self, signals: &Signals, seed: u32) -> Result<Option<FuzzReport>, CommandError> {
        let mut session = Session::new(self.cases as usize, signals.stop());
        let preparation = session.preparation(self.timeouts);
        let prepared = session.unless_stopped(session.prepare(&self.gateway, &preparation)).await?;
        let Some(gateway) = prepared else { return Ok(None) };
        let options = Session::options(&gateway, self.jobs);
        let plan = FuzzOptions {
            seed: seed.into(),
            first: self.first.into(),
            stories: self.cases.into(),
            shrink_within: Duration::from_secs(self.shrink_within.into()),
        };
        let mut listen = |event: Event<'_>| session.progress.on_event(event);
        let ended = fuzz::fuzz(plan, &gateway, &session.guard, &options, session.stop.clone(), &mut listen).await;
        session.progress.finish();
        ended.map(Some).map_err(|error| CommandError::message(&error.to_string()))
    }

    /// Prints and saves the differences. Returns the exit code.
    fn print_report(&self, seed: u32, report: &FuzzReport) -> Result<u8, CommandError> {
        let mut out = console::stdout_while_read();
        let gateway = console::sanitize_line(&self.gateway.to_string());
        let mut found = report.found.iter().collect::<Vec<_>>();
        found.sort_by_cached_key(|found| found.cause().kind);
        for found in found {
            self.print_found(&mut out, found).map_err(CommandError::output)?;
            let saved = found.shrunk.save(&self.keep, &gateway);
            let saved = saved.map_err(|error| CommandError::message(&error.to_string()))?;
            let file = saved.file.display().to_string();
            let rerun = quoted(&file);
            writeln!(out, "  rerun: clawcheck run {rerun} --gateway {gateway}\n").map_err(CommandError::output)?;
        }
        self.print_unplayed(&mut out, report).map_err(CommandError::output)?;
        print_summary(&mut out, seed, &gateway, report).map_err(CommandError::output)?;
        Ok(match report {
            report if report.interrupted => exit::INTERRUPTED,
            report if !report.failed.is_empty() => exit::FAILED,
            report if report.differing > 0 => exit::DEVIATES,
            report if report.compared == 0 => exit::NOTHING_PLAYED,
            _ => exit::OK,
        })
    }

    /// Prints a difference, and the stories in which it occurred.
    fn print_found(&self, out: &mut dyn Write, found: &FoundDifference) -> io::Result<()> {
        let cause = found.cause();
        let stories = stories(found.stories.len());
        let first = found.stories.iter().take(NAMED).map(u64::to_string).collect::<Vec<_>>().join(", ");
        let more = if found.stories.len() > NAMED { ", ..." } else { "" };
        writeln!(out, "differs  {}: {}  ({stories}: {first}{more})", cause.kind.title(), line(&cause.what))?;
        if !found.shrunk.repeats && self.shrink_within > 0 {
            writeln!(out, "  the difference did not occur again on a separate gateway, or there was no time to try")?;
        }
        let difference = &found.shrunk.difference;
        diff::render(&difference.predicted, &difference.seen, colour())
            .lines()
            .try_for_each(|line| writeln!(out, "    {line}"))
    }

    /// Prints the stories that were not compared, and why.
    fn print_unplayed(&self, out: &mut dyn Write, report: &FuzzReport) -> io::Result<()> {
        for why in &report.boots.given_up {
            writeln!(out, "not shared  {}", line(why))?;
        }
        for (why, count) in &report.not_played {
            writeln!(out, "not played  {}: {}", stories(*count), line(why))?;
        }
        for (index, why) in report.failed.iter().take(NAMED) {
            writeln!(out, "failed  story {index}: {}", block(why))?;
        }
        if report.interrupted {
            let made_short = if report.replayed > 0 { ", while shortening differences" } else { "" };
            let all = stories(self.cases as usize);
            writeln!(out, "interrupted after {} of {all}{made_short}", report.compared)?;
        }
        Ok(())
    }
}

/// Prints the line with the numbers of the run.
fn print_summary(out: &mut dyn Write, seed: u32, gateway: &str, report: &FuzzReport) -> io::Result<()> {
    let differing = format!("{} differ in {}", report.differing, counted(report.found.len(), "kind"));
    writeln!(
        out,
        "seed {seed}: {} compared with {gateway} on {}, {differing}, {} failed; {}, {} made, {} saved, {:.1} s",
        stories(report.compared),
        counted(report.configurations, "configuration"),
        report.failed.len(),
        counted(report.replayed, "replay"),
        counted(report.boots.made, "boot"),
        report.boots.saved,
        report.duration.as_secs_f64(),
    )
}

/// A number of stories in words.
fn stories(number: usize) -> String {
    if number == 1 { "1 story".to_owned() } else { format!("{number} stories") }
}
