use super::*;
use crate::judge::cause::CauseKind;
use crate::judge::{Difference, Level, Verdict};
use crate::scenario::Corpus;
use rstest::rstest;

const TODAY: &str = "2026-11-29";
const PATH: &str = "known.yaml";

fn known(text: &str) -> KnownDeviations {
    parse(Path::new(PATH), text).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// The errors and warnings of a list, each with its line.
fn problems_of(text: &str) -> (Vec<(usize, String)>, Vec<String>) {
    let corpus = Corpus::embedded().unwrap();
    let cases = corpus.cases().iter().collect::<Vec<_>>();
    let today = "2026-11-29".parse().unwrap();
    match parse(Path::new(PATH), text).and_then(|mut known| known.check(&cases, today)) {
        Ok(warnings) => (Vec::new(), warnings.iter().map(ToString::to_string).collect()),
        Err(errors) => {
            let place =
                |error: &ScenarioError| (error.position().map_or(0, |(line, _)| line), error.message().to_owned());
            (errors.0.iter().map(place).collect(), Vec::new())
        }
    }
}

const REFUSED: &str = "NOT_PAIRED instead of hello-ok";

fn refused() -> Difference {
    Difference::test(CauseKind::Refused, REFUSED, "", "")
}

fn fields(name: &str) -> Difference {
    Difference::test(CauseKind::Fields, &format!("hello-ok also has {name}"), "", "")
}

/// The verdict on a case that deviates in this way.
fn verdict(list: &str, id: &str, differences: &[Difference], observation: &str) -> Option<(Verdict, String)> {
    let verdict = if differences.is_empty() { Verdict::Conforms } else { Verdict::Deviates };
    let requirements = ["RFC-1".to_owned()];
    let seen = PlayedCase {
        id,
        requirements: &requirements,
        verdict,
        level: Level::Exact,
        differences,
        observation: Some(observation),
    };
    known(list).judge(seen).map(|judged| (judged.verdict, judged.reason))
}

const ONE: &str =
    "known:\n  - case: role/*\n    kind: refused\n    seen: NOT_PAIRED*\n    reason: waits\n    link: o/o#1\n";

#[test]
fn only_known_differences() {
    let expected = Some((Verdict::KnownDeviation, "waits (o/o#1)".to_owned()));
    assert_eq!(verdict(ONE, "role/a", &[refused()], ""), expected);
    assert_eq!(verdict(ONE, "other/a", &[refused()], ""), None);
}

#[rstest]
#[case::another_kind(&[Difference::test(CauseKind::LetIn, REFUSED, "", "")])]
#[case::another_text(&[Difference::test(CauseKind::Refused, "another NOT_PAIRED", "", "")])]
#[case::one_more(&[refused(), fields("a")])]
fn other_difference_fails(#[case] differences: &[Difference]) {
    let (verdict, reason) = verdict(ONE, "role/a", differences, "").unwrap();
    assert_eq!(verdict, Verdict::Deviates);
    assert!(reason.starts_with("not a known deviation: "), "{reason}");
}

#[test]
fn missing_deviation_names_line() {
    let (gone, reason) = verdict(ONE, "role/a", &[], "").unwrap();
    assert_eq!(gone, Verdict::UnexpectedlyConforms);
    assert!(reason.starts_with("known.yaml:2 no longer holds"), "{reason}");
    // One of two is gone.
    let two = format!("{ONE}  - case: role/a\n    seen: hello-ok also has a\n    reason: later\n");
    assert_eq!(verdict(&two, "role/a", &[refused(), fields("a")], "").unwrap().0, Verdict::KnownDeviation);
    let (gone, reason) = verdict(&two, "role/a", &[refused()], "").unwrap();
    assert_eq!(gone, Verdict::UnexpectedlyConforms);
    assert!(reason.starts_with("known.yaml:7 no longer holds"), "{reason}");
}

#[test]
fn flaky_deviation() {
    let flaky = format!("{ONE}    flaky: true\n");
    let conforms = verdict(&flaky, "role/a", &[], "").unwrap();
    assert_eq!(conforms, (Verdict::Conforms, "known to be flaky: waits (o/o#1)".to_owned()));
    assert_eq!(verdict(&flaky, "role/a", &[refused()], "").unwrap().0, Verdict::KnownDeviation);
    assert_eq!(verdict(&flaky, "role/a", &[fields("a")], "").unwrap().0, Verdict::Deviates);
}

#[test]
fn requirement_limits_entry() {
    let of = |id: &str| format!("{ONE}    requirement: {id}\n");
    assert_eq!(verdict(&of("RFC-1"), "role/a", &[refused()], "").unwrap().0, Verdict::KnownDeviation);
    assert_eq!(verdict(&of("RFC-2"), "role/a", &[refused()], ""), None);
    let other = Difference { requires: Some("RFC-3".to_owned()), ..refused() };
    assert_eq!(verdict(&of("RFC-1"), "role/a", &[other], "").unwrap().0, Verdict::Deviates);
}

#[test]
fn changed_observation_fails() {
    let pinned = format!("{ONE}observations:\n  role/a: \"{}\"\n", digest("line\n"));
    assert_eq!(verdict(&pinned, "role/a", &[refused()], "line").unwrap().0, Verdict::KnownDeviation);
    let (other, reason) = verdict(&pinned, "role/a", &[refused()], "line\nmore").unwrap();
    assert_eq!(other, Verdict::Deviates);
    assert!(reason.contains("known.yaml:8 lists the digest"), "{reason}");
}

#[rstest]
#[case::word("the tracker")]
#[case::script("javascript:alert(1)")]
#[case::file("file:///etc/passwd")]
fn rejects_invalid_link(#[case] link: &str) {
    let text = ONE.replace("o/o#1", &format!("\"{link}\""));
    let error = parse(Path::new(PATH), &text).unwrap_err().to_string();
    assert!(error.contains(&format!("`{link}` is not a link")), "{error}");
    parse(Path::new(PATH), &ONE.replace("o/o#1", "https://example.org/issues/1")).unwrap();
}

#[test]
fn known_errors_and_skipped_cases() {
    let list = "known:\n  - { case: role/a, kind: error, seen: 'the gateway exited*', reason: crash }\n";
    let judged = |verdict| {
        let differences = [Difference::error("the gateway exited unexpectedly (exit code 1)")];
        let seen = PlayedCase {
            id: "role/a",
            requirements: &[],
            verdict,
            level: Level::Exact,
            differences: &differences,
            observation: None,
        };
        known(list).judge(seen).map(|judged| judged.verdict)
    };
    assert_eq!(judged(Verdict::Error), Some(Verdict::KnownDeviation));
    assert_eq!((judged(Verdict::Skipped), judged(Verdict::NotApplicable)), (None, None));
}

#[test]
fn slight_differences_need_no_entry() {
    let at = |level, verdict, list: &str| {
        let differences = [refused(), fields("a")];
        let differences = if verdict == Verdict::Conforms { &differences[1..] } else { &differences };
        let seen = PlayedCase { id: "role/a", requirements: &[], verdict, level, differences, observation: None };
        known(list).judge(seen).map(|judged| judged.verdict)
    };
    assert_eq!(at(Level::Exact, Verdict::Deviates, ONE), Some(Verdict::Deviates));
    assert_eq!(at(Level::Wire, Verdict::Deviates, ONE), Some(Verdict::KnownDeviation));
    let slight = "known:\n  - { case: role/a, seen: hello-ok also has a, reason: r }\n";
    assert_eq!(at(Level::Wire, Verdict::Conforms, slight), Some(Verdict::Conforms));
}

#[rstest]
#[case::unknown_key("known:\n  - { case: a/b, seen: x, reason: r, sen: y }", 2, "unknown key `sen`")]
#[case::no_reason("known:\n  - { case: a/b, seen: x }", 2, "reason")]
#[case::empty_reason("known:\n  - { case: a/b, seen: x, reason: ' ' }", 2, "the reason is empty")]
#[case::nothing_seen("known:\n  - case: a/b\n    kind: refused\n    reason: r", 2, "`seen` is missing")]
#[case::half_a_glob("known:\n  - { case: 'a[b', seen: x, reason: r }", 2, "not a valid glob")]
#[case::no_case("known:\n  - { case: [], seen: x, reason: r }", 2, "the list is empty")]
#[case::kind("known:\n  - { case: a/b, kind: let_in, seen: x, reason: r }", 2, "let_in")]
#[case::date("known:\n  - { case: a/b, seen: x, reason: r, expires: 2026-02-30 }", 2, "there is no day")]
#[case::exclude_and_more("known:\n  - { case: a/b, seen: x, reason: r, exclude: true }", 2, "not played")]
#[case::no_list("known: {}", 1, "a map is not valid here")]
#[case::other_file("scenario: x\nsteps: []", 1, "unknown key `scenario`")]
fn invalid_lists_with_line(#[case] text: &str, #[case] line: usize, #[case] says: &str) {
    let (errors, _) = problems_of(text);
    let [(at, message)] = &errors[..] else { panic!("{errors:?}") };
    assert!(*at == line && message.contains(says), "{at}: {message}");
}

#[rstest]
#[case::id("empty-tokens/nod", "did you mean `empty-tokens/node`?")]
#[case::family("empty-token/*", "did you mean `empty-tokens/*`?")]
#[case::glob("empty-tokens/z*", "`clawcheck list` prints all cases")]
fn entry_without_case_is_error(#[case] case: &str, #[case] help: &str) {
    let text = format!("known:\n  - case: [empty-tokens/node, '{case}']\n    seen: x\n    reason: r\n");
    let corpus = Corpus::embedded().unwrap();
    let cases = corpus.cases().iter().collect::<Vec<_>>();
    let errors = known(&text).check(&cases, Date::today()).unwrap_err();
    let rendered = format!("{:?}", miette::Report::new(errors));
    for says in [format!("no case matches `{case}`").as_str(), help, "known.yaml:2"] {
        assert!(rendered.contains(says), "{rendered}");
    }
}

#[test]
fn entry_for_unread_family_is_warning() {
    let (errors, warnings) = problems_of("known:\n  - { case: my-own-scenarios/first, seen: x, reason: r }\n");
    assert_eq!((errors.len(), warnings.as_slice()), (0, &["no case matches `my-own-scenarios/first`".to_owned()][..]));
}

#[test]
fn unknown_requirement_is_error() {
    let (errors, _) = problems_of("known:\n  - { case: 'role-upgrade/*', requirement: RFC-9, seen: x, reason: r }\n");
    assert!(errors[0].1.contains("tests the requirement `RFC-9`"), "{errors:?}");
}

#[test]
fn expired_entry_is_warning() {
    let list =
        |expires: &str| format!("known:\n  - {{ case: empty-tokens/node, seen: x, reason: r, expires: {expires} }}\n");
    let (errors, warnings) = problems_of(&list("2026-11-28"));
    assert!(errors.is_empty() && warnings == ["this known deviation expired on 2026-11-28, and no longer applies"]);
    assert_eq!(problems_of(&list("2026-11-29")), (Vec::new(), Vec::new()));
    // Its digest is not a mistake, either.
    let (errors, _) = problems_of(&format!("{}observations: {{ empty-tokens/node: \"0\" }}\n", list("2026-11-28")));
    assert_eq!(errors, Vec::new());
    let corpus = Corpus::embedded().unwrap();
    let cases = corpus.cases().iter().collect::<Vec<_>>();
    let mut expired = known(&list("2026-11-28"));
    expired.check(&cases, "2026-11-29".parse().unwrap()).unwrap();
    assert!(expired.entries.is_empty());
}

#[rstest]
#[case::same("seen: x", "seen: x", true)]
#[case::pattern("seen: 'x*'", "seen: xy", true)]
#[case::kind_of_one("seen: x", "seen: x\n    kind: refused", true)]
#[case::other_kinds("seen: x\n    kind: let-in", "seen: x\n    kind: refused", false)]
#[case::other_texts("seen: x", "seen: y", false)]
#[case::excluded("seen: x", "exclude: true", true)]
fn rejects_overlapping_entries(#[case] first: &str, #[case] second: &str, #[case] overlap: bool) {
    let text = format!(
        "known:\n  - case: empty-tokens/*\n    reason: r\n    {first}\n  - case: '*/node'\n    reason: r\n    {second}\n"
    );
    let (errors, _) = problems_of(&text);
    assert_eq!(!errors.is_empty(), overlap, "{errors:?}");
    if let Some((line, message)) = errors.first() {
        let line_of_second = 5 + first.matches('\n').count();
        assert!(
            *line == line_of_second
                && message.contains("known.yaml:2 are about the same deviation of empty-tokens/node")
        );
    }
}

#[test]
fn digest_without_entry_is_error() {
    let list =
        "known:\n  - { case: empty-tokens/node, seen: x, reason: r }\nobservations:\n  empty-tokens/nodes: '0'\n";
    let (errors, _) = problems_of(list);
    assert!(errors[0].0 == 4 && errors[0].1.contains("no known deviation of empty-tokens/nodes"), "{errors:?}");
}

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

#[test]
fn new_lines_end_like_the_others() {
    let text = "# Ours.\r\nknown:\r\n  - case: role/x\r\n    seen: x\r\n    reason: r\r\n# End.\r\n";
    for text in [text, "known: [] # none\r\n"] {
        let extended = extended(Some(text), &[observed("role/b", &[refused()])]);
        assert!(extended.contains("role/b") && extended.lines().count() > text.lines().count(), "{extended:?}");
        assert_eq!(extended.matches('\n').count(), extended.matches("\r\n").count(), "{extended:?}");
    }
}

/// An expired entry no longer applies, so the deviation is accepted again with a new entry.
#[test]
fn expired_entry_is_replaced() {
    let text = "known:\n  - { case: role/b, kind: refused, seen: '*', reason: r, expires: 2026-11-28 }\n";
    let seen = [observed("role/b", &[refused()])];
    assert!(extended(Some(text), &seen).contains("it is \\\"old\\\""), "{}", extended(Some(text), &seen));
    let valid = text.replace("11-28", "11-29");
    assert!(!extended(Some(&valid), &seen).contains("it is"), "{}", extended(Some(&valid), &seen));
}

#[test]
fn empty_list_is_error() {
    for text in ["", "# ours\n", "\u{feff}\r\n"] {
        let error = parse(Path::new(PATH), text).unwrap_err();
        assert_eq!(error.0[0].message(), "the list is empty", "{text:?}");
    }
}

#[test]
fn flow_style_list_is_not_extended() {
    let text = "known: [{ case: role/x, seen: x, reason: r }]\n";
    let error =
        extend(Path::new(PATH), Some(text), &[observed("role/b", &[refused()])], "r", None, TODAY.parse().unwrap());
    let error = error.unwrap_err();
    assert!(error.to_string().contains("must be a block list"), "{error}");
}

#[test]
fn list_in_documentation_is_valid() {
    let page = include_str!("../../docs/known-deviations.md");
    let list = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!((known(list).entries.len(), known(list).observations.len()), (3, 1));
}

/// To update the file, run `clawcheck schema known > schema/known.json`.
#[test]
fn committed_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/known.json");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(committed == schema(), "schema/known.json is not what `clawcheck schema known` prints");
}

