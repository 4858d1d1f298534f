//! What the tests share: folders, programs, and gateways that answer as told.

mod ended;
pub(crate) mod forger;
pub(crate) mod hostile;
pub(crate) mod in_process;
mod serving;
mod test_folder;

pub(crate) use ended::ended;
pub(crate) use hostile::HostileFolder;
pub(crate) use serving::{Serving, TOKEN, serve, somebody_elses};
pub(crate) use test_folder::{ProgramOutput, SCENARIO, STAYS, TestFolder, snapshot_file};
