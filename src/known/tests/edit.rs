//! Lists that are extended and pruned.

use super::*;
use std::path::PathBuf;

fn observed(case: &str, differences: &[Difference]) -> Observed {
    Observed {
        case: case.to_owned(),
        verdict: Verdict::Deviates,
        level: Level::Exact,
        requirements: Vec::new(),
        differences: differences.to_vec(),
        observation: Some(format!("{case} {}", differences.len())),
    }
}

fn extended(text: Option<&str>, observed: &[Observed]) -> String {
    let extended = extend(Path::new(PATH), text, observed, "it is \"old\"", Some("o/o#2"), TODAY.parse().unwrap());
    extended.unwrap_or_else(|error| panic!("{error:?}")).text
}

#[test]
fn new_list_has_observed_deviations() {
    let seen = [observed("role/b#x,y", &[refused(), fields("a")]), observed("role/a", &[refused()])];
    insta::assert_snapshot!(extended(None, &seen), @r##"
    # Known deviations, for `clawcheck run --known`.
    known:
      - case:
          - role/a
          - "role/b#x,y"
        kind: refused
        seen: "NOT_PAIRED instead of hello-ok"
        reason: "it is \"old\""
        link: "o/o#2"
      - case: "role/b#x,y"
        kind: fields
        seen: "hello-ok also has a"
        reason: "it is \"old\""
        link: "o/o#2"
    observations:
      role/a: "3b846bcdf51d1964"
      "role/b#x,y": "60a462c32373e5df"
    "##);
    assert_eq!(extended(Some(&extended(None, &seen)), &seen), extended(None, &seen));
}

#[test]
fn existing_list_keeps_entries_and_comments() {
    let text = "\
# Ours.
known:
- case: role/a # the first
  seen: NOT_PAIRED*
  reason: waits

# Pinned.
observations:
  role/a: \"0\" # old
";
    let seen = [observed("role/b", &[refused()]), observed("role/a", &[refused(), fields("a")])];
    insta::assert_snapshot!(extended(Some(text), &seen), @r##"
    # Ours.
    known:
    - case: role/a # the first
      seen: NOT_PAIRED*
      reason: waits
    - case: role/b
      kind: refused
      seen: "NOT_PAIRED instead of hello-ok"
      reason: "it is \"old\""
      link: "o/o#2"
    - case: role/a
      kind: fields
      seen: "hello-ok also has a"
      reason: "it is \"old\""
      link: "o/o#2"

    # Pinned.
    observations:
      role/a: "72631a2b1c0746d8" # old
      role/b: "05efbada53efc83e"
    "##);
}

#[rstest]
#[case::empty("known: []\n")]
#[case::empty_with_comment("known: [] # none\n# end\n")]
#[case::comments("# ours\n")]
#[case::nothing("")]
#[case::byte_order_mark("\u{feff}known:\n- case: role/x\n  seen: x\n  reason: r\n")]
#[case::description("gateway: x\nabout: y\ncommand: z\n")]
#[case::no_line_break("known:\n    - case: role/x\n      seen: x\n      reason: r")]
#[case::another_key_follows(
    "gateway: x\nknown:\n  - case: role/x\n    seen: x\n    reason: r\n\n# The program.\ncommand: z\n"
)]
fn extends_other_yaml_styles(#[case] text: &str) {
    let extended = extended(Some(text), &[observed("role/b", &[refused()])]);
    let kept = text.lines().map(|line| line.strip_prefix("known: []").unwrap_or(line));
    assert!(kept.into_iter().all(|line| extended.contains(line)), "{extended}");
    assert_eq!(
        known(&extended)
            .judge(PlayedCase {
                id: "role/b",
                requirements: &[],
                verdict: Verdict::Deviates,
                level: Level::Exact,
                differences: &[refused()],
                observation: Some("role/b 1"),
            })
            .unwrap()
            .verdict,
        Verdict::KnownDeviation
    );
}

