//! The types of a scenario file. Their doc comments are the descriptions of the JSON Schema.

pub(super) mod case;
pub(crate) mod connect;
pub(super) mod document;
pub(crate) mod expect;
pub(crate) mod gateway;
pub(super) mod identity;
pub(super) mod matrix;
mod needs;
pub(crate) mod step;
pub(crate) mod store;
pub(crate) mod symbol;
pub(crate) mod text;
