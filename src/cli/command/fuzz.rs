//! `clawcheck fuzz`: plays random life stories on a gateway and on the rules, and keeps what differs.

use crate::cli::jobs::{check_descriptors, jobs};
use crate::cli::limits::Limits;
use crate::cli::signals::Signals;
use crate::cli::terminal::console;
use crate::cli::terminal::console::colour;
use crate::cli::terminal::progress::Progress;
use crate::cli::{Failure, exit};
use crate::fuzz::{self, FuzzOptions, FuzzReport};
use crate::gateway::{Gateway, GatewaySpec, Guard, Preparation};
use crate::observe::diff;
use crate::report::Listener as _;
use crate::report::terminal::counted;
use crate::run::outcome::Event;
use crate::run::{Isolation, Options};
use crate::shell::quoted;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use untrusted_data::printable::{block, line};

/// Stories in which a side could not do its part that are named before the rest is a number.
const NAMED: usize = 5;

/// Play random scenarios (stories) on a gateway and on the rules, and save differences as scenario files
///
/// A story is a generated scenario with random records in the store, several connections, and decisions about devices and
/// tokens. The same seed and index produce the same story on every gateway. The rules are those of the release that the gateway
/// claims to implement. If the two differ, `fuzz` shortens the story and saves it as a scenario.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Environment variables:
  CLAWCHECK_CACHE  Folder for releases that clawcheck installs from npm
                   [default: clawcheck in the user's cache folder]

Exit codes:
  0    no difference
  1    a difference
  2    usage error
  3    a gateway or the harness failed
  4    no story could be compared
  130  Ctrl-C, SIGTERM or SIGHUP interrupted the command")]
pub(crate) struct Fuzz {
    /// Gateway: embedded[@RELEASE], openclaw@RELEASE or a description file
    #[arg(long, short, value_name = "GATEWAY")]
    gateway: GatewaySpec,
    /// Seed of the stories [default: random; the last line of the output names it]
    #[arg(long, short, value_name = "N")]
    seed: Option<u32>,
    /// Number of stories
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
    limits: Limits,
}

impl Fuzz {
    pub(crate) fn run(self, signals: &Signals) -> Result<u8, Failure> {
        if matches!(self.gateway, GatewaySpec::Attached(_)) {
            let message = "stories write to the store, and clawcheck did not start this gateway";
            let help = "name a gateway that clawcheck starts: openclaw@RELEASE or a description file";
            return Err(Failure::usage(miette::miette!(help = help, "{message}")));
        }
        let seed = match self.seed {
            Some(seed) => seed,
            None => getrandom::u32().map_err(|error| fault(&format!("cannot generate a seed: {error}")))?,
        };
        check_descriptors()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| fault(&format!("cannot start the run: {error}")))?;
        let ended = runtime.block_on(self.play(signals, seed));
        // Nothing that was started is left, and what still blocks a thread must not keep the process.
        runtime.shutdown_timeout(Duration::from_secs(1));
        // Broken off before the first story, nothing was compared.
        let report = ended?.unwrap_or_else(|| FuzzReport { interrupted: true, ..FuzzReport::default() });
        self.tell(seed, &report)
    }

    /// Plays the stories; nothing where it was broken off before the first.
    async fn play(&self, signals: &Signals, seed: u32) -> Result<Option<FuzzReport>, Failure> {
        let guard = Guard::default();
        let mut progress = Progress::new(self.cases as usize);
        let stop = signals.listen();
        let limits = self.limits.said();
        let preparation = Preparation { guard: guard.clone(), limits, ..Preparation::default() };
        let told = {
            let progress = progress.clone();
            move |event| progress.preparing(&event)
        };
        let prepared = tokio::select! {
            prepared = Gateway::prepare(&self.gateway, &preparation, &told) => prepared,
            () = crate::cli::signals::told(stop.clone()) => {
                progress.finish();
                return Ok(None);
            }
        };
        let gateway = prepared.map_err(|error| {
            progress.finish();
            if error.is_usage() { Failure::usage(error) } else { Failure::fault(error) }
        })?;
        let options = self.options(&gateway);
        let plan = FuzzOptions {
            seed: seed.into(),
            first: self.first.into(),
            stories: self.cases.into(),
            shrink_within: Duration::from_secs(self.shrink_within.into()),
        };
        let mut listen = |event: Event<'_>| progress.hear(event);
        let ended = fuzz::fuzz(plan, &gateway, &guard, &options, stop, &mut listen).await;
        progress.finish();
        ended.map(Some).map_err(|error| fault(&error.to_string()))
    }

    fn options(&self, gateway: &Gateway) -> Options {
        Options {
            secrets: console::secrets().clone(),
            jobs: jobs(self.jobs, gateway.profile().kind),
            isolation: Isolation::usual(gateway.profile().kind),
            ..Options::default()
        }
    }

    /// Says what was found, and keeps it. Gives the exit code.
    fn tell(&self, seed: u32, report: &FuzzReport) -> Result<u8, Failure> {
        let mut out = console::stdout_while_read();
        let gateway = console::fit_line(&self.gateway.to_string());
        for found in &report.found {
            let shrunk = &found.shrunk;
            let stories = match found.stories.len() {
                1 => "1 story".to_owned(),
                many => format!("{many} stories"),
            };
            let first = found.stories.iter().take(NAMED).map(u64::to_string).collect::<Vec<_>>().join(", ");
            writeln!(
                out,
                "differs  {}  ({stories}: {first}{})",
                line(&found.kind.to_string()),
                if found.stories.len() > NAMED { ", ..." } else { "" }
            )
            .map_err(Failure::output)?;
            if !shrunk.repeats && self.shrink_within > 0 {
                writeln!(
                    out,
                    "  the difference did not occur again on a separate gateway, or there was no time to try"
                )
                .map_err(Failure::output)?;
            }
            let saved = shrunk.save(&self.keep, &gateway).map_err(|error| fault(&error.to_string()))?;
            let text = diff::render(&shrunk.difference.predicted, &shrunk.difference.seen, colour());
            for line in text.lines() {
                writeln!(out, "    {line}").map_err(Failure::output)?;
            }
            let file = saved.file.display().to_string();
            let again = quoted(&file);
            writeln!(out, "  again: clawcheck run {again} --gateway {gateway}\n").map_err(Failure::output)?;
        }
        for why in &report.boots.given_up {
            writeln!(out, "not shared  {}", line(why)).map_err(Failure::output)?;
        }
        for (why, count) in &report.not_played {
            writeln!(out, "not played  {count}: {}", line(why)).map_err(Failure::output)?;
        }
        for (index, why) in report.failed.iter().take(NAMED) {
            writeln!(out, "failed  story {index}: {}", block(why)).map_err(Failure::output)?;
        }
        if report.interrupted {
            let made_short = if report.replayed > 0 { ", while shortening differences" } else { "" };
            writeln!(out, "interrupted after {} of {} stories{made_short}", report.compared, self.cases)
                .map_err(Failure::output)?;
        }
        let differing = format!("{} differ in {}", report.differing, counted(report.found.len(), "kind"));
        writeln!(
            out,
            "seed {seed}: {} stories compared with {gateway} on {}, {differing}, {} failed; {} replays, {} boots made, {} saved, {:.1} s",
            report.compared,
            counted(report.configurations, "configuration"),
            report.failed.len(),
            report.replayed,
            report.boots.made,
            report.boots.saved,
            report.duration.as_secs_f64(),
        )
        .map_err(Failure::output)?;
        Ok(match report {
            report if report.interrupted => exit::INTERRUPTED,
            report if !report.failed.is_empty() => exit::FAULT,
            report if report.differing > 0 => exit::DEVIATES,
            report if report.compared == 0 => exit::NOTHING,
            _ => exit::OK,
        })
    }
}

fn fault(message: &str) -> Failure {
    Failure::fault(miette::Report::msg(message.to_owned()))
}
