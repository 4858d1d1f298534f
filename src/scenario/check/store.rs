//! Checks the contents of a state directory.

use super::names::{KnownNames, symbols_in, symbols_in_map, symbols_in_text};
use crate::scenario::model::store::{FileContent, Store, Tokens};
use crate::scenario::syntax::problems::SpannedError;
use openclaw_protocol::store::DATABASE;
use std::path::{Component, Path};

/// Checks the contents of a state directory.
pub(super) fn store(store: &Store, known: &KnownNames<'_>, errors: &mut Vec<SpannedError>) {
    if let Some(from) = &store.from
        && !stays_below(&from.value)
    {
        let message = format!("`{}` is not a folder next to the scenario", from.value);
        errors.push(SpannedError::at(from.span, message, "expected a relative path without `..`"));
    }
    if let (Some(name), None) = (&store.identity, &store.from) {
        let error = SpannedError::at(name.span, "`identity` needs a folder", "`from` is missing");
        errors.push(error.help("name the folder with `from`"));
    }
    for (path, content) in &store.files {
        if !stays_below(path) {
            let message = format!("`{}` is outside the state directory", path.value);
            errors.push(SpannedError::at(path.span, message, "expected a relative path without `..`"));
        }
        match content {
            FileContent::Text(text) => symbols_in_text(text, known, path.span, errors),
            FileContent::Json(value) => symbols_in(value, known, path.span, errors),
            FileContent::Database(documents) => {
                if path.value != DATABASE {
                    let message = format!("`{}` cannot be a database", path.value);
                    errors.push(SpannedError::at(path.span, message, format!("expected {DATABASE}")));
                }
                documents.values().for_each(|records| symbols_in_map(records, known, path.span, errors));
            }
            _ => {}
        }
    }
    for (name, record) in &store.paired {
        symbols_in_map(&record.set, known, name.span, errors);
        if let Tokens::Map(tokens) = &record.tokens {
            for token in tokens.values().flatten() {
                symbols_in_map(&token.set, known, name.span, errors);
            }
        }
    }
    for (label, record) in store.pending.iter().chain(&store.copied_pending) {
        symbols_in_map(&record.set, known, label.span, errors);
    }
    for (name, record) in &store.bootstrap {
        symbols_in_map(&record.set, known, name.span, errors);
    }
    for (name, record) in store.nodes.paired.iter().chain(&store.nodes.pending) {
        symbols_in_map(record, known, name.span, errors);
    }
}

/// Whether a path stays below its start folder.
pub(crate) fn stays_below(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}
