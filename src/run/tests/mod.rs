//! The answers of `explain` and `capture` beside those of the cases.

mod capture;
mod explain;
