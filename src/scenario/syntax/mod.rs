//! Reads YAML into a tree of nodes with positions, expands the matrix, and deserializes the tree into the model.

pub(crate) mod deserializer;
pub(super) mod expansion;
pub(crate) mod nodes;
pub(crate) mod problems;
pub(crate) mod source;
pub(crate) mod spans;