#[test]
fn rejects_json_report() {
    let (errors, _) = problems_of(r#"{"schema": 1, "gateway": "mine", "release": "2026.4.2", "cases": []}"#);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].1.contains("unknown key"), "{errors:?}");
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

#[rstest]
#[case::entries("known: [{ case: role/b, seen: x, reason: r }, { case: role/c, seen: x, reason: r }]\n")]
#[case::observations(
    "known:\n- { case: role/b, seen: x, reason: r }\n- { case: role/c, seen: x, reason: r }\n\
     observations: { role/b: \"0\", role/c: \"1\" }\n"
)]
fn flow_style_list_cannot_be_pruned(#[case] text: &str) {
    let error = prune(Path::new(PATH), text, &[played("role/b", Verdict::Conforms, &[])]).unwrap_err();
    assert!(error.to_string().contains("must be a block list"), "{error}");
}

#[test]
fn names_all_obsolete_entries() {
    let list = "known:\n- { case: role/a, seen: x, reason: r }\n- { case: role/*, seen: y, reason: r }\n";
    let (verdict, reason) = verdict(list, "role/a", &[], "").unwrap();
    assert_eq!(verdict, Verdict::UnexpectedlyConforms);
    let expected = "known.yaml:2 and known.yaml:3 no longer hold; remove them from the list\n\
                    no longer seen: x\nreason in the list: r\nno longer seen: y\nreason in the list: r";
    assert_eq!(reason, expected);
}
