//! Gateways: described, installed and at a URL.

mod attached;
mod described;
mod flags;
mod foreign;
mod install;
mod messages;
mod own_snapshots;
mod store_commands;
mod wire_store;
