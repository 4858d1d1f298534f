use super::*;
use crate::judge::cause::CauseKind;
use crate::judge::{Difference, Level, Verdict};
use crate::scenario::Corpus;
use rstest::rstest;

mod edit;

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
    let slight = |rest: &str| format!("known:\n  - {{ case: role/*, {rest}, reason: r }}\n");
    // The entry still holds, and does not change the verdict.
    for rest in ["seen: hello-ok also has a", "kind: fields, seen: '*'", "seen: 'hello-ok *'"] {
        assert_eq!(at(Level::Wire, Verdict::Conforms, &slight(rest)), None, "{rest}");
    }
    // Any difference is one that counts, because the texts of another gateway almost always differ.
    let any = slight("seen: '*'");
    assert_eq!(at(Level::Wire, Verdict::Conforms, &any), Some(Verdict::UnexpectedlyConforms));
    assert_eq!(at(Level::Exact, Verdict::Deviates, &any), Some(Verdict::KnownDeviation));
    // A run at `decisions` can use the list of a run at `wire`.
    let differences = &[Difference::test(CauseKind::Close, "another close", "", "")];
    let (verdict, level) = (Verdict::Conforms, Level::Decisions);
    let seen = PlayedCase { id: "role/a", requirements: &[], verdict, level, differences, observation: None };
    assert!(known(&any).judge(seen).is_none());
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
    // A digest of a case with an expired entry is not an error.
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
