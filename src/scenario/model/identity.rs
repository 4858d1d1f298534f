//! The device of a copied state directory. `identity/device.json` or the database contains its private key.

use openclaw_emulator::store::SqliteDocuments;
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::store::DATABASE;
use serde::Deserialize;
use std::collections::BTreeMap;
use untrusted_data::plain_file::Links;

/// The files of a folder by relative path.
pub(crate) type Folder = BTreeMap<String, Vec<u8>>;

/// The file with the private key of the command line client (`device-identity.ts`). Releases whose store is a database
/// keep the key in `state/openclaw.sqlite` instead.
const FILE: &str = "identity/device.json";

/// The folder has no usable private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IdentityError {
    /// The file does not exist.
    #[error("the folder has no `{FILE}`, and no `{DATABASE}` with a key")]
    Missing,
    /// The file contains no Ed25519 key.
    #[error("`{FILE}` has no `privateKeyPem` with an Ed25519 key")]
    NoKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    private_key_pem: String,
}

/// The private key of the device that the state directory belongs to.
pub(crate) fn of(folder: &Folder) -> Result<DeviceKey, IdentityError> {
    let Some(bytes) = folder.get(FILE) else { return of_database(folder) };
    let identity = serde_json::from_slice::<Identity>(bytes).map_err(|_| IdentityError::NoKey)?;
    DeviceKey::from_pem(&identity.private_key_pem).ok_or(IdentityError::NoKey)
}

/// The private key in the folder's database. SQLite can read only files, so the database is written to a temporary
/// folder.
fn of_database(folder: &Folder) -> Result<DeviceKey, IdentityError> {
    let copy = tempfile::tempdir().map_err(|_| IdentityError::Missing)?;
    let mut found = false;
    for (path, bytes) in folder.iter().filter(|(path, _)| path.starts_with(DATABASE) && !path.ends_with("-shm")) {
        let file = copy.path().join(path);
        let written = file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&file, bytes));
        found |= written.is_ok() && path == DATABASE;
    }
    if !found {
        return Err(IdentityError::Missing);
    }
    let pem = SqliteDocuments::own_key(copy.path(), Links::Refuse).ok().flatten().ok_or(IdentityError::Missing)?;
    DeviceKey::from_pem(&pem).ok_or(IdentityError::NoKey)
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Corpus, ScenarioErrors};
    use miette::Diagnostic as _;
    use rstest::rstest;

    const KEY: &str = "-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\\n-----END PRIVATE KEY-----";

    fn read_beside(folder: &std::path::Path, text: &str) -> Result<Corpus, ScenarioErrors> {
        let file = folder.join("name.yaml");
        std::fs::write(&file, text).unwrap();
        Corpus::load(&[file])
    }

    fn folder(identity: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("state/identity")).unwrap();
        std::fs::write(folder.path().join("state/identity/device.json"), identity).unwrap();
        std::fs::create_dir(folder.path().join("empty")).unwrap();
        folder
    }

    #[rstest]
    #[case("{ from: state, identity: me }", "no key here", "has no `privateKeyPem` with an Ed25519 key")]
    #[case("{ from: state, identity: me }", "{\"privateKeyPem\": \"x\"}", "has no `privateKeyPem` with an Ed25519 key")]
    #[case(
        "{ from: empty, identity: me }",
        "",
        "the folder has no `identity/device.json`, and no `state/openclaw.sqlite` with a key"
    )]
    #[case("{ identity: me }", "", "`identity` needs a folder")]
    fn folder_without_key(#[case] store: &str, #[case] identity: &str, #[case] message: &str) {
        let folder = folder(identity);
        let text = format!("scenario: Title\nstore: {store}\nsteps:\n  - connect: {{ device: me }}\n");
        let error = read_beside(folder.path(), &text).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        let help = error.help().map(|help| help.to_string()).unwrap_or_default();
        let heading = "Your own state directory";
        assert!(store.starts_with("{ identity") || help.contains(heading), "{help}");
        assert!(include_str!("../../../docs/scenarios.md").contains(&format!("### {heading}\n")));
    }

    #[test]
    fn device_with_key_of_folder() {
        let folder = folder(&format!("{{\"privateKeyPem\": \"{KEY}\\n\"}}"));
        let text = "scenario: Title\nsteps:\n  - edit: { from: state, identity: me }\n  - connect: { device: me }\n";
        let corpus = read_beside(folder.path(), text).unwrap();
        let (name, key) = corpus.cases()[0].identities().next().unwrap();
        assert_eq!((name.as_str(), key.public_key().as_str()), ("me", "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"));
    }
}
