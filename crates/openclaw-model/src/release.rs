//! OpenClaw versions and their order.

use std::fmt;

/// An OpenClaw version. The order is that of the npm releases, and a suffix counts as a later build: 2026.7.1 <
/// 2026.7.1-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    pub(crate) year: u16,
    pub(crate) month: u16,
    pub(crate) patch: u16,
    pub(crate) build: u16,
}

impl Release {
    /// A release from its parts.
    pub const fn new(year: u16, month: u16, patch: u16) -> Self {
        Self { year, month, patch, build: 0 }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.year, self.month, self.patch)?;
        if self.build > 0 {
            write!(f, "-{}", self.build)?;
        }
        Ok(())
    }
}
