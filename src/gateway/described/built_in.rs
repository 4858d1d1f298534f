//! Finds a description: a file, or one that is inside the binary.

use super::fault::DescriptionError;
use std::io::Read as _;
use std::path::Path;

/// No description is this long.
const LONGEST: u64 = 1 << 20;

/// The descriptions in the binary, by name.
pub(super) const ALL: [(&str, &str); 6] = [
    ("carapace", include_str!("../../../gateways/carapace.yaml")),
    ("clawdbot", include_str!("../../../gateways/clawdbot.yaml")),
    ("mylobster", include_str!("../../../gateways/mylobster.yaml")),
    ("openclaw-cn", include_str!("../../../gateways/openclaw-cn.yaml")),
    ("pyclaw", include_str!("../../../gateways/pyclaw.yaml")),
    ("reclaw", include_str!("../../../gateways/reclaw.yaml")),
];

/// The name and the text of what was named. A file comes before a built-in of the same name.
pub(super) fn find(named: &Path) -> Result<(String, String), DescriptionError> {
    let shown = named.display().to_string();
    if named.is_dir() {
        return Err(DescriptionError::SomethingElse { path: named.to_owned(), is: "a folder" });
    }
    match read(named) {
        Ok(text) => return Ok((shown, text)),
        Err(reason) if named.exists() => return Err(DescriptionError::Unreadable { path: named.to_owned(), reason }),
        Err(_) => {}
    }
    if let Some((name, text)) = ALL.into_iter().find(|(name, _)| *name == shown) {
        return Ok((format!("gateways/{name}.yaml"), text.to_owned()));
    }
    let names: Vec<_> = ALL.iter().map(|(name, _)| *name).collect();
    let help = format!("expected embedded, openclaw@RELEASE, a ws:// URL, a file, or one of: {}", names.join(", "));
    Err(DescriptionError::Missing { path: named.to_owned(), help })
}

fn read(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LONGEST {
        return Err("it is longer than 1 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_answered_with_what_is() {
        let DescriptionError::Missing { help, .. } = find(Path::new("clawbot")).unwrap_err() else { panic!() };
        assert!(help.contains("clawdbot"));
    }

    #[test]
    fn a_binary_file_and_a_directory_are_no_descriptions() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("x.yaml");
        std::fs::write(&file, [0xff, 0xfe, 0]).unwrap();
        assert!(matches!(find(&file), Err(DescriptionError::Unreadable { .. })));
        assert!(matches!(find(directory.path()), Err(DescriptionError::SomethingElse { .. })));
    }
}
