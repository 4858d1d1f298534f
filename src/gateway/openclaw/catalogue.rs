//! Reads `gateways/openclaw.yaml`: what npm needs to install a release, besides its version.

use super::install_error::InstallError;
use openclaw_model::Release;
use serde::Deserialize;
use std::collections::BTreeMap;

const TEXT: &str = include_str!("../../../gateways/openclaw.yaml");

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Catalogue {
    /// The version of npm's `node` package.
    pub(super) node: String,
    /// npm `overrides`.
    pub(super) overrides: BTreeMap<String, String>,
    packages: Vec<String>,
    releases: Vec<ExtraPackages>,
    schemas: Vec<PublishedSchema>,
}

/// A published protocol schema.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublishedSchema {
    /// The package's version.
    pub(super) version: String,
    from: String,
}

/// Additional needs of a range of releases.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtraPackages {
    from: String,
    until: String,
    /// The architecture of the machine, as Rust names it. `None` for every architecture.
    arch: Option<String>,
    packages: Vec<String>,
}

impl Catalogue {
    /// Returns the built-in catalogue.
    pub(super) fn built_in() -> Result<Self, InstallError> {
        let invalid = |reason: String| InstallError::Catalogue { reason };
        let catalogue: Self = serde_saphyr::from_str(TEXT).map_err(|error| invalid(error.to_string()))?;
        for extra in &catalogue.releases {
            for bound in [&extra.from, &extra.until] {
                bound.parse::<Release>().map_err(|error| invalid(error.to_string()))?;
            }
        }
        for schema in &catalogue.schemas {
            schema.from.parse::<Release>().map_err(|error| invalid(error.to_string()))?;
        }
        Ok(catalogue)
    }

    /// The packages to install next to a release.
    pub(super) fn beside(&self, release: Release) -> Vec<&str> {
        self.beside_on(release, std::env::consts::ARCH)
    }

    fn beside_on(&self, release: Release, arch: &str) -> Vec<&str> {
        let covers = |extra: &&ExtraPackages| {
            let bound = |text: &str| text.parse::<Release>().ok();
            bound(&extra.from).is_some_and(|from| from <= release)
                && bound(&extra.until).is_some_and(|until| release <= until)
                && extra.arch.as_deref().is_none_or(|of| of == arch)
        };
        let extras = self.releases.iter().filter(covers).flat_map(|extra| &extra.packages);
        self.packages.iter().chain(extras).map(String::as_str).collect()
    }

    /// The newest protocol schema that was published with this release or an earlier one.
    pub(super) fn schema(&self, release: Release) -> Option<&PublishedSchema> {
        let covers = |schema: &&PublishedSchema| schema.from.parse::<Release>().is_ok_and(|from| from <= release);
        self.schemas.iter().rev().find(covers)
    }

    /// The first published protocol schema.
    pub(super) fn first_schema(&self) -> Option<&PublishedSchema> {
        self.schemas.first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_catalogue() {
        let catalogue = Catalogue::built_in().unwrap();
        assert_eq!(catalogue.beside(Release::new(2026, 4, 2)), ["axios"]);
        assert!(catalogue.beside(Release::new(2026, 4, 5)).contains(&"grammy"));
        let native = |arch| catalogue.beside_on(Release::new(2026, 9, 6), arch);
        assert_eq!(native("x86_64"), ["axios", "@openclaw/fs-safe-linux-x64-gnu@0.18.1"]);
        assert_eq!(native("aarch64"), ["axios", "@openclaw/fs-safe-linux-arm64-gnu@0.18.1"]);
        assert_eq!(native("riscv64"), ["axios"]);
    }

    #[test]
    fn newest_schema_not_after_release() {
        let catalogue = Catalogue::built_in().unwrap();
        let version = |release| catalogue.schema(release).map(|schema| schema.version.as_str());
        assert_eq!(version(Release::new(2026, 7, 35)), None);
        assert_eq!(version(Release::new(2026, 8, 1)), Some("2026.8.1-beta.3"));
        assert_eq!(version(Release::new(2026, 9, 6)), Some("2026.9.1"));
    }
}
