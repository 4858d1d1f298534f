//! Reads the error messages of npm.

use super::install_error::InstallError;
use super::installer::Installer;

/// Reads npm's log. `package` is the requested package, such as `openclaw@2026.4.2`.
pub(super) fn failure(package: &str, log: &str) -> InstallError {
    let package = package.to_owned();
    let contains = |text: &str| log.contains(text);
    // npm names the package in the message. The same error codes for a dependency have another cause.
    let no_version = contains("ETARGET") && contains(&format!("No matching version found for {package}"));
    let no_package = contains("E404") && log.lines().any(|line| line.contains("404") && line.contains(&package));
    if no_version || no_package {
        return InstallError::NoSuchVersion { package };
    }
    if let Some(code) = Installer::Npm.network_error(log) {
        return InstallError::Network { installer: Installer::Npm, package, code };
    }
    if contains("ENOSPC") {
        return InstallError::DiskFull { package };
    }
    InstallError::Failed { installer: Installer::Npm, package, log: errors(log) }
}

/// Returns npm's error lines, or the last lines of the log if there are none.
fn errors(log: &str) -> String {
    let marked: Vec<_> =
        log.lines().filter(|line| line.starts_with("npm error") || line.starts_with("npm ERR!")).collect();
    let all: Vec<_> = log.lines().collect();
    let lines = if marked.is_empty() { &all } else { &marked };
    lines[lines.len().saturating_sub(12)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_version_and_missing_dependency() {
        let ours = "npm error code ETARGET\nnpm error notarget No matching version found for openclaw@2026.4.3.";
        assert!(matches!(failure("openclaw@2026.4.3", ours), InstallError::NoSuchVersion { .. }));
        let theirs = "npm error code ETARGET\nnpm error notarget No matching version found for axios@99.";
        assert!(matches!(failure("openclaw@2026.4.3", theirs), InstallError::Failed { .. }));
    }

    #[test]
    fn network_and_disk_errors() {
        let offline = "npm error code EAI_AGAIN\nnpm error request to https://registry.npmjs.org/openclaw failed";
        assert!(matches!(failure("openclaw@1", offline), InstallError::Network { code: "EAI_AGAIN", .. }));
        assert!(matches!(failure("openclaw@1", "npm error ENOSPC: no space"), InstallError::DiskFull { .. }));
    }

    #[test]
    fn unknown_error_is_shown() {
        let InstallError::Failed { log, .. } = failure("openclaw@1", "chatter\nnpm error code EXOTIC\n") else {
            panic!()
        };
        assert_eq!(log, "npm error code EXOTIC");
    }
}
