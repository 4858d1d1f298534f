//! The programs that install packages.

use std::fmt;

/// A program that installs packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installer {
    /// Node's.
    Npm,
    /// Python itself, which makes the virtual environment that pip is in.
    Python,
    /// Python's.
    Pip,
    /// Rust's.
    Cargo,
}

impl Installer {
    /// Where to get it.
    pub(super) fn home(self) -> &'static str {
        match self {
            Self::Npm => "https://nodejs.org",
            Self::Python | Self::Pip => "https://www.python.org",
            Self::Cargo => "https://rustup.rs",
        }
    }
}

impl fmt::Display for Installer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Npm => "npm",
            Self::Python => "python3",
            Self::Pip => "pip",
            Self::Cargo => "cargo",
        })
    }
}
