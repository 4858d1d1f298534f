//! Expands a matrix to its points, and a tree with references to the tree at a point.

mod budget;
mod points;
mod references;
#[cfg(test)]
mod tests;

use super::nodes::{Entry, Node, NodeKind, short};
use super::problems::SpannedError;
use super::spans::{Span, Spanned};
use crate::suggestions::choices;
pub(crate) use budget::ExpansionBudget;
use budget::VALUE_SIZE;
use points::scalar_text;
pub(crate) use points::{Point, points};
use references::{Piece, pieces};

/// The tree at a point, with every reference replaced and without the matrix.
pub(crate) fn at_point(root: &Node, point: &Point, budget: &mut ExpansionBudget) -> Result<Node, Vec<SpannedError>> {
    let NodeKind::Map(entries) = &root.kind else { return Ok(root.clone()) };
    let mut expansion = PointExpansion { point, budget, errors: Vec::new() };
    let entries =
        entries.iter().filter(|entry| entry.key.value != "matrix").map(|entry| expansion.entry(entry)).collect();
    if expansion.errors.is_empty() {
        Ok(Node { span: root.span, kind: NodeKind::Map(entries) })
    } else {
        Err(expansion.errors)
    }
}

/// The state of an expansion at one point.
struct PointExpansion<'a> {
    point: &'a Point,
    budget: &'a mut ExpansionBudget,
    errors: Vec<SpannedError>,
}

impl PointExpansion<'_> {
    fn entry(&mut self, entry: &Entry) -> Entry {
        let key = match text_at(&entry.key.value, entry.key.span, self.point, self.budget) {
            Ok(Some(node)) => scalar_text(&node).unwrap_or_else(|| entry.key.value.clone()),
            Ok(None) => entry.key.value.clone(),
            Err(error) => {
                self.errors.push(error);
                entry.key.value.clone()
            }
        };
        Entry { key: Spanned { value: key, span: entry.key.span }, value: self.node(&entry.value) }
    }

    fn node(&mut self, node: &Node) -> Node {
        // Do not expand an invalid tree: it will not be played.
        if !self.errors.is_empty() && self.budget.is_spent() {
            return Node { span: node.span, kind: NodeKind::Null };
        }
        if let Err(error) = self.budget.spend(VALUE_SIZE, node.span) {
            self.errors.push(error);
        }
        let kind = match &node.kind {
            NodeKind::Text(text) => match text_at(text, node.span, self.point, self.budget) {
                Ok(Some(replaced)) => return replaced,
                Ok(None) => return node.clone(),
                Err(error) => {
                    self.errors.push(error);
                    return node.clone();
                }
            },
            NodeKind::List(items) => NodeKind::List(items.iter().map(|item| self.node(item)).collect()),
            NodeKind::Map(entries) => NodeKind::Map(entries.iter().map(|entry| self.entry(entry)).collect()),
            plain => plain.clone(),
        };
        Node { span: node.span, kind }
    }
}

/// A text at a point. `None` if it has no reference. If a reference is the whole text, the value replaces it, whatever
/// its type.
fn text_at(text: &str, span: Span, point: &Point, budget: &mut ExpansionBudget) -> Result<Option<Node>, SpannedError> {
    budget.spend(text.len(), span)?;
    if !text.contains("${") {
        return Ok(None);
    }
    let pieces = pieces(text).map_err(|message| SpannedError::at(span, message, "expected `}`"))?;
    if let [Piece::Reference(path)] = pieces.as_slice() {
        let value = resolve(path, span, point)?;
        budget.spend_all(value, span)?;
        // An error about a plain value points to its use. An error about a list or map points to its definition.
        let compound = matches!(value.kind, NodeKind::List(_) | NodeKind::Map(_));
        let span = if compound { value.span } else { span };
        return Ok(Some(Node { span, kind: value.kind.clone() }));
    }
    let mut expanded = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => expanded.push_str(text),
            Piece::Reference(path) => {
                let value = resolve(path, span, point)?;
                let text = scalar_text(value).ok_or_else(|| {
                    let message = format!("`${{{path}}}` is {}, which cannot be part of a string", value.what());
                    SpannedError::at(span, message, "expected a plain value")
                })?;
                budget.spend(text.len(), span)?;
                expanded.push_str(&text);
            }
        }
    }
    Ok(Some(Node { span, kind: NodeKind::Text(expanded) }))
}

fn resolve<'a>(path: &str, span: Span, point: &'a Point) -> Result<&'a Node, SpannedError> {
    let mut steps = path.split('.');
    let axis = steps.next().unwrap_or_default();
    let names = point.axes();
    let mut node = point.value(axis).ok_or_else(|| {
        let error = SpannedError::at(span, format!("`${{{}}}` does not refer to an axis", short(path)), "unknown axis");
        match names.is_empty() {
            true => error.help("the scenario has no matrix; write `$${` for a literal `${`"),
            false => error.help(choices(axis, &names)),
        }
    })?;
    for key in steps {
        node = node.get(key).ok_or_else(|| {
            let point = point.name().unwrap_or_default();
            let keys: Vec<_> = node.entries().iter().map(|entry| entry.key.value.as_str()).collect();
            let message = format!("`${{{}}}` has no value at the point `{point}`", short(path));
            let error = SpannedError::at(span, message, "unknown key");
            if keys.is_empty() { error } else { error.help(choices(key, &keys)) }
        })?;
    }
    Ok(node)
}
