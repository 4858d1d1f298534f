//! The options that say how long a gateway may take.

use crate::gateway::TimeLimits;
use std::time::Duration;

/// How long a gateway may take.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Limits {
    /// The longest wait for an answer, from 1 to 65535 seconds; 30 by default, 10 on the embedded gateway. Once the gateway
    /// has answered, its own speed sets a shorter one
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..))]
    answer_timeout: Option<u16>,
    /// The longest wait for a gateway to be ready; 120 seconds by default, and the answer timeout on a gateway that somebody
    /// else runs
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..))]
    start_timeout: Option<u16>,
}

impl Limits {
    /// What was said.
    pub(super) fn said(self) -> TimeLimits {
        let seconds = |said: Option<u16>| said.map(|seconds| Duration::from_secs(seconds.into()));
        TimeLimits { answer: seconds(self.answer_timeout), start: seconds(self.start_timeout), stop: None }
    }

    /// The arguments that say it again, each after a space.
    pub(super) fn again(self) -> String {
        let options = [("--answer-timeout", self.answer_timeout), ("--start-timeout", self.start_timeout)];
        let said = options.into_iter().filter_map(|(option, said)| said.map(|seconds| format!(" {option} {seconds}")));
        said.collect()
    }
}
