//! The points of a matrix: the product of its axes, with `include` and `exclude`.

use super::references::used_axes;
use crate::scenario::syntax::nodes::{Entry, Node, NodeKind, short};
use crate::scenario::syntax::problems::SpannedError;
use crate::scenario::syntax::spans::Spanned;
use crate::suggestions::choices;
use std::collections::HashSet;
use std::sync::Arc;

/// Maximum number of points in a matrix.
const MAX_POINTS: usize = 1000;
/// Maximum number of axes in a matrix.
const MAX_AXES: usize = 32;

/// A point of a matrix: one named value for each axis.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// By axis, in the order of the file.
    values: Vec<(String, Value)>,
}

/// A value of an axis.
#[derive(Debug, Clone)]
struct Value {
    name: String,
    /// Shared by all points that use it.
    node: Arc<Node>,
}

/// An axis before expansion.
struct Axis<'a> {
    key: &'a Spanned<String>,
    values: Vec<Value>,
}

impl Point {
    /// The name of the point: the names of its values, joined with `,`. `None` without a matrix.
    pub(crate) fn name(&self) -> Option<String> {
        let names: Vec<_> = self.values.iter().map(|(_, value)| value.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(","))
    }

    /// The names of the axes, in the order of the file.
    pub(super) fn axes(&self) -> Vec<&str> {
        self.values.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The value on an axis.
    pub(super) fn value(&self, axis: &str) -> Option<&Node> {
        self.values.iter().find(|(name, _)| name == axis).map(|(_, value)| value.node.as_ref())
    }
}

/// The points of a scenario. A scenario without a matrix has one point without a name.
pub(crate) fn points(root: &Node) -> Result<Vec<Point>, Vec<SpannedError>> {
    let Some(matrix) = root.get("matrix") else { return Ok(vec![Point { values: Vec::new() }]) };
    if !matches!(matrix.kind, NodeKind::Map(_)) {
        let error = SpannedError::at(matrix.span, "a matrix is a map of axes", "expected a map of axes");
        return Err(vec![error.help("matrix: { via: [direct, nginx] }")]);
    }
    let axes = axes(root, matrix)?;
    let size = axes.iter().try_fold(1_usize, |size, axis| size.checked_mul(axis.values.len()));
    if size.is_none_or(|size| size > MAX_POINTS) {
        let message = format!("the matrix has more than {MAX_POINTS} points");
        return Err(vec![SpannedError::at(axes[0].key.span, message, "the axes multiply")]);
    }
    let mut errors = Vec::new();
    let mut points = exclude(product(&axes), matrix.get("exclude"), &axes, &mut errors);
    points.extend(include(matrix.get("include"), &axes, &mut errors));
    if points.len() > MAX_POINTS {
        let span = matrix.get("include").map_or(matrix.head(), Node::head);
        let message = format!("the matrix has {} points; the limit is {MAX_POINTS}", points.len());
        return Err(vec![SpannedError::at(span, message, "`include` counts, too")]);
    }
    check_duplicate_points(matrix, &points, &mut errors);
    if points.is_empty() && errors.is_empty() {
        errors.push(SpannedError::at(matrix.head(), "every point of the matrix is excluded", "no case is left"));
    }
    if errors.is_empty() { Ok(points) } else { Err(errors) }
}

/// The axes of a matrix, each used by the scenario.
fn axes<'a>(root: &Node, matrix: &'a Node) -> Result<Vec<Axis<'a>>, Vec<SpannedError>> {
    let mut errors = Vec::new();
    let axes: Vec<_> = matrix
        .entries()
        .iter()
        .filter(|entry| !["include", "exclude"].contains(&entry.key.value.as_str()))
        .filter_map(|entry| axis(entry).map_err(|error| errors.push(error)).ok())
        .collect();
    if axes.is_empty() && errors.is_empty() {
        errors.push(SpannedError::at(matrix.head(), "the matrix has no axis", "expected at least one axis"));
    }
    if axes.len() > MAX_AXES {
        let message = format!("the matrix has {} axes; the limit is {MAX_AXES}", axes.len());
        return Err(vec![SpannedError::at(axes[MAX_AXES].key.span, message, "this axis exceeds the limit")]);
    }
    check_unused_axes(root, &axes, &mut errors);
    if errors.is_empty() { Ok(axes) } else { Err(errors) }
}

