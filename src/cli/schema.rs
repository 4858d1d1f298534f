//! `clawcheck schema`: the JSON Schema of a scenario file.

use super::{Failure, console, exit};
use crate::scenario::schema;
use std::io::Write as _;

/// Print the JSON Schema of scenario files, for editors
#[derive(Debug, clap::Args)]
pub(super) struct Schema {}

impl Schema {
    pub(super) fn run(self) -> Result<u8, Failure> {
        console::stdout().write_all(schema::text().as_bytes()).map_err(Failure::output)?;
        Ok(exit::OK)
    }
}
