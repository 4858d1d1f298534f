//! Reads YAML into a tree of nodes with positions, expands the matrix, and deserializes the tree into the model.

pub(super) mod deserializer;
pub(super) mod expansion;
pub(super) mod nodes;
pub(super) mod problems;
pub(super) mod spans;
