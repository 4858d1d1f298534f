//! Gateways and files that do harm.

mod canary;
mod deadlines;
mod failing;
mod heavy;
mod special_files;
