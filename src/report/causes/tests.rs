use super::*;
use crate::judge::cause::differences;
use rstest::rstest;

const IN: &str = "connect laptop\n  <- hello-ok  protocol 3  role operator\n";
const OUT: &str = "connect laptop\n  <- error NOT_PAIRED PAIRING_REQUIRED role-upgrade  \"pairing required\"\n  <- close 1008 \"\"  clean\n";

/// Causes of cases with these ids, expected and seen texts.
fn causes<'a>(cases: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Causes {
    let mut causes = Causes::default();
    for (id, expected, seen) in cases {
        let links = [format!("openclaw/openclaw#{}", id.len())];
        let (rerun, found) = (format!("clawcheck run {id}"), differences(expected, seen));
        causes.add_differences(DifferingCase { id, rerun: &rerun, links: &links, differences: &found });
    }
    causes
}

fn lines_of(causes: &Causes) -> Vec<String> {
    causes.list().iter().map(|cause| format!("{} {:?}: {}", cause.cases.len(), cause.kind, cause.what)).collect()
}

fn show(causes: &Causes, lines: usize) -> Vec<String> {
    CauseDisplay { colour: false, lines }.show(causes)
}

#[test]
fn equal_differences_share_cause() {
    let phone = |text: &str| text.replace("laptop", "phone");
    let (phone_in, phone_out) = (phone(IN), phone(OUT));
    let causes = causes([("a/one", IN, OUT), ("b/two", &phone_in, &phone_out), ("c/three", OUT, IN)]);
    assert_eq!(causes.cases(), 3);
    let upgrade = "NOT_PAIRED PAIRING_REQUIRED role-upgrade";
    assert_eq!(
        lines_of(&causes),
        [format!("1 LetIn: hello-ok instead of {upgrade}"), format!("2 Refused: {upgrade} instead of hello-ok")]
    );
    assert_eq!(causes.list()[1].cases, ["a/one", "b/two"]);
    assert_eq!(causes.list()[1].rerun, "clawcheck run a/one");
}

#[rstest]
#[case::reasons("role-upgrade", "scope-upgrade", "metadata-upgrade")]
#[case::codes("PAIRING_REQUIRED", "DEVICE_REQUIRED", "PROOF_REQUIRED")]
#[case::texts("\"pairing required\"", "\"ask the owner\"", "\"go away\"")]
#[case::long_texts("\"pairing", &format!("\"pairing {}a", "word ".repeat(60)), &format!("\"pairing {}b", "word ".repeat(90)))]
#[case::closes("1008", "1002", "1000")]
fn keeps_different_causes_apart(#[case] of: &str, #[case] one: &str, #[case] other: &str) {
    let (one, other) = (OUT.replacen(of, one, 1), OUT.replacen(of, other, 1));
    let same = lines_of(&causes([("a", OUT, &*one), ("b", OUT, &*one)]));
    assert!(same.len() == 1 && same[0].starts_with("2 "), "{same:?}");
    let both = lines_of(&causes([("a", OUT, &*one), ("b", OUT, &*other)]));
    assert!(both.len() == 2 && both.iter().all(|cause| cause.starts_with("1 ")), "{both:?}");
}

#[test]
fn merges_field_causes_of_equal_cases() {
    let more = IN.replace("operator\n", "operator  with snapshot.a  with snapshot.b\n");
    let one_more = IN.replace("operator\n", "operator  with snapshot.a\n");
    let mut cases = vec![("z/let-in", OUT, IN)];
    let ids = (0..40).map(|n| format!("f/case-{n}")).collect::<Vec<_>>();
    cases.extend(ids.iter().map(|id| (id.as_str(), IN, more.as_str())));
    assert_eq!(
        lines_of(&causes(cases.clone())),
        [
            "1 LetIn: hello-ok instead of NOT_PAIRED PAIRING_REQUIRED role-upgrade",
            "40 Fields: hello-ok also has snapshot.a, snapshot.b",
        ]
    );
    // In other cases only one of them: they are two causes.
    cases.push(("g/other", IN, &one_more));
    assert_eq!(
        lines_of(&causes(cases))[1..],
        ["41 Fields: hello-ok also has snapshot.a", "40 Fields: hello-ok also has snapshot.b"]
    );
}

