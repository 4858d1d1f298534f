//! The values that a release's own commands write to the store.

/// The values that a release's commands issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedFacts {
    /// The roles of a setup code's profile.
    pub setup_code_roles: &'static [&'static str],
    /// The scopes of a setup code's profile.
    pub setup_code_scopes: &'static [&'static str],
}

impl SeedFacts {
    /// The values of 2026.2.19, the oldest known release.
    pub fn oldest() -> Self {
        Self { setup_code_roles: &["node"], setup_code_scopes: &[] }
    }
}
