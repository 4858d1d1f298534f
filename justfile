# Commands that people type. `just` lists them.

_list:
    @just --list

# Check the format and the lints
check:
    cargo fmt --all --check
    cargo clippy --locked --all-targets -- -D warnings

# Run all tests
test *ARGS:
    cargo test --locked {{ARGS}}

# Play cases on the embedded gateway: just run role-upgrade
run *ARGS:
    cargo run --locked --release -- run {{ARGS}}

# Play cases on a real release: just live 2026.4.2 role-upgrade
live RELEASE *ARGS:
    cargo run --locked --release -- run --gateway openclaw@{{RELEASE}} --jobs 2 {{ARGS}}

# Run everything that must pass before a merge
ci:
    .ci/run
