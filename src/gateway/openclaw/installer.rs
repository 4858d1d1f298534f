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

/// Node.js error codes that mean that the network is not available.
const NODE_NETWORK: &[&str] = &[
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ERR_SOCKET_TIMEOUT",
    "UND_ERR_CONNECT_TIMEOUT",
];
/// Parts of the messages of pip and cargo if they cannot reach the network.
const NETWORK: &[&str] = &[
    "Failed to establish a new connection",
    "Temporary failure in name resolution",
    "Name or service not known",
    "Could not resolve host",
    "Connection refused",
    "Network is unreachable",
];

impl Installer {
    /// The part of a log that says that the network is not available.
    pub(super) fn network_error(self, log: &str) -> Option<&'static str> {
        let known = if self == Self::Npm { NODE_NETWORK } else { NETWORK };
        known.iter().copied().find(|part| log.contains(part))
    }

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
