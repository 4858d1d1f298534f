//! When a case conforms, and what a run says if it does not.

mod causes;
mod forged;
mod known;
mod levels;
mod requirements;
mod schema;
mod share;
