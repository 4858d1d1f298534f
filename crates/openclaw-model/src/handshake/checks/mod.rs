//! Checks of a connect that do not depend on a secret: its origin, its device, and what it offers as a node.

pub(super) mod device;
pub(super) mod node;
pub(super) mod origin;
