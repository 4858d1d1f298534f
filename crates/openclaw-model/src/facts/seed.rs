//! What a release writes into its store when it issues something by a command.

/// What a release issues by its commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedFacts {
    /// The roles of a setup code's profile.
    pub setup_code_roles: &'static [&'static str],
    /// The scopes of a setup code's profile.
    pub setup_code_scopes: &'static [&'static str],
}

impl SeedFacts {
    /// What 2026.2.19, the oldest known release, issues.
    pub fn oldest() -> Self {
        Self { setup_code_roles: &["node"], setup_code_scopes: &[] }
    }
}
