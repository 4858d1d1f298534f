//! The snapshots of one case by release.

use openclaw_model::Release;
use std::collections::{BTreeMap, BTreeSet};

/// One snapshot of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The observation as text.
    pub text: String,
    /// The real releases that were run with this observation.
    pub seen: BTreeSet<Release>,
}

/// All snapshots of a case, by the first release that each applies to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The snapshots.
    pub variants: BTreeMap<Release, Variant>,
}

impl History {
    /// The snapshot that applies to a release, and the release that it is filed under.
    pub fn serving(&self, release: Release) -> Option<(Release, &Variant)> {
        self.variants.range(..=release).next_back().map(|(from, variant)| (*from, variant))
    }

    /// Approves an observation of a release. `real` states whether a real release was observed.
    ///
    /// Keeps the answers of later releases that were already observed: if the new snapshot would apply to such a
    /// release, the release gets its own snapshot with its earlier answer.
    pub fn accept(&mut self, release: Release, text: &str, real: bool) {
        let held = self.serving(release).map(|(from, _)| from);
        if let Some(variant) = held.and_then(|from| self.variants.get_mut(&from)) {
            if variant.text == text {
                if real {
                    variant.seen.insert(release);
                }
                return;
            }
            variant.seen.remove(&release);
            let later = variant.seen.split_off(&release);
            if let Some(next) = later.first() {
                let copy = Variant { text: variant.text.clone(), seen: later.clone() };
                self.variants.insert(*next, copy);
            }
        }
        let seen = if real { [release].into() } else { BTreeSet::new() };
        self.variants.insert(release, Variant { text: text.to_owned(), seen });
        self.merge_equal_neighbours();
    }

    /// Removes snapshots that equal the previous one.
    fn merge_equal_neighbours(&mut self) {
        let mut merged: BTreeMap<Release, Variant> = BTreeMap::new();
        for (release, variant) in std::mem::take(&mut self.variants) {
            match merged.last_entry() {
                Some(mut last) if last.get().text == variant.text => last.get_mut().seen.extend(variant.seen),
                _ => {
                    merged.insert(release, variant);
                }
            }
        }
        self.variants = merged;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn release(n: u16) -> Release {
        Release::new(2026, 4, n)
    }

    fn held(history: &History, n: u16) -> Option<&str> {
        history.serving(release(n)).map(|(_, variant)| variant.text.as_str())
    }

    #[test]
    fn unchanged_release_adds_no_snapshot() {
        let mut history = History::default();
        history.accept(release(1), "a", true);
        history.accept(release(2), "a", true);
        assert_eq!(history.variants.len(), 1);
        assert_eq!(history.variants[&release(1)].seen, [release(1), release(2)].into());
    }

    #[test]
    fn new_snapshot_keeps_later_ones() {
        let mut history = History::default();
        for n in [1, 3, 5] {
            history.accept(release(n), "a", true);
        }
        history.accept(release(2), "b", false);
        assert_eq!([1, 2, 3, 5].map(|n| held(&history, n)), [Some("a"), Some("b"), Some("a"), Some("a")]);
        assert_eq!(history.variants[&release(2)].seen, BTreeSet::new(), "only our own gateway has shown it");
        assert_eq!(history.variants[&release(3)].seen, [release(3), release(5)].into());
    }

    #[test]
    fn regression_has_two_variants() {
        let mut history = History::default();
        for (n, text) in [(1, "a"), (2, "b"), (3, "a")] {
            history.accept(release(n), text, true);
        }
        assert_eq!(history.variants.len(), 3);
        history.accept(release(2), "a", true);
        assert_eq!(history.variants.len(), 1, "it never happened");
    }

    proptest! {
        #[test]
        fn accept_keeps_confirmed_snapshots(
            steps in prop::collection::vec((1u16..12, "[abc]", any::<bool>()), 1..30)
        ) {
            let mut history = History::default();
            let mut seen = BTreeMap::new();
            for (n, text, real) in steps {
                history.accept(release(n), &text, real);
                seen.remove(&n);
                prop_assert_eq!(held(&history, n), Some(text.as_str()));
                if real {
                    seen.insert(n, text);
                }
                for (n, text) in &seen {
                    prop_assert_eq!(held(&history, *n), Some(text.as_str()));
                }
                for pair in history.variants.values().collect::<Vec<_>>().windows(2) {
                    prop_assert_ne!(&pair[0].text, &pair[1].text);
                }
            }
        }
    }
}
