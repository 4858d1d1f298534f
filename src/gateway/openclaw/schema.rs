//! The protocol schema that OpenClaw publishes: `protocol.schema.json` of npm's `@openclaw/gateway-protocol`.

use super::install::{InstallRequest, Installation, RELEASE_FLAGS};
use super::install_error::InstallError;
use crate::gateway::prepare::{Preparation, PrepareListener};
use openclaw_model::Release;
use std::collections::BTreeMap;
use std::path::PathBuf;
use untrusted_data::limits::SCHEMA_BYTES;
use untrusted_data::plain_file::{self, Links};

const PACKAGE: &str = "@openclaw/gateway-protocol";
const FILE: &str = "protocol.schema.json";

/// A published schema on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProtocolSchema {
    /// `@openclaw/gateway-protocol@2026.9.1`.
    pub package: String,
    /// The file.
    pub path: PathBuf,
    /// The text of the schema.
    pub text: String,
}

/// Why there is no schema to compare frames with.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum SchemaError {
    /// The release is older than the first published package.
    #[error("no schema was published for {release}: the first version of {PACKAGE} is {first}")]
    #[diagnostic(help("to use that version anyway, pass --schema={first}"))]
    NoneFor {
        /// The release without a published schema.
        release: Release,
        /// The version of the first published package.
        first: String,
    },
    /// The package cannot be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The package is installed, but its schema cannot be read.
    #[error("{package} has no readable {}: {reason}", path.display())]
    Unreadable {
        /// The npm package of the schema.
        package: String,
        /// The expected path of the schema.
        path: PathBuf,
        /// The error of the operating system.
        reason: String,
    },
}

impl SchemaError {
    /// Whether the requested schema does not exist. `false`: it exists but could not be installed or read.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::NoneFor { .. } | Self::Install(InstallError::NoSuchVersion { .. }))
    }
}

/// Returns the schema for a release, or of a version of the package, from the cache or from npm.
///
/// # Errors
/// Returns the reason why the schema is not available.
pub(crate) async fn protocol_schema(
    release: Release,
    version: Option<&str>,
    preparation: &Preparation,
    listener: PrepareListener<'_>,
) -> Result<ProtocolSchema, SchemaError> {
    let installation = Installation::new(preparation, listener)?;
    let catalogue = &installation.catalogue;
    let Some(version) = version.or_else(|| catalogue.schema(release).map(|schema| schema.version.as_str())) else {
        let first = catalogue.first_schema().map(|schema| schema.version.clone()).unwrap_or_default();
        return Err(SchemaError::NoneFor { release, first });
    };
    let overrides = BTreeMap::new();
    let request = InstallRequest { name: PACKAGE, version, beside: &[], overrides: &overrides, flags: &RELEASE_FLAGS };
    let installed = installation.package(&installation.cache.other(PACKAGE, version), &request).await?;
    let package = format!("{PACKAGE}@{version}");
    let path = installed.directory.join(FILE);
    match plain_file::read_text(&path, SCHEMA_BYTES, Links::Follow) {
        Ok(text) => Ok(ProtocolSchema { package, path, text }),
        Err(error) => Err(SchemaError::Unreadable { package, path, reason: error.to_string() }),
    }
}
