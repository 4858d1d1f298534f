//! The score as lines of a terminal.

use super::rungs::RUNGS;
use super::{FamilyScore, RungScore, RungState, Score};
use crate::counted::counted;
use crate::judge::Level;
use untrusted_data::cut;
use untrusted_data::printable;

/// The maximum width of the name of a family, and the maximum number of families, because users can have many.
const NAME: usize = 24;
const FAMILIES: usize = 16;
/// The maximum width of a line with names of families.
const LINE: usize = 220;
/// The width of a column of numbers.
const COLUMN: usize = 10;

impl Score {
    /// The table by family and level, the ladder, and the next rung with its command. Families that conform at the level of
    /// the run share one line, and so do those that were not played. Empty if no case was played to its end: a gateway that does not
    /// start or answer has no score.
    pub(crate) fn lines(&self, level: Level) -> Vec<String> {
        if !self.has_played {
            return Vec::new();
        }
        let mut lines = self.table(level);
        lines.extend(self.ladder());
        lines
    }

    fn table(&self, level: Level) -> Vec<String> {
        let names = self.families.keys().map(|name| cut::line(&printable::line(name), NAME).chars().count());
        let wide = names.max().unwrap_or_default().max("all cases".len());
        let mut header = format!("{:<wide$}{:>COLUMN$}{:>COLUMN$}", "score", "cases", "played");
        Level::ALL.iter().for_each(|level| header.push_str(&format!("{:>COLUMN$}", level.name())));
        let has_own = self.total().own > 0;
        if has_own {
            header.push_str(&format!("{:>COLUMN$}", "own"));
        }
        let mut lines = vec![header];
        let conforms = |family: &FamilyScore| {
            let of_levels = Level::ALL.iter().zip(&family.conform);
            of_levels.filter(|(of, _)| **of <= level).all(|(_, conform)| *conform == family.cases)
        };
        let (without, played): (Vec<_>, Vec<_>) = self.families.iter().partition(|(_, family)| family.played == 0);
        let (equal, differing): (Vec<_>, Vec<_>) = played.into_iter().partition(|(_, family)| conforms(family));
        lines.extend(differing.iter().take(FAMILIES).map(|(name, family)| row(name, family, wide, has_own)));
        if differing.len() > FAMILIES {
            let more = differing.len() - FAMILIES;
            lines.push(format!("… {more} more {}", if more == 1 { "family" } else { "families" }));
        }
        if self.families.len() > 1 {
            lines.push(row("all cases", &self.total(), wide, has_own));
        }
        let title = format!("every case conforms at {level}");
        for (title, families) in [(title.as_str(), equal), ("not played", without)] {
            if !families.is_empty() {
                let named = families.iter().take(FAMILIES).map(|(name, family)| format!("{name} ({})", family.cases));
                let line = format!("{title}: {}", named.collect::<Vec<_>>().join(", "));
                lines.push(cut::line(&printable::line(&line), LINE).into_owned());
            }
        }
        lines
    }

    fn ladder(&self) -> Vec<String> {
        let wide = RUNGS.iter().map(|rung| rung.name.len()).max().unwrap_or_default();
        let mut lines = vec!["ladder".to_owned()];
        for (number, (rung, score)) in RUNGS.iter().zip(&self.rungs).enumerate() {
            lines.push(format!("  {}. {:<wide$}  {}", number + 1, rung.name, state(score)));
        }
        if let Some((number, first)) = self.next() {
            let id = printable::line(&first.id);
            let own = if first.own { "; only its own snapshot approves this" } else { "" };
            lines.push(format!("next: rung {}; start with {id} ({}{own}):", number + 1, first.kind.title()));
            // Users copy commands, so a command is never truncated.
            lines.push(format!("  {}", printable::line(&first.rerun)));
        }
        lines
    }
}

fn row(name: &str, family: &FamilyScore, wide: usize, has_own: bool) -> String {
    let name = cut::line(&printable::line(name), NAME).into_owned();
    let mut row = format!("{name:<wide$}{:>COLUMN$}{:>COLUMN$}", family.cases, family.played);
    family.conform.iter().for_each(|conform| row.push_str(&format!("{conform:>COLUMN$}")));
    if has_own {
        row.push_str(&format!("{:>COLUMN$}", family.own));
    }
    row
}

fn state(score: &RungScore) -> String {
    let RungScore { cases, played, failing, known, own, own_decisions, .. } = score;
    let state = match score.state() {
        RungState::NotPlayed => "not played".to_owned(),
        RungState::Broken => format!("BROKEN in {failing} of {}", counted(*played, "case")),
        RungState::Own => format!(
            "DIFFERS from the claimed release in {own_decisions} of {}, approved by own snapshots",
            counted(*played, "case")
        ),
        RungState::Holds if played < cases => format!("holds ({played} of {} played)", counted(*cases, "case")),
        RungState::Holds => format!("holds in {}", counted(*cases, "case")),
    };
    let own = match score.state() {
        RungState::Own | RungState::NotPlayed => String::new(),
        _ if *own == 0 => String::new(),
        RungState::Broken => format!("; own snapshots approve {own} more"),
        RungState::Holds => format!(", {own} by its own snapshots"),
    };
    let known = if *known == 0 { String::new() } else { format!(", with {}", counted(*known, "known deviation")) };
    format!("{state}{own}{known}")
}
