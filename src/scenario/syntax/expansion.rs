//! Expands a matrix to its points, and a tree with references to the tree at a point.

use super::nodes::{Entry, Kind, Node, short};
use super::problems::SpannedError;
use super::spans::{Span, Spanned};
use crate::words::choices;
use std::collections::HashSet;
use std::sync::Arc;

/// Maximum number of points in a matrix.
const MOST_POINTS: usize = 1000;
/// Maximum number of axes in a matrix.
const MOST_AXES: usize = 32;
/// Maximum size of all cases of a file together, in bytes, as [`Budget`] counts them.
const LARGEST_EXPANSION: usize = 16 * 1024 * 1024;
/// Approximate memory of a value in addition to its text, in bytes.
const VALUE_SIZE: usize = 64;

/// The memory that the cases of one file may still use. Every reference copies the value of its axis, so a small file
/// can become large.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
}

impl Budget {
    /// The budget of one file.
    pub(crate) fn of_a_file() -> Self {
        Self { left: LARGEST_EXPANSION }
    }

    fn spend(&mut self, bytes: usize, span: Span) -> Result<(), SpannedError> {
        if let Some(left) = self.left.checked_sub(bytes) {
            self.left = left;
            return Ok(());
        }
        self.left = 0;
        let most = LARGEST_EXPANSION >> 20;
        let message = format!("the expanded cases of this file would take more than {most} MiB");
        Err(SpannedError::at(span, message, "the limit is reached here").help("reduce the matrix or its values"))
    }

    /// Whether the budget is used up.
    pub(crate) fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Subtracts the size of a value and everything in it.
    fn spend_all(&mut self, node: &Node, span: Span) -> Result<(), SpannedError> {
        self.spend(VALUE_SIZE, span)?;
        match &node.kind {
            Kind::Text(text) => self.spend(text.len(), span),
            Kind::List(items) => items.iter().try_for_each(|item| self.spend_all(item, span)),
            Kind::Map(entries) => entries.iter().try_for_each(|entry| {
                self.spend(entry.key.value.len(), span)?;
                self.spend_all(&entry.value, span)
            }),
            _ => Ok(()),
        }
    }
}

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

    fn value(&self, axis: &str) -> Option<&Node> {
        self.values.iter().find(|(name, _)| name == axis).map(|(_, value)| value.node.as_ref())
    }
}