#[rstest]
#[case::entries("# Ours.\r\nknown:\r\n  - case: role/x\r\n    seen: x\r\n    reason: r\r\n# End.\r\n")]
#[case::no_entry("known: [] # none\r\n")]
fn new_lines_end_like_the_others(#[case] text: &str) {
    let extended = extended(Some(text), &[observed("role/b", &[refused()])]);
    assert!(extended.contains("role/b") && extended.lines().count() > text.lines().count(), "{extended:?}");
    assert_eq!(extended.matches('\n').count(), extended.matches("\r\n").count(), "{extended:?}");
}

/// An expired entry no longer applies, so the deviation is accepted again with a new entry.
#[rstest]
#[case::expired("2026-11-28", true)]
#[case::valid("2026-11-29", false)]
fn expired_entry_is_replaced(#[case] expires: &str, #[case] is_replaced: bool) {
    let text = format!("known:\n  - {{ case: role/b, kind: refused, seen: '*', reason: r, expires: {expires} }}\n");
    let extended = extended(Some(&text), &[observed("role/b", &[refused()])]);
    assert_eq!(extended.contains("it is \\\"old\\\""), is_replaced, "{extended}");
}

#[rstest]
#[case::nothing("")]
#[case::comments("# ours\n")]
#[case::byte_order_mark("\u{feff}\r\n")]
fn empty_list_is_error(#[case] text: &str) {
    let error = parse(Path::new(PATH), text).unwrap_err();
    assert_eq!(error.0[0].message(), "the list is empty");
}

/// A case of a report.
fn played(case: &str, verdict: Verdict, differences: &[Difference]) -> Observed {
    Observed { verdict, ..observed(case, differences) }
}