fn is_axis_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_value_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-'))
}

fn axis(Entry { key, value }: &Entry) -> Result<Axis<'_>, SpannedError> {
    if !is_axis_name(&key.value) {
        let message = format!("`{}` is not a valid axis name", short(&key.value));
        return Err(SpannedError::at(key.span, message, "expected lower-case letters, digits and hyphens"));
    }
    let values = match &value.kind {
        NodeKind::List(items) => items.iter().map(plain_value).collect::<Result<Vec<_>, _>>()?,
        NodeKind::Map(entries) => {
            entries.iter().map(|entry| named_value(&entry.key, &entry.value)).collect::<Result<Vec<_>, _>>()?
        }
        _ => {
            let label = "expected a list of plain values, or a map of values by name";
            return Err(SpannedError::at(value.span, format!("{} is not an axis", value.what()), label));
        }
    };
    if values.is_empty() {
        return Err(SpannedError::at(
            key.span,
            format!("the axis `{}` is empty", key.value),
            "expected at least one value",
        ));
    }
    let mut seen = HashSet::new();
    if let Some(duplicate) = values.iter().find(|value| !seen.insert(value.name.as_str())) {
        let message = format!("the axis `{}` has the value `{}` twice", key.value, duplicate.name);
        return Err(SpannedError::at(duplicate.node.head(), message, "second occurrence"));
    }
    Ok(Axis { key, values })
}

/// A value that is its own name.
fn plain_value(node: &Node) -> Result<Value, SpannedError> {
    let name = match &node.kind {
        NodeKind::Text(text) if is_value_name(text) => text.clone(),
        NodeKind::Bool(value) => value.to_string(),
        NodeKind::Integer(value) if *value >= 0 => value.to_string(),
        _ => {
            let message = format!("{} needs a name for the case id", node.what());
            let help = "write the axis as a map of values by name: `axis: { name: value }`";
            return Err(SpannedError::at(node.head(), message, "no name").help(help));
        }
    };
    Ok(Value { name, node: Arc::new(node.clone()) })
}

fn named_value(name: &Spanned<String>, node: &Node) -> Result<Value, SpannedError> {
    if !is_value_name(&name.value) {
        let message = format!("`{}` is not valid in a case id", short(&name.value));
        return Err(SpannedError::at(name.span, message, "expected lower-case letters, digits, dots and hyphens"));
    }
    Ok(Value { name: name.value.clone(), node: Arc::new(node.clone()) })
}

