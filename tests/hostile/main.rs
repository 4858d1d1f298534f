//! Gateways that violate the protocol in many ways, one behaviour at a time, and the verdict and output of clawcheck
//! for each.
//!
//! `cargo test --test hostile` plays all of them, and `cargo test --test hostile -- frames` those of one kind. Other
//! tests kill clawcheck at many moments: see [`kill`].
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a seed has to be seen")]
#![expect(clippy::too_many_lines, reason = "tables of rows")]
#![expect(clippy::disallowed_methods, reason = "a gateway logs what no console would print")]

mod frames;
mod kill;
mod measure;
mod peer;
mod play;
mod row;
mod rows;
mod server;

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

/// The number of threads. Most tests wait most of the time.
const THREADS: usize = 24;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "gateway", name] => {
            let row = rows::all().into_iter().find(|(_, row)| row.name == name);
            row.into_iter().for_each(|(_, row)| server::run(&row));
            return ExitCode::SUCCESS;
        }
        [_, "measure", file, program, ..] => {
            let code = measure::run(file.as_ref(), program, &arguments[4..]);
            return ExitCode::from(u8::try_from(code).unwrap_or(1));
        }
        _ => {}
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    libtest_mimic::run(&arguments, rows::all().into_iter().map(trial).chain(kill::trials()).collect()).exit_code()
}

fn trial((kind, row): (&str, row::Row)) -> Trial {
    let waits = rows::WAITING.contains(&row.name);
    Trial::test(format!("{kind}::{}", row.name), move || play::play(&row).map_err(Failed::from))
        .with_ignored_flag(waits)
}