/// The points of a scenario. A scenario without a matrix has one point without a name.
pub(crate) fn points(root: &Node) -> Result<Vec<Point>, Vec<SpannedError>> {
    let Some(matrix) = root.get("matrix") else { return Ok(vec![Point { values: Vec::new() }]) };
    if !matches!(matrix.kind, Kind::Map(_)) {
        let error = SpannedError::at(matrix.span, "a matrix is a map of axes", "expected a map of axes");
        return Err(vec![error.help("matrix: { via: [direct, nginx] }")]);
    }
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
    if axes.len() > MOST_AXES {
        let message = format!("the matrix has {} axes; the limit is {MOST_AXES}", axes.len());
        return Err(vec![SpannedError::at(axes[MOST_AXES].key.span, message, "this axis exceeds the limit")]);
    }
    find_unused(root, &axes, &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    let size = axes.iter().try_fold(1_usize, |size, axis| size.checked_mul(axis.values.len()));
    if size.is_none_or(|size| size > MOST_POINTS) {
        let message = format!("the matrix has more than {MOST_POINTS} points");
        return Err(vec![SpannedError::at(axes[0].key.span, message, "the axes multiply")]);
    }
    let mut points = exclude(product(&axes), matrix.get("exclude"), &axes, &mut errors);
    points.extend(include(matrix.get("include"), &axes, &mut errors));
    if points.len() > MOST_POINTS {
        let span = matrix.get("include").map_or(matrix.head(), Node::head);
        let message = format!("the matrix has {} points; the limit is {MOST_POINTS}", points.len());
        return Err(vec![SpannedError::at(span, message, "`include` counts, too")]);
    }
    find_twins(matrix, &points, &mut errors);
    if points.is_empty() && errors.is_empty() {
        errors.push(SpannedError::at(matrix.head(), "every point of the matrix is excluded", "no case is left"));
    }
    if errors.is_empty() { Ok(points) } else { Err(errors) }
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
        Kind::List(items) => items.iter().map(plain_value).collect::<Result<Vec<_>, _>>()?,
        Kind::Map(entries) => {
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
    if let Some(twin) = values.iter().find(|value| !seen.insert(value.name.as_str())) {
        let message = format!("the axis `{}` has the value `{}` twice", key.value, twin.name);
        return Err(SpannedError::at(twin.node.head(), message, "second occurrence"));
    }
    Ok(Axis { key, values })
}

/// A value that is its own name.
fn plain_value(node: &Node) -> Result<Value, SpannedError> {
    let name = match &node.kind {
        Kind::Text(text) if is_value_name(text) => text.clone(),
        Kind::Bool(value) => value.to_string(),
        Kind::Integer(value) if *value >= 0 => value.to_string(),
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
    let Kind::List(items) = &list.kind else {
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

fn find_twins(matrix: &Node, points: &[Point], errors: &mut Vec<SpannedError>) {
    let mut seen = HashSet::new();
    if let Some(twin) = points.iter().filter_map(Point::name).find(|name| !seen.insert(name.clone())) {
        let span = matrix.get("include").map_or(matrix.head(), Node::head);
        errors.push(SpannedError::at(span, format!("the point `{twin}` is in the matrix twice"), "second occurrence"));
    }
}

fn find_unused(root: &Node, axes: &[Axis<'_>], errors: &mut Vec<SpannedError>) {
    let mut used = HashSet::new();
    for entry in root.entries().iter().filter(|entry| entry.key.value != "matrix") {
        note_references(&entry.value, &mut used);
    }
    for axis in axes.iter().filter(|axis| !used.contains(axis.key.value.as_str())) {
        let name = &axis.key.value;
        let help = format!("write `${{{name}}}` where the value belongs, or remove the axis");
        errors.push(
            SpannedError::at(axis.key.span, format!("the axis `{name}` is never used"), "no reference").help(help),
        );
    }
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
        Kind::Text(text) => note(text),
        Kind::List(items) => items.iter().for_each(|item| note_references(item, used)),
        Kind::Map(entries) => {
            for entry in entries {
                note(&entry.key.value);
            }
            entries.iter().for_each(|entry| note_references(&entry.value, used));
        }
        _ => {}
    }
}

/// A part of a text with references.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Reference(&'a str),
}

/// Splits a text into its parts. `$${` is the characters `${`.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, &'static str> {
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

/// The tree at a point, with every reference replaced and without the matrix.
pub(crate) fn at_point(root: &Node, point: &Point, budget: &mut Budget) -> Result<Node, Vec<SpannedError>> {
    let Kind::Map(entries) = &root.kind else { return Ok(root.clone()) };
    let mut at = At { point, budget, errors: Vec::new() };
    let entries = entries.iter().filter(|entry| entry.key.value != "matrix").map(|entry| at.entry(entry)).collect();
    if at.errors.is_empty() { Ok(Node { span: root.span, kind: Kind::Map(entries) }) } else { Err(at.errors) }
}

/// The state of an expansion at one point.
struct At<'a> {
    point: &'a Point,
    budget: &'a mut Budget,
    errors: Vec<SpannedError>,
}

impl At<'_> {
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
            return Node { span: node.span, kind: Kind::Null };
        }
        if let Err(error) = self.budget.spend(VALUE_SIZE, node.span) {
            self.errors.push(error);
        }
        let kind = match &node.kind {
            Kind::Text(text) => match text_at(text, node.span, self.point, self.budget) {
                Ok(Some(replaced)) => return replaced,
                Ok(None) => return node.clone(),
                Err(error) => {
                    self.errors.push(error);
                    return node.clone();
                }
            },
            Kind::List(items) => Kind::List(items.iter().map(|item| self.node(item)).collect()),
            Kind::Map(entries) => Kind::Map(entries.iter().map(|entry| self.entry(entry)).collect()),
            plain => plain.clone(),
        };
        Node { span: node.span, kind }
    }
}

