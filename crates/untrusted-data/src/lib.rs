//! Data from others: gateways, users, other programs. This crate reads such data within limits, and makes it safe to
//! show.
//!
//! - [`plain_file`] reads only regular files, and [`atomic_file`] replaces them atomically. [`disk`] tells a full disk
//!   from a path that cannot be used.
//! - [`limits`] defines how much is read and kept, and [`cut`] marks what is left out.
//! - [`redact`] removes secrets from text, [`printable`] escapes control characters, and [`excerpt`] shows a position
//!   in a file.
//!
//! The crate knows nothing about OpenClaw and imports no other crate of this workspace. Every crate that reads files
//! or shows text may import it.

pub mod atomic_file;
pub mod cut;
pub mod disk;
mod excerpt;
pub mod limits;
pub mod plain_file;
pub mod printable;
pub mod redact;

pub use excerpt::excerpt;
pub use redact::Redactions;
