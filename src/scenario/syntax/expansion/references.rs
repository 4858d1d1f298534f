//! References to axes in texts: `${axis}` and `${axis.key}`.

use crate::scenario::syntax::nodes::{Node, NodeKind};
use std::collections::HashSet;

/// A part of a text with references.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    Reference(&'a str),
}

/// Splits a text into its parts. `$${` is the characters `${`.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, &'static str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            pieces.push(Piece::Text(&rest[..at - 1]));
            pieces.push(Piece::Text("${"));
            rest = &rest[at + 2..];
            continue;
        }
        pieces.push(Piece::Text(&rest[..at]));
        let inside = &rest[at + 2..];
        let end = inside.find('}').ok_or("the reference is not closed with `}`")?;
        pieces.push(Piece::Reference(&inside[..end]));
        rest = &inside[end + 1..];
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    Ok(pieces)
}

/// The names of the axes that a scenario refers to outside its matrix.
pub(super) fn used_axes(root: &Node) -> HashSet<String> {
    let mut used = HashSet::new();
    for entry in root.entries().iter().filter(|entry| entry.key.value != "matrix") {
        note_references(&entry.value, &mut used);
    }
    used
}

fn note_references(node: &Node, used: &mut HashSet<String>) {
    let mut note = |text: &str| {
        for piece in pieces(text).into_iter().flatten() {
            if let Piece::Reference(path) = piece {
                used.insert(path.split('.').next().unwrap_or_default().to_owned());
            }
        }
    };
    match &node.kind {
        NodeKind::Text(text) => note(text),
        NodeKind::List(items) => items.iter().for_each(|item| note_references(item, used)),
        NodeKind::Map(entries) => {
            for entry in entries {
                note(&entry.key.value);
            }
            entries.iter().for_each(|entry| note_references(&entry.value, used));
        }
        _ => {}
    }
}
