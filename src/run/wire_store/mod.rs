//! Creates the pairing store of a case with connections and approvals, if clawcheck cannot write the store of the gateway.
//!
//! A [`Recipe`] lists the connections. [`create`] plays them on the gateway. Before that, [`rules`] plays the case twice
//! on the rules of the release, once with the written store and once with the recipe. Only a case with equal answers is
//! played, so a gateway that behaves like the release conforms in both ways.

pub(super) mod create;
mod recipe;
pub(super) mod rules;

pub(super) use create::SetupFailure;
pub(super) use recipe::{Recipe, recipe};
