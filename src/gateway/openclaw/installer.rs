//! The programs that install packages.

use std::fmt;

/// A program that installs packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installer {
    /// Installs Node.js packages.
    Npm,
    /// Creates the virtual environment of a set of Python packages.
    Python,
    /// Installs Python packages.
    Pip,
    /// Installs Rust programs.
    Cargo,
}

impl Installer {
    /// The web page of the program.
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
