//! Plays several cases on one gateway: which cases can share it, whose records its store holds, and what each case sees of them.

pub(super) mod eligibility;
pub(super) mod group;
pub(super) mod tenancy;
pub(super) mod view;
