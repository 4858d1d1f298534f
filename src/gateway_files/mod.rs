//! Recognizes what belongs to a gateway: the files of its state directory, and the lines of its log.

pub(crate) mod log_line;
pub(crate) mod log_lines;
mod settled;
mod state_directory;

pub(crate) use settled::settled;
pub(crate) use state_directory::{
    CONFIGS, GatewayFile, IDENTITY, USUAL_PLACE, above, below, is_of_gateway, is_state_directory, named,
    not_a_state_directory,
};
