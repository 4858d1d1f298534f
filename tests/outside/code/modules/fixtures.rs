//! Crates of a few lines that have a circle, in each form of a path, and crates that have none.

use super::graph::{Crate, OWN_FILE};
use rstest::rstest;

/// The circles of a crate whose modules have these texts. The root is called `lib`.
fn circles(files: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
    let read = |module: &[String]| {
        let name = if module.is_empty() { "lib".to_owned() } else { module.join("::") };
        files.iter().find(|(file, _)| *file == name).map(|(_, text)| (*text).to_owned()).unwrap()
    };
    Crate::read(&read).edges().circles().into_iter().map(|circle| (circle.folder, circle.modules)).collect()
}

const ROOT: &str = "mod a; mod b; pub(crate) use b::X; macro_rules! m { () => {} }";

#[rstest]
#[case::from_the_crate("use crate::b::X;")]
#[case::from_the_parent("use super::b::X;")]
#[case::the_module("use super::b; fn f() { b::x(); }")]
#[case::a_nested_group("use crate::{c::C, b::{self, y::{Y, Z}}};")]
#[case::a_renamed_module("use crate::b as other;")]
#[case::a_renamed_path("use crate as root; fn f() { root::b::x(); }")]
#[case::all_names("use super::b::*;")]
#[case::a_re_export("use crate::X;")]
#[case::a_re_export_in_code("fn f(x: super::X<u8>) {}")]
#[case::code("fn f() { let y = crate::b::x(1); }")]
#[case::a_type("struct S { x: Vec<super::b::X> }")]
#[case::a_pattern("fn f(x: u8) { match x { crate::b::LIMIT => {} _ => {} } }")]
#[case::a_generic_call("fn f() { g::<crate::b::X>(); }")]
#[case::a_range("fn f() { for _ in 0..super::b::LIMIT {} }")]
#[case::the_input_of_a_macro("fn f() { println!(\"{}\", super::b::x()); }")]
#[case::a_macro("macro_rules! n { () => { $crate::b::x() } }")]
#[case::an_attribute("#[derive(Deserialize)] struct S { #[serde(default = \"crate::b::x\")] x: u8 }")]
#[case::a_function_with_imports("fn f() { use super::b::X; }")]
#[case::an_inner_module("mod inner { use super::super::b::X; }")]
#[case::an_inner_module_and_self("use self::inner::f; mod inner { pub fn f() { crate::b::x() } }")]
#[case::a_re_export_that_is_used("pub(crate) use super::b::X; fn f(x: X) {}")]
#[case::behind_a_comment("/* b */ use /* of */ crate::b /* here */ ::X;")]
#[case::code_only_for_tests_that_is_no_module("#[cfg(test)] mod tests { } fn f() { crate::b::x() }")]
fn finds_circle_of_modules(#[case] a: &str) {
    let b = "use super::a::f; pub struct X; pub mod y { } pub fn x() {}";
    let found = circles(&[("lib", ROOT), ("a", a), ("b", b), ("b::y", "")]);
    assert_eq!(found, [(String::new(), vec!["a".to_owned(), "b".to_owned()])]);
}

#[rstest]
#[case::nothing("")]
#[case::a_comment("// use crate::b::X;\n/// As [`crate::b::X`].\n//! crate::b::X\nfn f() {}")]
#[case::a_text("fn f() { g(\"crate::b::x\"); }")]
#[case::a_longer_name("use crate::bb::X; fn f() { crate::a_b::x(); }")]
#[case::another_crate("use other::b::X; fn f() { ::b::x(); other::super_b::x(); }")]
#[case::a_visibility("pub(in crate::b) fn f() {}")]
#[case::a_field("struct S { b: u8 } fn f(s: S) { s.b.x(); S { b: 1 }; }")]
#[case::a_method_of_its_own_type("use b_types::T; fn f() { T::b(); }")]
#[case::tests("#[cfg(test)] mod tests { use crate::b::X; }")]
#[case::a_re_export("pub(crate) use super::b::X;")]
fn no_cycle_without_use(#[case] a: &str) {
    let found = circles(&[("lib", ROOT), ("a", a), ("b", "use super::a::f; pub struct X;")]);
    assert_eq!(found, []);
}

#[test]
fn cycle_of_three() {
    let files = [
        ("lib", "mod run;"),
        ("run", "mod a; mod b; mod c; mod d; pub use c::C;"),
        ("run::a", "use super::b::B; use super::d::D;"),
        ("run::b", "mod inner; pub struct B;"),
        ("run::b::inner", "use super::super::C;"),
        ("run::c", "use crate::run::a::A; pub struct C;"),
        ("run::d", ""),
    ];
    assert_eq!(circles(&files), [("run".to_owned(), ["a", "b", "c"].map(str::to_owned).to_vec())]);
}

#[test]
fn mod_file_is_module() {
    let uses_and_is_used = [("lib", "mod run;"), ("run", "mod a; struct R { a: a::A }"), ("run::a", "use super::R;")];
    let both = [OWN_FILE, "a"].map(str::to_owned);
    let found = circles(&uses_and_is_used);
    assert_eq!(found.len(), 1);
    assert!(both.iter().all(|module| found[0].1.contains(module)), "{found:?}");
    let hands_on = [("lib", "mod run;"), ("run", "mod a; pub use a::A; struct R;"), ("run::a", "use super::R;")];
    assert_eq!(circles(&hands_on), []);
}