/// A text at a point. `None` if it has no reference. If a reference is the whole text, the value replaces it, whatever
/// its type.
fn text_at(text: &str, span: Span, point: &Point, budget: &mut Budget) -> Result<Option<Node>, SpannedError> {
    budget.spend(text.len(), span)?;
    if !text.contains("${") {
        return Ok(None);
    }
    let pieces = pieces(text).map_err(|message| SpannedError::at(span, message, "expected `}`"))?;
    if let [Piece::Reference(path)] = pieces.as_slice() {
        let value = resolve(path, span, point)?;
        budget.spend_all(value, span)?;
        // An error about a plain value points to its use. An error about a list or map points to its definition.
        let compound = matches!(value.kind, Kind::List(_) | Kind::Map(_));
        let span = if compound { value.span } else { span };
        return Ok(Some(Node { span, kind: value.kind.clone() }));
    }
    let mut whole = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => whole.push_str(text),
            Piece::Reference(path) => {
                let value = resolve(path, span, point)?;
                let text = scalar_text(value).ok_or_else(|| {
                    let message = format!("`${{{path}}}` is {}, which cannot be part of a string", value.what());
                    SpannedError::at(span, message, "expected a plain value")
                })?;
                budget.spend(text.len(), span)?;
                whole.push_str(&text);
            }
        }
    }
    Ok(Some(Node { span, kind: Kind::Text(whole) }))
}

fn resolve<'a>(path: &str, span: Span, point: &'a Point) -> Result<&'a Node, SpannedError> {
    let mut steps = path.split('.');
    let axis = steps.next().unwrap_or_default();
    let names: Vec<_> = point.values.iter().map(|(name, _)| name.as_str()).collect();
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

