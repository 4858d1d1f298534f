//! How long things take, by the clock on the wall: `cargo bench --bench time`.

mod connect;
mod corpus;
mod store;
#[path = "../support/mod.rs"]
mod support;

fn main() {
    divan::main();
}
