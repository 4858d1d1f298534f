//! The README and `docs/scenarios.md` are correct.

mod readme;
mod scenarios_page;
