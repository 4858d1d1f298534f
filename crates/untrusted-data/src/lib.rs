//! Data that others wrote: gateways, users, other programs. This crate reads it within limits, and makes it safe to show.
//!
//! - [`plain_file`] reads only regular files, and [`whole`] replaces them atomically.
//! - [`limits`] says how much is read and kept, and [`cut`] marks what is left out.
//! - [`redact`] takes secrets out of text, [`printable`] escapes control characters, and [`excerpt`] shows a place in a file.
//!
//! The crate knows nothing of OpenClaw and imports none of our crates. Each crate that reads files or shows text may import it.

pub mod atomic_file;
pub mod cut;
mod excerpt;
pub mod limits;
pub mod plain_file;
pub mod printable;
pub mod redact;

pub use excerpt::excerpt;
pub use redact::Redactions;
