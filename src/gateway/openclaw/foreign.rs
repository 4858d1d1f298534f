//! Installs packages of pip and cargo into the cache, each set in a directory of its own with a `bin` in it.

use super::cache::Cache;
use super::install::{Installation, check_access};
use super::install_error::InstallError;
use super::installer::Installer;
use crate::gateway::prepare::PrepareEvent;
use crate::gateway::spawned::process::{InheritedEnvironment, Invocation};
use sha2::{Digest as _, Sha256};
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The maximum number of log lines in an error.
const LOG_LINES: usize = 12;

/// Packages that npm does not have.
#[derive(Debug)]
pub(in crate::gateway) enum ForeignPackage<'a> {
    /// Python packages, each with its version: `fastapi==0.165.0`.
    Pip(Vec<&'a str>),
    /// A program on crates.io.
    Cargo {
        /// The name of the package.
        name: &'a str,
        /// The version of the package.
        version: &'a str,
    },
}

impl ForeignPackage<'_> {
    /// The name in messages.
    fn label(&self) -> String {
        match self {
            Self::Pip(packages) => packages.join(" "),
            Self::Cargo { name, version } => format!("{name}@{version}"),
        }
    }

    /// The name of its directory. The order of Python packages does not matter.
    fn key(&self) -> String {
        match self {
            Self::Pip(packages) => {
                let mut packages = packages.clone();
                packages.sort_unstable();
                let digest = Sha256::digest(packages.join("\n"));
                digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
            }
            Self::Cargo { version, .. } => (*version).to_owned(),
        }
    }

    fn directory(&self, cache: &Cache, key: &str) -> PathBuf {
        match self {
            Self::Pip(_) => cache.pip(key),
            Self::Cargo { name, version } => cache.cargo(name, version),
        }
    }

    /// What is missing from the directory of an installation. `None` if the installation is complete.
    fn missing(&self, directory: &Path) -> Option<String> {
        match self {
            Self::Pip(packages) => missing_python_package(packages, directory),
            Self::Cargo { .. } => (!directory.join("bin").exists()).then(|| "bin".to_owned()),
        }
    }

    /// The commands that install it into an empty directory, one after another.
    fn commands(&self, directory: &Path) -> Vec<(Installer, OsString, Vec<OsString>)> {
        match self {
            // `-I` ignores PYTHONPATH and the working directory. Packages there would not be installed, and the gateway would
            // not find them.
            Self::Pip(packages) => {
                let make = ["-I", "-m", "venv"].map(OsString::from).into_iter().chain([directory.into()]);
                let install = ["-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"];
                let install = install.iter().chain(packages).map(OsString::from);
                vec![
                    (Installer::Python, "python3".into(), make.collect()),
                    (Installer::Pip, directory.join("bin/python").into(), install.collect()),
                ]
            }
            Self::Cargo { name, version } => {
                let words = ["install", "--locked", "--version", version, "--root"].map(OsString::from);
                let words = words.into_iter().chain([directory.into(), name.into()]);
                vec![(Installer::Cargo, "cargo".into(), words.collect())]
            }
        }
    }
}

/// The first Python package without metadata in a virtual environment. `bin/python` alone says nothing: it is there before
/// the packages, and the user can replace the Python behind it, which then looks for its packages in another folder.
fn missing_python_package(packages: &[&str], directory: &Path) -> Option<String> {
    let python = directory.join("bin/python");
    let Ok(target) = python.canonicalize() else { return Some("bin/python".to_owned()) };
    let version = target.file_name().and_then(|name| name.to_str()).filter(|name| name.starts_with("python3."));
    let names_in =
        |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let of_version = |folder: &OsString| version.is_none_or(|version| folder.as_os_str() == version);
    let lib = directory.join("lib");
    let installed = names_in(&lib)
        .filter(of_version)
        .flat_map(|folder| names_in(&lib.join(folder).join("site-packages")))
        .filter_map(|name| Some(name.to_str()?.strip_suffix(".dist-info")?.split_once('-')?.0.to_lowercase()))
        .collect::<Vec<_>>();
    // The names of metadata folders have `_` in place of `-` and `.`.
    let name = |package: &str| {
        let name = package.split(['=', '[']).next().unwrap_or_default();
        name.to_lowercase().replace(['-', '.'], "_")
    };
    let missing = packages.iter().find(|package| !installed.contains(&name(package)));
    missing.map(|package| format!("{} in {}", name(package), version.map_or("lib".to_owned(), |v| format!("lib/{v}"))))
}

/// Variables that pip reads.
const PIP_DEFAULTS: [(&str, &str); 5] =
    [("PIP_USER", "0"), ("PIP_DRY_RUN", "0"), ("PIP_TARGET", ""), ("PIP_PREFIX", ""), ("PIP_ROOT", "")];

