//! The scenario language: types, parsing with positions, matrix expansion, lint and JSON Schema. This module reads
//! files and has no other effects.
//!
//! A file becomes a tree of nodes with positions. At each point of the matrix, the references `${axis}` in the tree are
//! replaced, and the tree is deserialized into the types of the model: [`gateway`], [`store`], [`step`], [`connect`]
//! and [`expect`]. The doc comments of these types are the descriptions in the JSON Schema.

mod check;
mod corpus;
pub(crate) mod lint;
mod model;
pub(crate) mod schema;
mod syntax;
mod unknown_words;
pub(crate) mod writer;

pub(crate) use check::first_problem;
pub use corpus::Corpus;
pub(crate) use corpus::filter::Filter;
pub use model::case::Case;
pub(crate) use model::document::Need;
pub(crate) use model::step::{Step, StepKind};
pub(crate) use model::text::Pattern;
pub(crate) use model::{connect, expect, gateway, step, store, symbol, text};
pub(crate) use syntax::problems::ScenarioErrors;
pub(crate) use syntax::source::Source;
pub(crate) use syntax::{deserializer, nodes, problems, spans};

/// Whether a text is a valid name of a device.
pub(crate) fn is_name(text: &str) -> bool {
    syntax::spans::Name::is_valid(text)
}
