//! Whether observations on shared gateways are final.

use crate::locked::locked;
use std::sync::Mutex;

/// Compares observations on a shared gateway with observations on a gateway of its own. A case that deviates in a group
/// is played again. On a gateway that deviates everywhere, this would cost as much as no sharing at all, so the
/// repetition stops after it has shown nothing new often enough.
#[derive(Default)]
pub(super) struct RerunPolicy(Mutex<RerunHistory>);

#[derive(Default)]
struct RerunHistory {
    enough: usize,
    same: usize,
    differed: bool,
}

impl RerunPolicy {
    fn with<T>(&self, act: impl FnOnce(&mut RerunHistory) -> T) -> T {
        act(&mut locked(&self.0))
    }

    pub(super) fn begin(&self, enough: usize) {
        self.with(|history| history.enough = enough);
    }

    pub(super) fn note(&self, same: bool) {
        self.with(|history| {
            history.same += usize::from(same);
            history.differed |= !same;
        });
    }

    /// Whether observations on shared gateways are final.
    pub(super) fn is_trusted(&self) -> bool {
        self.with(|history| !history.differed && history.same >= history.enough)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::not_enough(&[true, true], false)]
    #[case::enough(&[true, true, true], true)]
    #[case::differed_before(&[false, true, true, true], false)]
    #[case::differed_after(&[true, true, true, false], false)]
    fn trusts_groups_after_equal_observations(#[case] same: &[bool], #[case] earned: bool) {
        let policy = RerunPolicy::default();
        policy.begin(3);
        same.iter().for_each(|same| policy.note(*same));
        assert_eq!(policy.is_trusted(), earned);
    }
}
