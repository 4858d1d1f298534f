//! The scenario language: types, parsing with spans, matrix expansion, lint, JSON Schema. Reads files, nothing else.
//!
//! A file becomes a tree of nodes that know where they stand; at each point of the matrix the references `${axis}` are
//! replaced in the tree, and the tree is read into the types of [`document`], [`gateway`], [`store`], [`step`],
//! [`connect`] and [`expect`]. Their doc comments are the descriptions of the JSON Schema.

pub mod case;
mod check;
pub mod connect;
pub mod corpus;
mod de;
pub mod document;
mod expand;
pub mod expect;
mod files;
pub mod filter;
pub mod gateway;
mod identity;
pub mod lint;
pub mod matrix;
#[cfg(test)]
mod mutants;
mod needs;
mod node;
mod problem;
pub mod schema;
pub mod spanned;
pub mod step;
pub mod store;
mod story;
pub mod symbol;
pub mod text;
mod trust;
#[cfg(test)]
mod wrong;

pub use case::{Case, Source};
pub use corpus::Corpus;
pub use document::{Need, Scenario, WrittenBy};
pub use filter::{Filter, FilterError};
pub use problem::{Problem, Problems};
pub use spanned::{Name, NameOrNone, Span, Spanned};
pub use step::{Act, Step};
