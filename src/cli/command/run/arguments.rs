//! The options of `clawcheck run`.

use crate::cli::exit;
use crate::cli::help::{COMPARISON, OUTPUT, cache_variable, token_variable};
use crate::cli::options::plan_options::PlanOptions;
use crate::cli::options::reports::ReportOption;
use crate::cli::options::selection::SelectionOptions;
use crate::cli::options::timeouts::TimeoutOptions;
use crate::gateway::GatewaySpec;
use crate::judge::Level;
use std::str::FromStr;

/// Play cases on a gateway and compare the results with the approved snapshots
///
/// A case conforms if the gateway meets the expectations of the scenario and behaves like the snapshot of its release. If more
/// than 3 cases fail, or if `run` prints a score, `run` groups the differences by cause and prints the causes on one screen. Otherwise,
/// `run` prints each failing case in full. `--trace` prints every case in full.
#[derive(Debug, clap::Args)]
#[command(after_long_help = exit::RUN.after(concat!(
    cache_variable!(),
    token_variable!(),
    "

Examples:
  clawcheck run                                            All cases on the embedded gateway
  clawcheck run role-upgrade --gateway embedded@2026.4.2   A family of cases, on an earlier release
  clawcheck run --gateway ws://127.0.0.1:18789 --min-played 1
  clawcheck run scenarios/mine --gateway openclaw@2026.4.2 --report json=report.json")))]
