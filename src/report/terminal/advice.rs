//! What a user can do to have more cases played.

use crate::counted::counted;
use crate::shell::quoted;
use std::collections::BTreeSet;
use std::path::PathBuf;
use untrusted_data::printable;

/// The part of the cases, as a divisor, that must need the store for the advice.
const PART: usize = 4;

/// The advice for a gateway whose description gives no access to its pairing store, if at least a quarter of the cases need
/// this access. `cases`: the number of cases that are not applicable for this reason.
pub(super) fn on_store(cases: usize, total: usize) -> Option<String> {
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
    #[case::a_quarter(3, 12, Some("to play 3 more cases, "))]
    #[case::less(3, 13, None)]
    #[case::none(0, 0, None)]
    fn recommends_store_commands(#[case] cases: usize, #[case] total: usize, #[case] begins: Option<&str>) {
        let advice = on_store(cases, total);
        assert_eq!(advice.is_some(), begins.is_some(), "{advice:?}");
        assert!(advice.unwrap_or_default().starts_with(begins.unwrap_or_default()));
    }
}