/// A plain value as text.
fn scalar_text(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Text(text) => Some(text.clone()),
        Kind::Bool(value) => Some(value.to_string()),
        Kind::Integer(value) => Some(value.to_string()),
        Kind::Natural(value) => Some(value.to_string()),
        Kind::Float(value) => Some(value.to_string()),
        Kind::Null | Kind::List(_) | Kind::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, at_point, points};
    use crate::scenario::syntax::nodes::{Node, parse};
    use rstest::rstest;

    fn names(matrix: &str) -> Vec<String> {
        let text = format!("matrix: {matrix}\nuse: ['${{a}}', '${{b}}']\n");
        points(&parse(&text).unwrap()).unwrap().iter().filter_map(super::Point::name).collect()
    }

    #[rstest]
    #[case::product("{ a: [x, y], b: [1, true] }", &["x,1", "x,true", "y,1", "y,true"])]
    #[case::order_of_axes("{ b: [1, 2], a: [x] }", &["1,x", "2,x"])]
    #[case::named_values("{ a: { empty: {}, absent: null }, b: [1] }", &["empty,1", "absent,1"])]
    #[case::releases("{ a: [2026.3.28, 2026.3.31], b: [1] }", &["2026.3.28,1", "2026.3.31,1"])]
    #[case::exclude_one("{ a: [x, y], b: [1, 2], exclude: [{ a: x, b: 2 }] }", &["x,1", "y,1", "y,2"])]
    #[case::exclude_a_row("{ a: [x, y], b: [1, 2], exclude: [{ a: x }] }", &["y,1", "y,2"])]
    #[case::include_by_name("{ a: [x, y], b: [1], exclude: [{ a: y }], include: [{ a: y, b: 1 }] }", &["x,1", "y,1"])]
    #[case::include_a_new_value("{ a: [x], b: [1], include: [{ a: z, b: { two: 2 } }] }", &["x,1", "z,two"])]
    fn a_matrix_has_these_points(#[case] matrix: &str, #[case] expected: &[&str]) {
        assert_eq!(names(matrix), expected);
    }

    /// The value of `use` at the only point of a matrix.
    fn used(axis: &str, reference: &str) -> Node {
        let root = parse(&format!("matrix: {{ a: {{ only: {axis} }} }}\nuse: {reference}\nalso: '${{a}}'\n")).unwrap();
        let point = points(&root).unwrap().remove(0);
        at_point(&root, &point, &mut Budget::of_a_file()).unwrap().get("use").unwrap().clone()
    }

    #[rstest]
    #[case::number("5", "'${a}'", "5")]
    #[case::text("x", "'${a}'", "x")]
    #[case::null("null", "'${a}'", "null")]
    #[case::list("[1, x]", "'${a}'", "[1, x]")]
    #[case::map("{ k: v }", "'${a}'", "{ k: v }")]
    #[case::part("{ k: { l: 5 } }", "'${a.k.l}'", "5")]
    #[case::inside_a_text("5", "'x${a}y${a}'", "x5y5")]
    #[case::escaped("5", "'$${a}'", "'${a}'")]
    #[case::in_a_key("k", "{ '${a}': 1 }", "{ k: 1 }")]
    fn a_reference_becomes_its_value(#[case] axis: &str, #[case] reference: &str, #[case] expected: &str) {
        fn bare(node: &Node) -> serde_json::Value {
            crate::scenario::syntax::deserializer::from_node(node).unwrap()
        }
        assert_eq!(bare(&used(axis, reference)), bare(&parse(expected).unwrap()));
    }

    /// What is wrong with a matrix at its first point.
    fn wrong(text: &str) -> String {
        let root = parse(text).unwrap();
        let found = points(&root).and_then(|points| at_point(&root, &points[0], &mut Budget::of_a_file()));
        found.unwrap_err().remove(0).message
    }

    #[test]
    fn a_small_file_does_not_become_a_large_one() {
        let value = vec!["x"; 2_000].join(", ");
        let uses = vec!["'${a}'"; 1_000].join(", ");
        let text = format!("matrix: {{ a: {{ only: [{value}] }} }}\nuse: [{uses}]\n");
        assert_eq!(wrong(&text), "the expanded cases of this file would take more than 16 MiB");
        let text = format!("matrix: {{ a: {{ only: {} }} }}\nuse: '{}'\n", "x".repeat(200_000), "${a}".repeat(100));
        assert_eq!(wrong(&text), "the expanded cases of this file would take more than 16 MiB");
    }

    #[test]
    fn all_points_of_a_file_share_one_budget() {
        let (values, uses) = ((0..1000).map(|n| n.to_string()).collect::<Vec<_>>().join(", "), "x".repeat(20_000));
        let root = parse(&format!("matrix: {{ a: [{values}] }}\nuse: '${{a}} {uses}'\n")).unwrap();
        let mut budget = Budget::of_a_file();
        let points = points(&root).unwrap();
        let good = points.iter().take_while(|point| at_point(&root, point, &mut budget).is_ok()).count();
        assert!(good > 500 && good < 1000, "{good}");
        assert!(budget.is_spent());
    }

    #[test]
    fn axes_and_included_points_are_counted() {
        let axes: String = (0..33).map(|n| format!("a{n}: [1], ")).collect();
        assert_eq!(wrong(&format!("matrix: {{ {axes} }}\nuse: 1\n")), "the matrix has 33 axes; the limit is 32");
        let points: String = (0..1000).map(|n| format!("{{ a: {{ p{n}: 1 }} }}, ")).collect();
        let text = format!("matrix: {{ a: [x], include: [{points}] }}\nuse: '${{a}}'\n");
        assert_eq!(wrong(&text), "the matrix has 1001 points; the limit is 1000");
    }
}
