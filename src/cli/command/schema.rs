//! `clawcheck schema`: the JSON Schema of a scenario file.

use crate::cli::terminal::console;
use crate::cli::{Failure, exit};
use crate::scenario::schema;
use std::io::Write as _;

/// Print the JSON Schema of scenario files, for editors
#[derive(Debug, clap::Args)]
pub(crate) struct Schema {}

impl Schema {
    pub(crate) fn run(self) -> Result<u8, Failure> {
        console::stdout().write_all(schema::text().as_bytes()).map_err(Failure::output)?;
        Ok(exit::OK)
    }
}