#[test]
fn groups_errors_ignoring_numbers() {
    let mut all = Causes::default();
    for (id, reason) in [("a", "no answer on port 4711\nlast words"), ("b", "no answer on port 80"), ("c", "no disk")] {
        let found = [Difference::error(reason)];
        all.add_differences(DifferingCase { id, rerun: "rerun", links: &[], differences: &found });
    }
    assert_eq!(lines_of(&all), ["2 Error: no answer on port 4711", "1 Error: no disk"]);
}

#[test]
fn most_serious_causes_in_full() {
    let codes = (0..4).map(|n| OUT.replace("role-upgrade", &format!("reason-{}", "abcd".get(n..=n).unwrap())));
    let codes = codes.collect::<Vec<_>>();
    let mut cases = vec![("family/one", IN, OUT), ("family/two#x", IN, OUT), ("other/three", IN, OUT)];
    cases.extend(codes.iter().zip(["r/a", "r/b", "r/c", "r/d"]).map(|(seen, id)| (id, OUT, seen.as_str())));
    insta::assert_snapshot!(show(&causes(cases), 14).join("\n"), @r#"
    3 cases  refused instead of let in: NOT_PAIRED PAIRING_REQUIRED role-upgrade instead of hello-ok
          family/{one,two#x}, other/three
          at: connect laptop
          - <- hello-ok  protocol 3  role operator
          + <- error NOT_PAIRED PAIRING_REQUIRED role-upgrade  "pairing required"
          links: openclaw/openclaw#10, openclaw/openclaw#11, openclaw/openclaw#12
          show one: clawcheck run family/one
    1 case   other error code or reason: NOT_PAIRED PAIRING_REQUIRED reason-a instead of NOT_PAIRED PAIRING_REQUIRED role-upgrade  (r/a)
    1 case   other error code or reason: NOT_PAIRED PAIRING_REQUIRED reason-b instead of NOT_PAIRED PAIRING_REQUIRED role-upgrade  (r/b)
    1 case   other error code or reason: NOT_PAIRED PAIRING_REQUIRED reason-c instead of NOT_PAIRED PAIRING_REQUIRED role-upgrade  (r/c)
    1 case   other error code or reason: NOT_PAIRED PAIRING_REQUIRED reason-d instead of NOT_PAIRED PAIRING_REQUIRED role-upgrade  (r/d)
    "#);
}

#[test]
fn screen_is_bounded() {
    let mut all = Causes::default();
    for n in 0..10_000 {
        let kind = [
            CauseKind::LetIn,
            CauseKind::Refused,
            CauseKind::Store,
            CauseKind::Text,
            CauseKind::Fields,
            CauseKind::Error,
        ][n % 6];
        let long = |word: &str| format!("{word}-{n} \u{1b}[2J{}", "hostile ".repeat(50));
        let found = [Difference::test(kind, &long("what"), &long("expected"), &long("seen"))];
        let links = (0..20).map(|link| format!("link-{n}-{link}")).collect::<Vec<_>>();
        all.add_differences(DifferingCase {
            id: &format!("family/case-{n}"),
            rerun: "rerun",
            links: &links,
            differences: &found,
        });
    }
    for most in [1, 5, 20, 45] {
        let lines = show(&all, most);
        // The first cause is shown in full, and the number of what is left out.
        assert!(lines.len() <= most.max(10), "{most}: {}", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() < 260), "{lines:?}");
        assert!(lines.iter().flat_map(|line| line.chars()).all(untrusted_data::printable::is_printable));
        assert!(lines[0].contains("let in instead of refused"), "{}", lines[0]);
        assert!(lines.last().unwrap().contains("… and more causes in "), "{lines:?}");
    }
    assert_eq!(all.groups.values().map(BTreeMap::len).max(), Some(MAX));
    assert_eq!(all.cases(), 10_000);
}
