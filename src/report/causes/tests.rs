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
fn shows_most_serious_causes_in_full() {
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
          <- error NOT_PAIRED PAIRING_REQUIRED [-role-upgrade-]{+reason-a+}  "pairing required"
    1 case   other error code or reason: NOT_PAIRED PAIRING_REQUIRED reason-b instead of NOT_PAIRED PAIRING_REQUIRED role-upgrade  (r/b)
          <- error NOT_PAIRED PAIRING_REQUIRED [-role-upgrade-]{+reason-b+}  "pairing required"
    1 case   other error code or reason: NOT_PAIRED PAIRING_REQUIRED reason-c instead of NOT_PAIRED PAIRING_REQUIRED role-upgrade  (r/c)
          <- error NOT_PAIRED PAIRING_REQUIRED [-role-upgrade-]{+reason-c+}  "pairing required"
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

/// A wrong proof comes before another error in more cases, and the example shows it.
#[test]
fn accepted_wrong_proof_leads() {
    let step = |proof: &str, refusal: &str| format!("connect laptop as operator{proof}\n  <- error {refusal}\n");
    let params = step("", "INVALID_REQUEST  \"invalid connect params: ...\"");
    let forged = step(", proof: damaged signature", "INVALID_REQUEST  \"device signature invalid\"");
    let welcome = |expected: &str| {
        let heading = expected.lines().next().unwrap();
        format!("{heading}\n  <- hello-ok  protocol 3  role operator\n")
    };
    let (params_in, forged_in) = (welcome(&params), welcome(&forged));
    let mut cases = vec![("a/1", params.as_str(), params_in.as_str()), ("a/2", &params, &params_in)];
    cases.push(("z/forged", &forged, &forged_in));
    assert_eq!(
        lines_of(&causes(cases)),
        [
            "1 LetIn: hello-ok instead of INVALID_REQUEST \"device signature invalid\"",
            "2 LetIn: hello-ok instead of INVALID_REQUEST \"invalid connect params\"",
        ]
    );
}

/// Decisions keep a line with their difference while the lesser kinds share one line each.
#[test]
fn decisions_keep_their_difference() {
    let mut all = Causes::default();
    let found = |kind, n: usize| {
        let what = format!("seen-{n} instead of expected-{n}");
        [Difference::test(
            kind,
            &what,
            &format!("<- the same words  value {n}"),
            &format!("<- the same words  value {}", n + 1),
        )]
    };
    for (at, kind) in CauseKind::ALL.into_iter().filter(|kind| kind.level() < Level::Exact).enumerate() {
        for n in 0..if kind <= CauseKind::Store { 1 } else { 3 } {
            let (id, differences) = (format!("family/{}-{n}", kind.name()), found(kind, at + n));
            all.add_differences(DifferingCase { id: &id, rerun: "rerun", links: &[], differences: &differences });
        }
    }
    insta::assert_snapshot!(show(&all, 24).join("\n"), @r"
    1 case   let in instead of refused: seen-0 instead of expected-0
          at: step
          <- the same words  value [-0-]{+1+}
          show one: rerun
    1 case   refused instead of let in: seen-1 instead of expected-1
          at: step
          <- the same words  value [-1-]{+2+}
          show one: rerun
    1 case   request granted instead of refused: seen-2 instead of expected-2  (family/allowed-0)
          <- the same words  value [-2-]{+3+}
    1 case   request refused instead of granted: seen-3 instead of expected-3  (family/denied-0)
          <- the same words  value [-3-]{+4+}
    1 case   other rights granted: seen-4 instead of expected-4  (family/granted-0)
          <- the same words  value [-4-]{+5+}
    1 case   store differs: seen-5 instead of expected-5  (family/store-0)
          <- the same words  value [-5-]{+6+}
    3 cases  other error code or reason: 3 causes; most often seen-6 instead of expected-6
    3 cases  closed differently: 3 causes; most often seen-7 instead of expected-7
    3 cases  no answer, or the gateway ended: 3 causes; most often seen-10 instead of expected-10
    3 cases  error: seen-9 instead of expected-9  (for example family/error-0)
    3 cases  frame breaks the published schema: 3 causes; most often seen-10 instead of expected-10
    3 cases  message missing or added: 3 causes; most often seen-11 instead of expected-11
    3 cases  other details: 3 causes; most often seen-12 instead of expected-12
    3 cases  no approved snapshot: 3 causes; most often seen-13 instead of expected-13
    ");
}

/// As many causes as lines, or more: no line stays empty, and a refused client is named.
#[rstest]
#[case(13)]
#[case(20)]
#[case(45)]
fn causes_fill_the_screen(#[case] lines: usize) {
    for count in [lines - 7, lines, lines + 1, 3 * lines] {
        let mut all = Causes::default();
        for n in 0..count {
            let kind = if n == 0 { CauseKind::Refused } else { CauseKind::ErrorCode };
            let found = [Difference::test(kind, &format!("seen-{n}"), "<- expected", "<- seen")];
            let id = format!("family/{n}");
            all.add_differences(DifferingCase { id: &id, rerun: "rerun", links: &[], differences: &found });
        }
        let shown = show(&all, lines);
        assert!(shown[0].contains("refused instead of let in"), "{shown:?}");
        assert!((lines - 1..=lines).contains(&shown.len()), "{count} causes on {lines} lines: {shown:#?}");
    }
}

/// The issues of a scenario are behind a wrong answer, and not behind a gateway that ended.
#[rstest]
#[case::answer(CauseKind::Refused, &["openclaw/openclaw#1"])]
#[case::no_answer(CauseKind::Error, &[])]
fn links_of_played_cases(#[case] kind: CauseKind, #[case] expected: &[&str]) {
    let mut causes = Causes::default();
    let found = [Difference::test(kind, "what", "expected", "seen")];
    let links = ["openclaw/openclaw#1".to_owned()];
    causes.add_differences(DifferingCase { id: "a/b", rerun: "rerun", links: &links, differences: &found });
    assert_eq!(causes.list()[0].links, expected);
}
