//! The types of a scenario file. Their doc comments are the descriptions of the JSON Schema.

pub mod case;
pub mod connect;
pub mod document;
pub mod expect;
pub mod gateway;
pub(super) mod identity;
pub(super) mod matrix;
pub mod step;
pub mod store;
pub mod symbol;
pub mod text;
