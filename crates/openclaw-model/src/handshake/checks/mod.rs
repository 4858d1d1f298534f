//! Checks of one connect that no secret decides: its origin, its device, and what it offers as a node.

pub(super) mod device;
pub(super) mod node;
pub(super) mod origin;
