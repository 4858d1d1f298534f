//! The packages of a description that npm does not have: `pip` and `cargo`.

use super::error::{DescriptionError, Source};
use crate::gateway::openclaw::ForeignPackage;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use std::path::Path;

/// Python packages in a virtual environment of their own. `{package}` is the directory of the environment, and its programs
/// come first on PATH.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pip {
    /// The packages, each with its version: `fastapi==0.165.0`.
    #[schemars(with = "Vec<String>", length(min = 1), inner(regex(pattern = "^[A-Za-z0-9][^=]*==[A-Za-z0-9.!+]+$")))]
    pub(super) packages: Spanned<Vec<Spanned<String>>>,
}

/// A Rust program. `{package}` is the directory that contains its `bin`, which comes first on PATH.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Cargo {
    /// The name of the package.
    #[schemars(with = "String")]
    pub(super) package: Spanned<String>,
    /// The version of the package.
    #[schemars(with = "String", regex(pattern = "^[0-9]+\\.[0-9]+\\.[0-9]"))]
    pub(super) version: Spanned<String>,
}

/// The package that a description names, if any.
pub(super) fn package<'d>(pip: Option<&'d Pip>, cargo: Option<&'d Cargo>) -> Option<ForeignPackage<'d>> {
    if let Some(pip) = pip {
        return Some(ForeignPackage::Pip(pip.packages.value.iter().map(|package| package.value.as_str()).collect()));
    }
    let Cargo { package, version } = cargo?;
    Some(ForeignPackage::Cargo { name: &package.value, version: &version.value })
}

/// The variable PATH with the programs of a package before all others.
pub(super) fn path_variable(directory: &Path) -> (String, String) {
    let others = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(directory.join("bin")).chain(std::env::split_paths(&others));
    let joined = std::env::join_paths(folders).unwrap_or(others);
    ("PATH".to_owned(), joined.to_string_lossy().into_owned())
}

/// Checks the packages: their names, their versions, and that only one installer is named.
pub(super) fn check(
    source: &Source<'_>,
    has_npm: bool,
    pip: Option<&Pip>,
    cargo: Option<&Cargo>,
) -> Result<(), DescriptionError> {
    let foreign = cargo.map(|cargo| cargo.package.referenced);
    let foreign = foreign.or_else(|| pip.map(|pip| pip.packages.referenced));
    let named = [has_npm, pip.is_some(), cargo.is_some()].into_iter().filter(|named| *named).count();
    if let Some(at) = foreign.filter(|_| named > 1) {
        let message = "a description can have only one of `npm`, `pip` and `cargo`";
        return Err(source.error_at(at, message, Some("install the others with a `before` command".to_owned())));
    }
    if let Some(pip) = pip {
        if pip.packages.value.is_empty() {
            return Err(source.error_at(pip.packages.referenced, "`packages` must name a package", None));
        }
        pip.packages.value.iter().try_for_each(|package| python_package(source, package))?;
    }
    cargo.map_or(Ok(()), |cargo| crate_of(source, cargo))
}

fn python_package(source: &Source<'_>, package: &Spanned<String>) -> Result<(), DescriptionError> {
    let text = &package.value;
    let (name, version) = text.split_once("==").unwrap_or((text, ""));
    let (name, extras) = name.split_once('[').unwrap_or((name, "x]"));
    let plain = |text: &str, more: &str| {
        text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    let extras = extras.strip_suffix(']').is_some_and(|extras| plain(extras, "._-,"));
    if !plain(name, "._-") || !extras {
        let help = "write a name and a version, for example fastapi==0.165.0";
        return invalid(source, package.referenced, format!("`{text}` is not a Python package"), help.to_owned());
    }
    if !plain(version, ".!+") {
        // A range would install another gateway next year.
        let help = format!("write `{name}==` followed by a version");
        return invalid(source, package.referenced, format!("`{text}` has no exact version"), help);
    }
    Ok(())
}

fn crate_of(source: &Source<'_>, cargo: &Cargo) -> Result<(), DescriptionError> {
    let Cargo { package, version } = cargo;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !package.value.starts_with(|c: char| c.is_ascii_alphanumeric()) || !package.value.chars().all(plain) {
        let help = "write the name of a package on crates.io".to_owned();
        return invalid(source, package.referenced, format!("`{}` is not a Rust package", package.value), help);
    }
    let core = version.value.split(['-', '+']).next().unwrap_or_default();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    if core.split('.').count() != 3 || !core.split('.').all(is_number) || !version.value.chars().all(rest) {
        let help = "write all three numbers, for example 1.2.3".to_owned();
        return invalid(source, version.referenced, format!("`{}` is not an exact version", version.value), help);
    }
    Ok(())
}

fn invalid(source: &Source<'_>, at: Location, message: String, help: String) -> Result<(), DescriptionError> {
    Err(source.error_at(at, message, Some(help)))
}

#[cfg(test)]
mod tests {
    use super::super::file::parse;
    use super::*;
    use rstest::rstest;

    const GOOD: &str = "gateway: x\nabout: y\nclaims: 2026.4.2\ncommand: z\n";

    #[rstest]
    #[case("pip: { packages: [fastapi] }", "fastapi", "`fastapi` has no exact version")]
    #[case("pip:\n  packages:\n    - fastapi==1.0\n    - \"uvicorn>=1\"", "\"uvicorn>=1\"", "is not a Python package")]
    #[case("pip: { packages: [\"a==1.*\"] }", "\"a==1.*\"", "has no exact version")]
    #[case("pip: { packages: [\"--index-url=http://x\"] }", "\"--index", "is not a Python package")]
    #[case("pip: { packages: [] }", "[", "must name a package")]
    #[case("cargo: { package: a, version: \"1\" }", "\"1\"", "`1` is not an exact version")]
    #[case("cargo: { package: --git, version: 1.2.3 }", "--git", "is not a Rust package")]
    #[case("npm: { package: a, version: \"1\" }\ncargo: { package: b, version: 1.2.3 }", "b", "only one of")]
    #[case("cargo: { package: a, version: 1.2.3 }\nargs: [\"{node}\"]", "\"{node}\"", "needs an npm package")]
    fn package_error_with_position(#[case] lines: &str, #[case] at: &str, #[case] says: &str) {
        let text = format!("{GOOD}{lines}\n");
        let DescriptionError::Invalid(error) = parse("x.yaml", &text).unwrap_err() else { panic!("{lines}") };
        assert!(error.message.contains(says), "{error}");
        let marked = &text[error.span.offset()..];
        assert!(marked.starts_with(at), "{error}: {marked:?}");
    }

    #[rstest]
    #[case("pip: { packages: [openclaw-py==0.3.0, \"uvicorn[standard]==1.0.post1\"] }\nargs: [\"{package}\"]")]
    #[case("cargo: { package: my-gateway, version: 1.2.3-rc.1 }\nenv: { A: \"{package}\" }")]
    fn takes_packages_with_versions(#[case] lines: &str) {
        let description = parse("x.yaml", &format!("{GOOD}{lines}\n")).unwrap();
        assert!(package(description.pip.as_ref(), description.cargo.as_ref()).is_some());
    }
}
