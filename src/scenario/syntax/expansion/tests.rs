use super::{ExpansionBudget, at_point, points};
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
fn points_of_matrix(#[case] matrix: &str, #[case] expected: &[&str]) {
    assert_eq!(names(matrix), expected);
}

/// The value of `use` at the only point of a matrix.
fn used(axis: &str, reference: &str) -> Node {
    let root = parse(&format!("matrix: {{ a: {{ only: {axis} }} }}\nuse: {reference}\nalso: '${{a}}'\n")).unwrap();
    let point = points(&root).unwrap().remove(0);
    at_point(&root, &point, &mut ExpansionBudget::of_a_file()).unwrap().get("use").unwrap().clone()
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
fn replaces_references(#[case] axis: &str, #[case] reference: &str, #[case] expected: &str) {
    fn bare(node: &Node) -> serde_json::Value {
        crate::scenario::syntax::deserializer::from_node(node).unwrap()
    }
    assert_eq!(bare(&used(axis, reference)), bare(&parse(expected).unwrap()));
}

/// What is wrong with a matrix at its first point.
fn wrong(text: &str) -> String {
    let root = parse(text).unwrap();
    let found = points(&root).and_then(|points| at_point(&root, &points[0], &mut ExpansionBudget::of_a_file()));
    found.unwrap_err().remove(0).message
}

#[test]
fn expansion_is_bounded() {
    let value = vec!["x"; 2_000].join(", ");
    let uses = vec!["'${a}'"; 1_000].join(", ");
    let text = format!("matrix: {{ a: {{ only: [{value}] }} }}\nuse: [{uses}]\n");
    assert_eq!(wrong(&text), "the expanded cases of this file would take more than 16 MiB");
    let text = format!("matrix: {{ a: {{ only: {} }} }}\nuse: '{}'\n", "x".repeat(200_000), "${a}".repeat(100));
    assert_eq!(wrong(&text), "the expanded cases of this file would take more than 16 MiB");
}

#[test]
fn points_share_budget() {
    let (values, uses) = ((0..1000).map(|n| n.to_string()).collect::<Vec<_>>().join(", "), "x".repeat(20_000));
    let root = parse(&format!("matrix: {{ a: [{values}] }}\nuse: '${{a}} {uses}'\n")).unwrap();
    let mut budget = ExpansionBudget::of_a_file();
    let points = points(&root).unwrap();
    let good = points.iter().take_while(|point| at_point(&root, point, &mut budget).is_ok()).count();
    assert!(good > 500 && good < 1000, "{good}");
    assert!(budget.is_spent());
}

#[test]
fn counts_axes_and_points() {
    let axes: String = (0..33).map(|n| format!("a{n}: [1], ")).collect();
    assert_eq!(wrong(&format!("matrix: {{ {axes} }}\nuse: 1\n")), "the matrix has 33 axes; the limit is 32");
    let points: String = (0..1000).map(|n| format!("{{ a: {{ p{n}: 1 }} }}, ")).collect();
    let text = format!("matrix: {{ a: [x], include: [{points}] }}\nuse: '${{a}}'\n");
    assert_eq!(wrong(&text), "the matrix has 1001 points; the limit is 1000");
}