fn product(axes: &[Axis<'_>]) -> Vec<Point> {
    let start = vec![Point { values: Vec::new() }];
    axes.iter().fold(start, |points, axis| {
        let with = |point: &Point, value: &Value| {
            let mut values = point.values.clone();
            values.push((axis.key.value.clone(), value.clone()));
            Point { values }
        };
        points.iter().flat_map(|point| axis.values.iter().map(move |value| with(point, value))).collect()
    })
}

/// The entries of a list of maps under `include` or `exclude`. Their axes must exist.
fn rules<'a>(list: Option<&'a Node>, axes: &[Axis<'_>], errors: &mut Vec<SpannedError>) -> Vec<&'a Node> {
    let Some(list) = list else { return Vec::new() };
    let NodeKind::List(items) = &list.kind else {
        errors.push(SpannedError::at(
            list.head(),
            format!("{} is not valid here", list.what()),
            "expected a list of points",
        ));
        return Vec::new();
    };
    let names: Vec<_> = axes.iter().map(|axis| axis.key.value.as_str()).collect();
    let mut good = Vec::new();
    for item in items {
        let unknown = item.entries().iter().find(|entry| !names.contains(&entry.key.value.as_str()));
        if item.entries().is_empty() {
            errors.push(SpannedError::at(item.head(), "this is not a point", "expected a map of values by axis"));
        } else if let Some(unknown) = unknown {
            let message = format!("the matrix has no axis `{}`", short(&unknown.key.value));
            errors.push(
                SpannedError::at(unknown.key.span, message, "unknown axis").help(choices(&unknown.key.value, &names)),
            );
        } else {
            good.push(item);
        }
    }
    good
}

fn exclude(points: Vec<Point>, list: Option<&Node>, axes: &[Axis<'_>], errors: &mut Vec<SpannedError>) -> Vec<Point> {
    let mut left = points;
    for rule in rules(list, axes, errors) {
        let mut wanted = Vec::new();
        for entry in rule.entries() {
            match scalar_text(&entry.value) {
                Some(name) => wanted.push((entry.key.value.as_str(), name)),
                None => errors.push(SpannedError::at(
                    entry.value.head(),
                    format!("{} is not the name of a value", entry.value.what()),
                    "expected the name of a value of this axis",
                )),
            }
        }
        let before = left.len();
        left.retain(|point| {
            !wanted
                .iter()
                .all(|(axis, name)| point.values.iter().any(|(key, value)| key == axis && value.name == *name))
        });
        if left.len() == before {
            errors.push(SpannedError::at(
                rule.head(),
                "this rule excludes no point",
                "no remaining point has these values",
            ));
        }
    }
    left
}

fn include(list: Option<&Node>, axes: &[Axis<'_>], errors: &mut Vec<SpannedError>) -> Vec<Point> {
    let mut points = Vec::new();
    for rule in rules(list, axes, errors) {
        let values: Result<Vec<_>, SpannedError> = axes
            .iter()
            .map(|axis| {
                let name = &axis.key.value;
                let node = rule.get(name).ok_or_else(|| {
                    SpannedError::at(
                        rule.head(),
                        format!("this point has no value on the axis `{name}`"),
                        "expected a value",
                    )
                })?;
                Ok((name.clone(), included_value(node, axis)?))
            })
            .collect();
        match values {
            Ok(values) => points.push(Point { values }),
            Err(error) => errors.push(error),
        }
    }
    points
}

/// A value by its name on the axis, a plain value, or `{ name: value }`.
fn included_value(node: &Node, axis: &Axis<'_>) -> Result<Value, SpannedError> {
    if let Some(name) = scalar_text(node)
        && let Some(value) = axis.values.iter().find(|value| value.name == name)
    {
        return Ok(value.clone());
    }
    match node.entries() {
        [Entry { key, value }] => named_value(key, value),
        _ => plain_value(node),
    }
}

fn check_duplicate_points(matrix: &Node, points: &[Point], errors: &mut Vec<SpannedError>) {
    let mut seen = HashSet::new();
    if let Some(duplicate) = points.iter().filter_map(Point::name).find(|name| !seen.insert(name.clone())) {
        let span = matrix.get("include").map_or(matrix.head(), Node::head);
        errors.push(SpannedError::at(
            span,
            format!("the point `{duplicate}` is in the matrix twice"),
            "second occurrence",
        ));
    }
}

fn check_unused_axes(root: &Node, axes: &[Axis<'_>], errors: &mut Vec<SpannedError>) {
    let used = used_axes(root);
    for axis in axes.iter().filter(|axis| !used.contains(axis.key.value.as_str())) {
        let name = &axis.key.value;
        let help = format!("write `${{{name}}}` where the value belongs, or remove the axis");
        errors.push(
            SpannedError::at(axis.key.span, format!("the axis `{name}` is never used"), "no reference").help(help),
        );
    }
}

/// A plain value as text.
pub(super) fn scalar_text(node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::Text(text) => Some(text.clone()),
        NodeKind::Bool(value) => Some(value.to_string()),
        NodeKind::Integer(value) => Some(value.to_string()),
        NodeKind::Natural(value) => Some(value.to_string()),
        NodeKind::Float(value) => Some(value.to_string()),
        NodeKind::Null | NodeKind::List(_) | NodeKind::Map(_) => None,
    }
}
