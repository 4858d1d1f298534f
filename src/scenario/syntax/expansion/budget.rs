//! The memory that the expanded cases of one file may use.

use crate::scenario::syntax::nodes::{Node, NodeKind};
use crate::scenario::syntax::problems::SpannedError;
use crate::scenario::syntax::spans::Span;

/// Maximum size of all cases of a file together, in bytes, as [`ExpansionBudget`] counts them.
const MAX_EXPANSION_SIZE: usize = 16 * 1024 * 1024;
/// Approximate memory of a value in addition to its text, in bytes.
pub(super) const VALUE_SIZE: usize = 64;

/// The memory that the cases of one file may still use. Every reference copies the value of its axis, so a small file
/// can become large.
#[derive(Debug)]
pub(crate) struct ExpansionBudget {
    left: usize,
}

impl ExpansionBudget {
    /// The budget of one file.
    pub(crate) fn of_a_file() -> Self {
        Self { left: MAX_EXPANSION_SIZE }
    }

    pub(super) fn spend(&mut self, bytes: usize, span: Span) -> Result<(), SpannedError> {
        if let Some(left) = self.left.checked_sub(bytes) {
            self.left = left;
            return Ok(());
        }
        self.left = 0;
        let most = MAX_EXPANSION_SIZE >> 20;
        let message = format!("the expanded cases of this file would take more than {most} MiB");
        Err(SpannedError::at(span, message, "the limit is reached here").help("reduce the matrix or its values"))
    }

    /// Whether the budget is used up.
    pub(crate) fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Subtracts the size of a value and everything in it.
    pub(super) fn spend_all(&mut self, node: &Node, span: Span) -> Result<(), SpannedError> {
        self.spend(VALUE_SIZE, span)?;
        match &node.kind {
            NodeKind::Text(text) => self.spend(text.len(), span),
            NodeKind::List(items) => items.iter().try_for_each(|item| self.spend_all(item, span)),
            NodeKind::Map(entries) => entries.iter().try_for_each(|entry| {
                self.spend(entry.key.value.len(), span)?;
                self.spend_all(&entry.value, span)
            }),
            _ => Ok(()),
        }
    }
}
