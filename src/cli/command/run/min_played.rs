//! `--min-played`: the minimum number of cases for a meaningful run.

use super::arguments::{MinPlayed, Run};
use crate::cli::terminal::console;
use crate::gateway::GatewaySpec;
use crate::run::outcome::{Played, RunReport};
use std::io::Write as _;
use untrusted_data::printable;

/// The default for a gateway at a URL. With the token and `--allow-writes`, a run plays about 45% of the built-in
/// cases. Without them, it plays at most 4%.
const OF_ATTACHED: MinPlayed = MinPlayed::Share(10);
/// The maximum number of reasons that are printed.
const REASONS: usize = 6;

impl Run {
    /// The number of cases that the run had to play.
    fn required(&self, played: Played) -> usize {
        let attached = matches!(self.gateway, GatewaySpec::Attached(_));
        let usual = if attached { OF_ATTACHED } else { MinPlayed::Cases(1) };
        self.min_played.unwrap_or(usual).required(played.applicable)
    }

    /// Whether the run played too few cases.
    pub(super) fn played_too_few(&self, report: &RunReport) -> bool {
        let played = report.played();
        played.cases < self.required(played)
    }

    /// Prints the number of played cases, and what the run needs to play more cases.
    pub(super) fn print_too_few(&self, report: &RunReport) {
        let played = report.played();
        let (gateway, required) = (&self.gateway, self.required(played));
        let mut lines = vec![match played.cases {
            0 => format!("no case was played: every selected case was not applicable on {gateway} or was skipped"),
            cases => {
                format!(
                    "too few cases were played: {cases} of {} applicable cases, but --min-played requires {required}",
                    played.applicable
                )
            }
        }];
        let mut reasons = report.skipped.iter().collect::<Vec<_>>();
        reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), reason.as_str()));
        if !reasons.is_empty() {
            lines.push("why cases were skipped:".to_owned());
        }
        for (reason, count) in reasons.iter().take(REASONS) {
            let cases = if **count == 1 { "case" } else { "cases" };
            lines.push(format!("  {count:>4} {cases:<5}  {}", printable::line(reason)));
        }
        if matches!(self.gateway, GatewaySpec::Attached(_)) && !reasons.is_empty() {
            let description = "with a description, clawcheck starts the gateway with its own settings and stores, and plays nearly \
                               every case: see gateways/README.md";
            lines.push(description.to_owned());
        }
        lines.iter().for_each(|line| _ = writeln!(console::stderr(), "{line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1", 215, Ok(1))]
    #[case("0", 215, Ok(1))]
    #[case("300", 215, Ok(300))]
    #[case("10%", 215, Ok(22))]
    #[case("10%", 3, Ok(1))]
    #[case("0%", 215, Ok(1))]
    #[case("100%", 215, Ok(215))]
    #[case("101%", 215, Err(()))]
    #[case("-1", 215, Err(()))]
    #[case("%", 215, Err(()))]
    #[case("ten", 215, Err(()))]
    fn parses_number_or_share(#[case] text: &str, #[case] applicable: usize, #[case] required: Result<usize, ()>) {
        let parsed = text.parse::<MinPlayed>();
        assert_eq!(parsed.map(|min| min.required(applicable)).map_err(|_| ()), required);
    }
}
