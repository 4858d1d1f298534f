//! The scenario language: types, parsing with spans, matrix expansion, lint, JSON Schema. Reads files, nothing else.
//!
//! A file becomes a tree of nodes that know where they stand; at each point of the matrix the references `${axis}` are
//! replaced in the tree, and the tree is read into the types of the model, [`gateway`], [`store`], [`step`],
//! [`connect`] and [`expect`]. Their doc comments are the descriptions of the JSON Schema.

mod check;
mod corpus;
mod model;
pub mod schema;
mod syntax;

pub use check::lint;
pub use corpus::Corpus;
pub use corpus::filter::Filter;
pub use model::case::Case;
pub use model::document::Need;
pub use model::step::{Step, StepKind};
pub use model::{connect, expect, gateway, step, store, symbol, text};
pub use syntax::problems::ScenarioErrors;
