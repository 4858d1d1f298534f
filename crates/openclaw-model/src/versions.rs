//! The releases of the history, by name.

use super::release::Release;

pub(super) const V2026_2_19: Release = Release::new(2026, 2, 19);
pub(super) const V2026_2_26: Release = Release::new(2026, 2, 26);
pub(super) const V2026_3_13: Release = Release::new(2026, 3, 13);
pub(super) const V2026_3_28: Release = Release::new(2026, 3, 28);
pub(super) const V2026_3_31: Release = Release::new(2026, 3, 31);
pub(super) const V2026_4_1: Release = Release::new(2026, 4, 1);
pub(super) const V2026_4_2: Release = Release::new(2026, 4, 2);
pub(super) const V2026_4_5: Release = Release::new(2026, 4, 5);
pub(super) const V2026_4_8: Release = Release::new(2026, 4, 8);
pub(super) const V2026_4_15: Release = Release::new(2026, 4, 15);
pub(super) const V2026_5_7: Release = Release::new(2026, 5, 7);
pub(super) const V2026_6_11: Release = Release::new(2026, 6, 11);
pub(super) const V2026_7_35: Release = Release::new(2026, 7, 35);
pub(super) const V2026_9_6: Release = Release::new(2026, 9, 6);