fn pruned(text: &str, played: &[Observed]) -> prune::Pruned {
    prune(Path::new(PATH), text, played).unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
fn prune_removes_obsolete_entries() {
    let text = "\
# Ours.
known:
  # The first.
  - case: [role/a, role/b, role/c]
    seen: NOT_PAIRED*
    reason: waits
  # Refuted.
  - case:
      - role/b
      - \"role/d\"
    seen: \"hello-ok also has *\"
    reason: waits
  # A glob.
  - case: other/*
    seen: NOT_PAIRED*
    reason: waits
  - case:
      - role/c # not tested
      - role/d
    seen: x
    reason: waits
  - case: role/d
    seen: y
    reason: sometimes
    flaky: true

# Pinned.
observations:
  role/b: \"0\"
  role/d: \"1\"
  role/e: \"2\" # loose
";
    let report = [
        played("role/a", Verdict::KnownDeviation, &[refused()]),
        played("role/b", Verdict::UnexpectedlyConforms, &[]),
        played("role/d", Verdict::Conforms, &[]),
        played("other/a", Verdict::Deviates, &[refused()]),
        played("other/b", Verdict::Conforms, &[]),
        // An error says nothing about the deviation.
        played("role/c", Verdict::Error, &[]),
    ];
    let once = pruned(text, &report);
    assert_eq!((once.entries, once.ids), (1, 2));
    assert_eq!(once.globs, ["known.yaml:14: `other/*` also matches other/b"]);
    insta::assert_snapshot!(once.text, @r##"
    # Ours.
    known:
      # The first.
      - case: [role/a, role/c]
        seen: NOT_PAIRED*
        reason: waits
      # A glob.
      - case: other/*
        seen: NOT_PAIRED*
        reason: waits
      - case:
          - role/c # not tested
        seen: x
        reason: waits
      - case: role/d
        seen: y
        reason: sometimes
        flaky: true

    # Pinned.
    observations:
      role/d: "1"
    "##);
    assert_eq!(pruned(&once.text, &report).text, once.text);
}

#[rstest]
#[case::all("known:\n- case: role/b\n  seen: x\n  reason: r\nobservations: { role/b: \"0\" }\n", "known: []\n")]
#[case::description(
    "gateway: x\nknown:\n  - case: role/b\n    seen: x\n    reason: r\n\n# The program.\ncommand: z\n",
    "gateway: x\nknown: []\n\n# The program.\ncommand: z\n"
)]
#[case::nothing("known: []\n", "known: []\n")]
#[case::excluded(
    "known:\n- { case: role/b, exclude: true, reason: r }\n",
    "known:\n- { case: role/b, exclude: true, reason: r }\n"
)]
#[case::glob("known:\n- { case: role/*, seen: x, reason: r }\n", "known:\n- { case: role/*, seen: x, reason: r }\n")]
#[case::last_ids(
    "known:\n- { case: [role/z, role/b, role/b2], seen: x, reason: r }\n",
    "known:\n- { case: [role/z], seen: x, reason: r }\n"
)]
#[case::first_ids(
    "known:\n- { case: [role/b, role/b2, role/z], seen: x, reason: r }\n",
    "known:\n- { case: [role/z], seen: x, reason: r }\n"
)]
#[case::first_and_last_id(
    "known:\n- { case: [role/b, role/z, role/b2], seen: x, reason: r }\n",
    "known:\n- { case: [role/z], seen: x, reason: r }\n"
)]
fn lists_in_other_forms_are_pruned(#[case] text: &str, #[case] expected: &str) {
    let report = ["role/b", "role/b2"].map(|case| played(case, Verdict::Conforms, &[]));
    assert_eq!(pruned(text, &report).text, expected);
}

/// Why the deviation of `role/b` is not added to a list.
fn not_extended(text: &str) -> String {
    let seen = [observed("role/b", &[refused()])];
    extend(Path::new(PATH), Some(text), &seen, "r", None, TODAY.parse().unwrap()).unwrap_err().to_string()
}

/// Why the deviation of `role/b` is not removed from a list.
fn not_pruned(text: &str) -> String {
    prune(Path::new(PATH), text, &[played("role/b", Verdict::Conforms, &[])]).unwrap_err().to_string()
}

#[rstest]
#[case::extended(not_extended, "known: [{ case: role/x, seen: x, reason: r }]\n")]
#[case::pruned_entries(
    not_pruned,
    "known: [{ case: role/b, seen: x, reason: r }, { case: role/c, seen: x, reason: r }]\n"
)]
#[case::pruned_observations(
    not_pruned,
    "known:\n- { case: role/b, seen: x, reason: r }\n- { case: role/c, seen: x, reason: r }\n\
     observations: { role/b: \"0\", role/c: \"1\" }\n"
)]
fn flow_style_list_is_not_changed(#[case] error: fn(&str) -> String, #[case] text: &str) {
    assert!(error(text).contains("must be a block list"), "{}", error(text));
}

#[test]
fn names_all_obsolete_entries_and_their_lists() {
    let entry = |seen: &str| format!("- {{ case: role/a, seen: {seen}, reason: r }}\n");
    let mut lists = known(&format!("known:\n{}{}", entry("x"), entry("y")));
    lists.add(parse(Path::new("my list.yaml"), &format!("known:\n{}", entry("z"))).unwrap());
    lists.add(parse(Path::new("holds.yaml"), "known:\n- { case: role/b, seen: x, reason: r }\n").unwrap());
    let judged = lists.judge(PlayedCase {
        id: "role/a",
        requirements: &[],
        verdict: Verdict::Conforms,
        level: Level::Exact,
        differences: &[],
        observation: None,
    });
    let judged = judged.unwrap();
    let expected = "known.yaml:2, known.yaml:3 and my list.yaml:2 no longer hold; remove them from the list\n\
                    no longer seen: x\nreason in the list: r\nno longer seen: y\nreason in the list: r\n\
                    no longer seen: z\nreason in the list: r";
    assert_eq!((judged.verdict, judged.reason.as_str()), (Verdict::UnexpectedlyConforms, expected));
    assert_eq!(judged.obsolete_in, [PATH, "my list.yaml"].map(PathBuf::from).into());
}
