//! Finds a description: a file, or a built-in description.

use super::error::DescriptionError;
use std::path::Path;
use untrusted_data::limits::DESCRIPTION_BYTES;
use untrusted_data::plain_file::{self, Links, PlainFileError};

/// The built-in descriptions, by name.
pub(super) const ALL: [(&str, &str); 9] = [
    ("carapace", include_str!("../../../gateways/carapace.yaml")),
    ("clawdbot", include_str!("../../../gateways/clawdbot.yaml")),
    ("clawmongo", include_str!("../../../gateways/clawmongo.yaml")),
    ("gguf-claw", include_str!("../../../gateways/gguf-claw.yaml")),
    ("joyhousebot", include_str!("../../../gateways/joyhousebot.yaml")),
    ("mylobster", include_str!("../../../gateways/mylobster.yaml")),
    ("openclaw-cn", include_str!("../../../gateways/openclaw-cn.yaml")),
    ("pyclaw", include_str!("../../../gateways/pyclaw.yaml")),
    ("reclaw", include_str!("../../../gateways/reclaw.yaml")),
];

/// Returns the name and the text of a description. A file takes precedence over a built-in description of the same
/// name.
pub(super) fn find(named: &Path) -> Result<(String, String), DescriptionError> {
    let shown = named.display().to_string();
    if named.is_dir() {
        return Err(DescriptionError::SomethingElse { path: named.to_owned(), is: "a folder" });
    }
    match plain_file::read_text(named, DESCRIPTION_BYTES, Links::Follow) {
        Ok(text) => return Ok((shown, text)),
        Err(error) if error.is_not_found() => {}
        Err(error) => {
            let (path, reason) = (named.to_owned(), error.to_string());
            let help = help(&error).to_owned();
            return Err(DescriptionError::Unreadable { path, reason, help });
        }
    }
    if let Some((name, text)) = ALL.into_iter().find(|(name, _)| *name == shown) {
        return Ok((format!("gateways/{name}.yaml"), text.to_owned()));
    }
    let names: Vec<_> = ALL.iter().map(|(name, _)| *name).collect();
    let help = format!("expected embedded, openclaw@RELEASE, a ws:// URL, a file, or one of: {}", names.join(", "));
    Err(DescriptionError::Missing { path: named.to_owned(), help })
}

fn help(error: &PlainFileError) -> &'static str {
    match error {
        PlainFileError::Io(_) => "name a file that this user may read",
        PlainFileError::Kind(_) => "save the description in a file, and pass that file",
        PlainFileError::TooLarge(_) => "a gateway description is a short YAML file",
        PlainFileError::NotText(_) => "save it as UTF-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_name_lists_known_ones() {
        let DescriptionError::Missing { help, .. } = find(Path::new("clawbot")).unwrap_err() else { panic!() };
        assert!(help.contains("clawdbot"));
    }

    #[test]
    fn rejects_binary_file_and_directory() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("x.yaml");
        std::fs::write(&file, b"gateway: x\nabout: caf\xe9\n").unwrap();
        let error = find(&file).unwrap_err().to_string();
        assert!(error.ends_with("cannot be read: line 2 is not UTF-8 text"), "{error}");
        assert!(matches!(find(directory.path()), Err(DescriptionError::SomethingElse { .. })));
    }
}
