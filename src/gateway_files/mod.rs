//! Recognizes what belongs to a gateway: the files of its state directory, and the lines of its log.

pub(crate) mod log_line;
pub(crate) mod log_lines;
mod mistaken;
mod state_directory;
mod unchanged;
pub(crate) mod verbose_line;

pub(crate) use mistaken::{MistakenArgument, MistakenKind};
pub(crate) use state_directory::{
    CONFIGS, GatewayFile, IDENTITY, USUAL_PLACE, above, below, is_of_gateway, is_state_directory, named,
    not_a_state_directory,
};
pub(crate) use unchanged::read_unchanged;
