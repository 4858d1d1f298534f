//! State directories: `explain`, `doctor` and `capture`.

mod capture;
mod doctor;
mod explain;
mod explain_case;
mod explain_client;
mod explain_log;
mod explain_untrusted;
mod misplaced_paths;
mod own_credentials;
mod release_of_directory;
pub(crate) mod remedies;
pub(crate) mod state_dir;
mod verbose;
