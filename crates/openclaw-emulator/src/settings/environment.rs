//! The environment variables of a gateway.

/// The environment variables that a gateway sees.
#[derive(Clone, Copy)]
pub(super) struct Env<'a>(pub(super) &'a [(String, String)]);

impl<'a> Env<'a> {
    /// The value of a variable. If a name occurs twice, the last one counts.
    pub(super) fn get(self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A trimmed variable. `None` if it is empty.
    pub(super) fn trimmed(self, name: &str) -> Option<&'a str> {
        self.get(name).map(str::trim).filter(|value| !value.is_empty())
    }
}
