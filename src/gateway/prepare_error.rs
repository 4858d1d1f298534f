//! Why a gateway cannot be prepared.

use super::described::{DescribedError, DescriptionError};
use super::openclaw::InstallError;
use crate::client::UrlError;
use openclaw_model::UnknownRelease;

/// Why a gateway cannot be prepared.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PrepareError {
    /// The URL is not valid.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The embedded gateway does not support the release.
    #[error(transparent)]
    UnknownRelease(#[from] UnknownRelease),
    /// The release cannot be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The description is not valid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Description(#[from] DescriptionError),
    /// The gateway does not have other releases.
    #[error(
        "clawcheck cannot start another release of {gateway}; only openclaw@RELEASE and embedded@RELEASE have releases"
    )]
    NoOtherRelease {
        /// The gateway as the user named it.
        gateway: String,
    },
}

impl PrepareError {
    /// Whether the user has to name something else. `false`: the argument is right, but the gateway could not be installed or
    /// read.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Url(_) | Self::UnknownRelease(_) | Self::Description(_) => true,
            // Another version exists, and the user can name it.
            Self::Install(InstallError::NoSuchVersion { .. }) => true,
            Self::Install(_) | Self::NoOtherRelease { .. } => false,
        }
    }
}

impl From<DescribedError> for PrepareError {
    fn from(error: DescribedError) -> Self {
        match error {
            DescribedError::Description(error) => error.into(),
            DescribedError::Install(error) => error.into(),
        }
    }
}
