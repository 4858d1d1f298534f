//! All behaviours, by kind.

mod close;
mod echo;
mod floods;
mod frames;
mod http;
mod json;
mod process;
mod protocol;
mod store;
mod tcp;
mod upgrade;

use super::row::Row;

/// Rows whose expected result is not known yet.
pub(crate) const WAITING: &[&str] = &[];

/// Every behaviour with its kind.
pub(crate) fn all() -> Vec<(&'static str, Row)> {
    let kinds = [
        ("tcp", tcp::rows()),
        ("http", http::rows()),
        ("upgrade", upgrade::rows()),
        ("frames", frames::rows()),
        ("json", json::rows()),
        ("protocol", protocol::rows()),
        ("close", close::rows()),
        ("floods", floods::rows()),
        ("process", process::rows()),
        ("store", store::rows()),
        ("echo", echo::rows()),
    ];
    kinds.into_iter().flat_map(|(kind, rows)| rows.into_iter().map(move |row| (kind, row))).collect()
}