pub(crate) struct Run {
    /// Scenario files, folders or ids of cases [default: the built-in scenarios]
    #[arg(value_name = "PATH|ID")]
    pub(super) what: Vec<String>,
    /// Gateway: embedded[@RELEASE], openclaw@RELEASE, ws://HOST:PORT or a description file
    ///
    /// `embedded` emulates a release inside clawcheck. `openclaw` is the real release, which clawcheck installs from npm. A
    /// description is a YAML file that names the command of any other gateway (see gateways/).
    ///
    /// `embedded` without a release emulates the release of --state-dir or --config if you pass one of them, and otherwise the
    /// newest known release.
    #[arg(long, short, value_name = "GATEWAY", default_value = "embedded")]
    pub(super) gateway: GatewaySpec,
    #[command(flatten)]
    pub(super) selection: SelectionOptions,
    /// How strictly to compare the gateway [default: exact, or wire for described gateways and gateways at a URL]
    ///
    /// Each level includes the levels before it. `run` also prints differences that count only at a stricter level, but
    /// they do not fail. `docs/report.md` lists what counts at each level.
    #[arg(long, value_enum, value_name = "LEVEL", help_heading = COMPARISON)]
    pub(super) level: Option<LevelOption>,
    /// Whether cases share a gateway [default: shared, or case on the embedded gateway]
    #[arg(long, value_enum, value_name = "HOW")]
    pub(super) isolation: Option<IsolationOption>,
    /// Number of gateways that run at the same time [default: number of cores, or 4 times that for the embedded gateway]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) jobs: Option<u16>,
    #[command(flatten)]
    pub(super) timeouts: TimeoutOptions,
    /// Write a report: json=FILE, junit=FILE, markdown=FILE or github (repeatable)
    ///
    /// FILE can be - for standard output, which then contains only the report; all other output goes to standard error. `github`
    /// prints an annotation for each cause and appends the Markdown report to the summary of the step (GITHUB_STEP_SUMMARY).
    /// `clawcheck schema report` prints the JSON Schema of the JSON report.
    #[arg(long, value_name = "KIND=FILE", help_heading = OUTPUT)]
    pub(super) report: Vec<ReportOption>,
    /// Print only failures and the last line
    #[arg(long, short, conflicts_with_all = ["verbose", "trace"], help_heading = OUTPUT)]
    pub(super) quiet: bool,
    /// Print a line for each case when it is done
    #[arg(long, short, help_heading = OUTPUT)]
    pub(super) verbose: bool,
    /// Print the score by family and level, and what to fix next
    ///
    /// Below the score, `run` prints a ladder: seven abilities of a gateway, called rungs, from the handshake to restarts
    /// with damaged files. The last lines name the first broken rung and a command that plays one of its cases. By
    /// default, `run` prints the score for described gateways and gateways at a URL if at least 20 cases are selected.
    #[arg(long, help_heading = OUTPUT)]
    pub(super) score: bool,
    /// Print every case in full, with its messages on the wire
    #[arg(long, help_heading = OUTPUT)]
    pub(super) trace: bool,
    /// For each failing case, explain the answer that the model gives to the failing step
    ///
    /// The explanation lists the checks of the release that the gateway is compared with, in order. On the embedded
    /// gateway, it is the reason for the actual answer. On any other gateway, it is the reason for the expected answer.
    /// `run` prints all failing cases in full.
    #[arg(long, help_heading = OUTPUT)]
    pub(super) explain: bool,
    /// Treat WHAT as a failure (repeatable)
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',', help_heading = COMPARISON)]
    pub(super) deny: Vec<DeniedResult>,
    /// Exit with code 4 if fewer cases are played [default: 10% for a gateway at a URL, otherwise 1]
    ///
    /// The value is a number of cases, or a share of the selected cases that apply to the gateway.
    #[arg(long, value_name = "N|N%", help_heading = COMPARISON)]
    pub(super) min_played: Option<MinPlayed>,
    #[command(flatten)]
    pub(super) plan: PlanOptions,
    /// Validate the frames of the gateway against OpenClaw's published protocol schema [default: the version of the release]
    ///
    /// clawcheck installs the schema from npm (@openclaw/gateway-protocol).
    #[arg(long, value_name = "VERSION", num_args = 0..=1, require_equals = true, help_heading = COMPARISON)]
    pub(super) schema: Option<Option<PackageVersion>>,
    /// Also save observations of cases that conform on a real release for the first time
    ///
    /// If a case conforms on a real release that its snapshot does not list under `seen` yet, `run` saves the observation
    /// for approval. After the approval, the snapshot lists the release.
    #[arg(long, help_heading = COMPARISON)]
    pub(super) mark_seen: bool,
    /// Allow scenarios that can start code in a gateway or reach outside it
    ///
    /// Use this option only if you trust the authors of the scenarios. SECURITY.md describes what it allows.
    #[arg(long)]
    pub(super) trust: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum IsolationOption {
    /// Start a gateway for each case
    Case,
    /// Share a gateway between all cases that can share it
    Shared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LevelOption {
    /// Who is let in, with which role, scopes and token, and what the store keeps
    Decisions,
    /// Also codes, reasons and details of errors, which frames arrive, and how connections are closed
    Wire,
    /// Also texts and all fields
    Exact,
}

impl From<LevelOption> for Level {
    fn from(option: LevelOption) -> Self {
        match option {
            LevelOption::Decisions => Self::Decisions,
            LevelOption::Wire => Self::Wire,
            LevelOption::Exact => Self::Exact,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum DeniedResult {
    /// Skipped cases
    Skipped,
    /// Snapshots that no case uses; for folders of scenarios, only snapshots of the families in these folders
    Unused,
}

/// A version such as `2026.9.1`. It is used in a path and in npm's arguments.
#[derive(Debug, Clone)]
pub(super) struct PackageVersion(pub(super) String);

impl FromStr for PackageVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let of_a_version = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        let is_one = text.starts_with(|c: char| c.is_ascii_digit()) && text.split('.').count() > 2;
        if !is_one || !text.chars().all(of_a_version) {
            return Err("expected a version on npm, for example 2026.9.1".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// A number of cases, or a share of the cases that apply to the gateway in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MinPlayed {
    Cases(usize),
    Share(usize),
}

impl FromStr for MinPlayed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<usize>().ok();
        let found = match text.strip_suffix('%') {
            Some(share) => number(share).filter(|share| *share <= 100).map(Self::Share),
            None => number(text).map(Self::Cases),
        };
        found.ok_or_else(|| "expected a number of cases or a share, for example 20 or 10%".to_owned())
    }
}

impl MinPlayed {
    /// The number of cases that must be played. At least one case, and at most all that apply.
    pub(super) fn required(self, applicable: usize) -> usize {
        match self {
            Self::Cases(cases) => cases.max(1),
            Self::Share(share) => (applicable * share).div_ceil(100).max(1),
        }
    }
}
