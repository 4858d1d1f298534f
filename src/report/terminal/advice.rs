//! What a user can do to have more cases played.

use crate::counted::counted;
use crate::judge::Verdict;
use crate::run::outcome::{STORE_UNREADABLE, STORE_UNWRITABLE};
use crate::shell::quoted;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use untrusted_data::printable;

/// The part of the cases, as a divisor, that must need the store for the advice.
const PART: usize = 4;

/// The advice for a gateway whose description gives no access to its pairing store, if at least a quarter of the cases need
/// this access. `reasons`: why cases are not played, with their ids.
pub(super) fn on_store(reasons: &BTreeMap<(Verdict, String), Vec<String>>, total: usize) -> Option<String> {
    let of_store = |reason: &str| reason.starts_with(STORE_UNREADABLE) || reason.starts_with(STORE_UNWRITABLE);
    let not_applicable = reasons.iter().filter(|((verdict, _), _)| *verdict == Verdict::NotApplicable);
    let cases: usize = not_applicable.filter(|((_, reason), _)| of_store(reason)).map(|(_, cases)| cases.len()).sum();
    (cases > 0 && cases * PART >= total).then(|| {
        format!(
            "to play {}, convert the pairing store of the gateway with `store: {{ read: [...], write: [...] }}` in its \
             description; see \"Stores in another form\" in gateways/README.md",
            counted(cases, "more case")
        )
    })
}

/// The commands that remove the entries that no longer hold from these lists of known deviations. A command is never
/// truncated, because users copy it.
pub(super) fn on_known(lists: &BTreeSet<PathBuf>) -> impl Iterator<Item = String> {
    lists.iter().map(|list| {
        let list = list.to_string_lossy();
        let prune = format!("clawcheck accept --known {} --report REPORT --prune", quoted(&list));
        printable::line(&format!("to remove what no longer holds: {prune}")).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::most(3, Verdict::NotApplicable, format!("{STORE_UNWRITABLE}, and no connection creates x"), true)]
    #[case::some(1, Verdict::NotApplicable, STORE_UNREADABLE.to_owned(), false)]
    #[case::another_reason(3, Verdict::NotApplicable, "the case applies only to 2026.4.2".to_owned(), false)]
    #[case::at_a_url(3, Verdict::Skipped, STORE_UNWRITABLE.to_owned(), false)]
    fn recommends_store_commands(
        #[case] cases: usize,
        #[case] verdict: Verdict,
        #[case] reason: String,
        #[case] has_advice: bool,
    ) {
        let reasons = BTreeMap::from([((verdict, reason), vec!["family/case".to_owned(); cases])]);
        let advice = on_store(&reasons, 8);
        assert_eq!(advice.is_some(), has_advice, "{advice:?}");
        assert!(advice.is_none_or(|advice| advice.starts_with("to play 3 more cases, ")));
    }
}
