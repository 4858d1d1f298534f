//! Tests the ladder of the score against the built-in cases.

use crate::report::score::rungs::{Ladder, RUNGS, globs};
use crate::scenario::Corpus;
use openclaw_model::releases;

#[test]
fn every_rung_glob_selects_cases() {
    let corpus = Corpus::embedded().unwrap();
    for glob in RUNGS.iter().flat_map(|rung| rung.cases) {
        // `a/{b,c}` selects nothing new if `a/b` no longer exists, so each alternative is tested.
        let (before, rest) = glob.split_once('{').unwrap_or((glob, ""));
        let (inside, after) = rest.split_once('}').unwrap_or((rest, ""));
        for alternative in inside.split(',') {
            let set = globs(&[&format!("{before}{alternative}{after}")]);
            assert!(corpus.cases().iter().any(|case| set.is_match(&case.id)), "{glob}: {alternative}");
        }
    }
}

#[test]
fn every_rung_has_cases_in_every_release() {
    let (corpus, ladder) = (Corpus::embedded().unwrap(), Ladder::new());
    for release in releases::known_releases() {
        for (number, rung) in RUNGS.iter().enumerate() {
            let of_rung = corpus.cases().iter().filter(|case| ladder.rung(&case.id) == Some(number));
            let applies = of_rung.filter(|case| case.releases().is_none_or(|range| range.contains(release)));
            assert!(applies.count() >= 3, "{} at {release}", rung.name);
        }
    }
}

#[test]
fn case_belongs_to_first_matching_rung() {
    let ladder = Ladder::new();
    assert_eq!(ladder.rung("revoked-tokens/wrong-shared-token"), Some(1));
    assert_eq!(ladder.rung("revoked-tokens/all"), Some(5));
    assert_eq!(ladder.rung("exec-approvals/scope"), None);
}
