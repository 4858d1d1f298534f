//! The options for the time limits of a gateway.

use crate::cli::help::TIMEOUTS;
use crate::gateway::TimeLimits;
use std::time::Duration;

/// The time limits of a gateway.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(in crate::cli) struct TimeoutOptions {
    /// Maximum wait for an answer, in seconds [default: 30, or 10 on the embedded gateway]
    ///
    /// After the first answer, the actual wait adapts to the speed of the gateway and never exceeds this maximum.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..), help_heading = TIMEOUTS)]
    answer_timeout: Option<u16>,
    /// Maximum wait for a gateway to become ready, in seconds [default: 120, or the answer timeout for a gateway at a URL]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..), help_heading = TIMEOUTS)]
    start_timeout: Option<u16>,
}

impl TimeoutOptions {
    /// The limits that the user has set.
    pub(in crate::cli) fn time_limits(self) -> TimeLimits {
        let seconds = |given: Option<u16>| given.map(|seconds| Duration::from_secs(seconds.into()));
        TimeLimits { answer: seconds(self.answer_timeout), start: seconds(self.start_timeout), stop: None }
    }

    /// The same options as arguments, for a command line.
    pub(in crate::cli) fn arguments(self) -> String {
        let options = [("--answer-timeout", self.answer_timeout), ("--start-timeout", self.start_timeout)];
        let given =
            options.into_iter().filter_map(|(option, given)| given.map(|seconds| format!(" {option} {seconds}")));
        given.collect()
    }
}
