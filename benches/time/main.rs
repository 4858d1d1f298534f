//! Measures elapsed time: `cargo bench --bench time`.

mod connect;
mod corpus;
mod store;
#[path = "../support/mod.rs"]
mod support;

fn main() {
    divan::main();
}
