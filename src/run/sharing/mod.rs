//! Plays several cases on one gateway: which cases can share it, which records belong to which case, and what each case
//! observes.

pub(super) mod eligibility;
pub(super) mod group;
pub(super) mod tenancy;
