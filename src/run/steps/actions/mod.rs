//! What a case does on a gateway: connections, calls, the recipe of a store, where the gateway keeps it, and the
//! clean-up.

pub(super) mod clean_up;
pub(super) mod connections;
pub(in crate::run) mod create_store;
mod request;
pub(in crate::run) mod store_place;
