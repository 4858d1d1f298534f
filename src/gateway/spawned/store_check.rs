//! Checks what a `store.read` command wrote. A store in another form would look like one without records.

use openclaw_protocol::store::Document;
use serde_json::Value;
use std::path::Path;
use untrusted_data::limits::STORE_BYTES;
use untrusted_data::plain_file::{self, Links, PlainFileError};

/// The number of characters of a wrong file that an error shows.
const SHOWN: usize = 60;
/// The number of entries of a directory that are looked at.
const MAX_ENTRIES: usize = 1000;

/// What is wrong with the store in a directory, as the end of a sentence that begins with the command. `None` if each file
/// is a JSON object of objects, and if files that are there have the names of documents. `printed` is the output of the command.
pub(super) fn problem(directory: &Path, printed: &str) -> Option<String> {
    let mut documents = 0;
    for document in Document::ALL {
        match plain_file::read_text(&directory.join(document.path()), STORE_BYTES, Links::Refuse) {
            Ok(text) => {
                documents += 1;
                if let Some(wrong) = wrong_text(&text) {
                    let path = document.path();
                    return Some(format!("wrote {path}, which is {wrong}; it begins with: {}", beginning(&text)));
                }
            }
            Err(error) if error.is_not_found() => {}
            // The observation of the store shows it.
            Err(PlainFileError::Io(_) | PlainFileError::TooLarge(_)) => documents += 1,
            Err(error) => return Some(format!("wrote {}, but {error}", document.path())),
        }
    }
    if documents > 0 {
        return None;
    }
    if let Some(file) = any_file(directory) {
        let paths = Document::ALL.map(Document::path).join(", ");
        return Some(format!("wrote {file}, but none of the files of a store: {paths}"));
    }
    let is_json = printed.trim_start().starts_with(['{', '[']);
    is_json.then(|| format!("wrote no file to `{{store}}`; it printed: {}", beginning(printed)))
}

fn wrong_text(text: &str) -> Option<String> {
    match serde_json::from_str(text) {
        Err(error) => Some(format!("not JSON ({error})")),
        Ok(Value::Object(records)) if records.values().all(Value::is_object) => None,
        Ok(Value::Object(_)) => Some("not a map from ids to records: a record is not an object".to_owned()),
        Ok(_) => Some("not a map from ids to records".to_owned()),
    }
}

fn beginning(text: &str) -> String {
    let shown = text.trim_start().chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    if shown.is_empty() { "(it is empty)".to_owned() } else { shown }
}

/// The path of a file in a directory or in its directories.
fn any_file(directory: &Path) -> Option<String> {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_ENTRIES);
    let inside = entries(directory).map(|entry| entry.path());
    let files = inside.flat_map(|path| {
        let below = entries(&path).map(|entry| entry.path()).collect::<Vec<_>>();
        std::iter::once(path).chain(below)
    });
    let file = files.into_iter().find(|path| path.is_file())?;
    Some(file.strip_prefix(directory).unwrap_or(&file).display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing(&[], None)]
    #[case::records(&[("devices/paired.json", r#"{"a": {"deviceId": "a"}}"#), ("notes.txt", "x")], None)]
    #[case::no_records(&[("devices/paired.json", "{}")], None)]
    #[case::not_json(&[("devices/paired.json", "ERROR: no\nsuch table")], Some("devices/paired.json, which is not JSON"))]
    #[case::beginning(&[("nodes/pending.json", "ERROR: no\nsuch table")], Some("it begins with: ERROR: no such table"))]
    #[case::empty(&[("devices/paired.json", "")], Some("(it is empty)"))]
    #[case::list(&[("devices/pending.json", r#"[{"deviceId": "a"}]"#)], Some("which is not a map from ids to records; it"))]
    #[case::wrapped(&[("devices/paired.json", r#"{"devices": []}"#)], Some("a record is not an object"))]
    #[case::elsewhere(&[("paired.json", "{}")], Some("wrote paired.json, but none of the files of a store"))]
    #[case::below(&[("out/devices.json", "{}")], Some("wrote out/devices.json, but none"))]
    fn rejects_invalid_store(#[case] files: &[(&str, &str)], #[case] says: Option<&str>) {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let problem = problem(directory.path(), "5 records");
        assert_eq!(problem.is_some(), says.is_some(), "{problem:?}");
        let problem = problem.unwrap_or_default();
        assert!(problem.contains(says.unwrap_or_default()), "{problem}");
    }

    #[test]
    fn rejects_store_on_stdout() {
        let directory = tempfile::tempdir().unwrap();
        let printed = problem(directory.path(), "{\"devices\": {}}\n").unwrap();
        assert_eq!(printed, "wrote no file to `{store}`; it printed: {\"devices\": {}} ");
    }
}
