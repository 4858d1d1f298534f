//! Longer lists of single releases.

pub(super) mod capabilities;
pub(super) mod channels;
pub(super) mod skills;