impl Installation<'_> {
    /// The directory of a package, from the cache or from its registry.
    pub(super) async fn foreign(&self, package: &ForeignPackage<'_>) -> Result<PathBuf, InstallError> {
        let (label, key) = (package.label(), package.key());
        let directory = package.directory(&self.cache, &key);
        check_access(&directory)?;
        let is_whole = |directory: &Path| package.missing(directory).is_none();
        if is_whole(&directory) {
            return Ok(directory);
        }
        let _lock = self.lock(&directory, &key, &label).await?;
        // Another process may have installed the package while this one waited for the lock.
        if is_whole(&directory) {
            return Ok(directory);
        }
        let partial = self.begin(&directory, &key, &label)?;
        for (installer, command, arguments) in package.commands(&partial.path) {
            let invocation = Invocation {
                command,
                arguments,
                // Settings of some users for all installs. In a virtual environment, pip refuses the first one, and the
                // others would install to another place or not at all.
                environment: PIP_DEFAULTS.map(|(name, value)| (name.into(), value.into())).to_vec(),
                directory: partial.path.clone(),
                // The installers need their user's registry, proxy and certificates.
                inherited: InheritedEnvironment::ForInstaller,
            };
            let (exit, log) = self.run(installer, &invocation, &label, &|| {}).await?;
            if exit.code != Some(0) {
                return Err(failure(installer, label, &log));
            }
        }
        if let Some(missing) = package.missing(&partial.path) {
            let installer = if matches!(package, ForeignPackage::Pip(_)) { Installer::Pip } else { Installer::Cargo };
            return Err(InstallError::Incomplete { installer, package: label, missing });
        }
        // The scripts of a virtual environment contain its path, so the environment cannot be renamed.
        replace_link(&partial.path, &directory)
            .map_err(|error| InstallError::Cache { path: directory.clone(), reason: error.to_string() })?;
        partial.keep();
        (self.listener)(PrepareEvent::Installed { package: label });
        Ok(directory)
    }
}

/// Replaces `link` by a symbolic link to a directory next to it. The caller must hold the lock.
fn replace_link(directory: &Path, link: &Path) -> io::Result<()> {
    match std::fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    symlink(directory.file_name().unwrap_or(directory.as_os_str()), link)
}

/// A warning about the network is not the cause of another error, such as a missing compiler.
fn failure(installer: Installer, package: String, log: &str) -> InstallError {
    let errors = errors(log);
    let finds_nothing = errors.is_empty() || errors.contains("No matching");
    let text = if finds_nothing { log } else { errors.as_str() };
    if let Some(code) = installer.network_error(text) {
        return InstallError::Network { installer, package, code };
    }
    InstallError::Failed { installer, package, log: errors }
}

/// The log from its first error line on, else its last lines.
fn errors(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    let is_error = |line: &&str| line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("error"));
    let start = lines.iter().position(is_error).unwrap_or(lines.len().saturating_sub(LOG_LINES));
    lines[start..].iter().take(LOG_LINES).copied().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_ignores_order() {
        let key = |packages: &[&str]| ForeignPackage::Pip(packages.to_vec()).key();
        assert_eq!(key(&["a==1", "b==2"]), key(&["b==2", "a==1"]));
        assert_ne!(key(&["a==1", "b==2"]), key(&["a==1", "b==3"]));
    }

    #[test]
    fn errors_with_and_without_network() {
        let offline = "WARNING: Retrying ... Failed to establish a new connection: [Errno -3]\nERROR: No matching";
        assert!(matches!(failure(Installer::Pip, "a==1".into(), offline), InstallError::Network { .. }));
        let compiler = "WARNING: Retrying ... Failed to establish a new connection: [Errno -3]\nERROR: no compiler cc";
        assert!(matches!(failure(Installer::Pip, "a==1".into(), compiler), InstallError::Failed { .. }));
        assert_eq!(errors("Collecting a\nerror: no such\n  Caused by: x"), "error: no such\n  Caused by: x");
        assert_eq!(errors("only\nchatter"), "only\nchatter");
    }

    /// The system's Python was 3.12 at the time of the install, and is 3.13 now.
    #[test]
    fn environment_of_other_python_is_incomplete() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("bin")).unwrap();
        std::fs::create_dir_all(path("lib/python3.12/site-packages/My_gateway-1.dist-info")).unwrap();
        for (python, is_complete) in [("python3.12", true), ("python3.13", false), ("pypy", true)] {
            std::fs::write(path(python), "").unwrap();
            let _ = std::fs::remove_file(path("bin/python"));
            symlink(path(python), path("bin/python")).unwrap();
            let missing = |package| missing_python_package(&[package], folder.path());
            assert_eq!(missing("my-gateway[all]==1").is_none(), is_complete, "{python}");
            assert!(missing("other==1").is_some());
        }
    }

    #[test]
    fn replaces_link_to_other_cache() {
        let folder = tempfile::tempdir().unwrap();
        let (made, link) = (folder.path().join("made"), folder.path().join("link"));
        symlink("gone", &link).unwrap();
        std::fs::create_dir(&made).unwrap();
        replace_link(&made, &link).unwrap();
        assert!(link.is_dir());
    }
}
