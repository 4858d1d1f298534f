//! Finds a description: a file, or a built-in description.

use super::error::{DescriptionError, PLAY_SCENARIOS};
use crate::client::Link;
use crate::gateway_files::{self, GatewayFile, MistakenArgument};
use crate::shell::quoted;
use crate::suggestions::nearest;
use openclaw_model::Release;
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
    if let Some((is, help)) = something_else(named) {
        return Err(DescriptionError::SomethingElse { path: named.to_owned(), is, help });
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
    let meant = meant(&shown, &names).map(|meant| format!("did you mean {meant}? Otherwise, ")).unwrap_or_default();
    let expected = "expected embedded, openclaw@RELEASE, a ws:// URL, a file, or one of";
    let help = format!("{meant}{expected}: {}", names.join(", "));
    Err(DescriptionError::Missing { path: named.to_owned(), help })
}

/// The kind of a path that is not a description, and advice about it.
fn something_else(named: &Path) -> Option<(&'static str, String)> {
    let of_directory = |folder: &Path| {
        let shown = folder.to_string_lossy();
        let folder = quoted(&shown);
        format!(
            "to play cases with this state: clawcheck run --state-dir {folder}; to explain the answers of this gateway: clawcheck explain --state-dir {folder}"
        )
    };
    if named.is_dir() {
        let is_state = gateway_files::is_of_gateway(named);
        return Some(if is_state {
            ("a state directory", of_directory(named))
        } else {
            ("a folder", PLAY_SCENARIOS.to_owned())
        });
    }
    if let Some(kind) = GatewayFile::of(named, b"").filter(|_| named.is_file()) {
        let help = gateway_files::above(named)
            .map_or_else(|| gateway_files::not_a_state_directory(named).1, |folder| of_directory(&folder));
        return Some((kind.words(), help));
    }
    MistakenArgument::of(named).map(|found| (found.is.words(), found.help))
}

/// The probable correct form of a misspelt name.
fn meant(shown: &str, descriptions: &[&str]) -> Option<String> {
    if let Ok(release) = shown.parse::<Release>() {
        return Some(format!("openclaw@{release} or embedded@{release}"));
    }
    if is_address(shown) {
        return Some(format!("`ws://{shown}`"));
    }
    let (name, release) = shown.split_once('@').map_or((shown, None), |(name, release)| (name, Some(release)));
    let names = ["embedded", "openclaw"].into_iter().chain(descriptions.iter().copied());
    let near = nearest(name, names)?;
    match (near, release) {
        ("embedded" | "openclaw", Some(release)) => Some(format!("{near}@{release}")),
        ("openclaw", None) => Some("openclaw@RELEASE".to_owned()),
        _ => Some(near.to_owned()),
    }
}

/// Whether a text is `HOST:PORT`, with or without a path: a URL without its scheme.
fn is_address(shown: &str) -> bool {
    let authority = shown.split('/').next().unwrap_or_default();
    let port = authority.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    matches!(port, Some(Ok(_))) && Link::from_url(&format!("ws://{shown}")).is_ok()
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
    use rstest::rstest;

    #[test]
    fn unknown_name_lists_known_ones() {
        let DescriptionError::Missing { help, .. } = find(Path::new("clawbot")).unwrap_err() else { panic!() };
        assert!(help.starts_with("did you mean clawdbot? Otherwise, expected "), "{help}");
    }

    #[rstest]
    #[case("emebdded", Some("embedded"))]
    #[case("embeded@2026.4.2", Some("embedded@2026.4.2"))]
    #[case("opnclaw@2026.4.2", Some("openclaw@2026.4.2"))]
    #[case("opencla", Some("openclaw@RELEASE"))]
    #[case("2026.4.2", Some("openclaw@2026.4.2 or embedded@2026.4.2"))]
    #[case("127.0.0.1:18789", Some("`ws://127.0.0.1:18789`"))]
    #[case("[::1]:18789/ws", Some("`ws://[::1]:18789/ws`"))]
    #[case("localhost:port", None)]
    #[case("mine.yaml", None)]
    fn suggests_meant_gateway(#[case] text: &str, #[case] expected: Option<&str>) {
        let DescriptionError::Missing { help, .. } = find(Path::new(text)).unwrap_err() else { panic!() };
        let suggested = help.strip_prefix("did you mean ").and_then(|help| help.split_once("? "));
        assert_eq!(suggested.map(|(meant, _)| meant), expected, "{help}");
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
