use super::*;
use crate::judge::cause::CauseKind;
use crate::judge::{Difference, Finding};
use crate::report::fixtures::{case, info};
use crate::run::outcome::GatewayStarts;
use openclaw_model::Release;
use std::path::Path;
use std::path::PathBuf;

fn shown(events: &[Event<'_>]) -> String {
    shown_with(false, events)
}

fn shown_with(every_case: bool, events: &[Event<'_>]) -> String {
    let detail = if every_case { Verbosity::Trace } else { Verbosity::Usual };
    shown_as(detail, events)
}

fn shown_as(detail: Verbosity, events: &[Event<'_>]) -> String {
    let mut out = Vec::new();
    let display = DisplayOptions {
        colour: false,
        detail,
        score: false,
        every_failure: false,
        slow_after: Duration::from_secs(30),
    };
    let mut terminal = Terminal::new(&mut out, display);
    events.iter().for_each(|event| terminal.on_event(*event).unwrap());
    String::from_utf8(out).unwrap()
}

#[test]
fn failing_case() {
    let mut failing = case("role-upgrade/direct#auth=none", Verdict::Deviates);
    failing.findings = vec![Finding::Snapshot {
        variant: Release::new(2026, 3, 31),
        draft: false,
        expected: "connect laptop as node\n  <- close 1008 \"pairing required\"  clean\n".to_owned(),
        seen: "connect laptop as node\n  <- close 1000 \"\"  clean\n".to_owned(),
    }];
    failing.transcript = Some("     0.120 laptop -> GET / HTTP/1.1\n".to_owned());
    failing.log = Some("[ws] closed before connect\n".to_owned());
    failing.proposed = Some(PathBuf::from("snapshots/role-upgrade/direct#auth=none@2026.3.31.snap.new"));
    let mut run = RunReport { duration: Duration::from_millis(3210), ..RunReport::default() };
    run.summary.add(Verdict::Conforms);
    run.summary.add(Verdict::Deviates);
    insta::assert_snapshot!(shown(&[Event::Started(&info()), Event::Case(&case("a/b", Verdict::Conforms)), Event::Case(&failing), Event::Finished(&run)]), @r#"
    4 cases on openclaw@2026.3.31
      note: its clock cannot be moved

    deviates  role-upgrade/direct#auth=none  Role upgrade over direct loopback
      the observation differs from the snapshot approved for 2026.3.31 and later
          connect laptop as node
        -   <- close 1008 "pairing required"  clean
        +   <- close 1000 ""  clean
      transcript (milliseconds)
             0.120 laptop -> GET / HTTP/1.1
      the gateway's last log lines
        [ws] closed before connect
      the observation was saved in snapshots/role-upgrade/direct#auth=none@2026.3.31.snap.new
      to view it: clawcheck review; to approve it: clawcheck accept 'role-upgrade/direct#auth=none'
      rerun: clawcheck run 'role-upgrade/direct#auth=none' --gateway openclaw@2026.3.31

    2 cases: 1 conforms, 1 deviates  in 3.21 s
    "#);
}

#[test]
fn skipped_and_slow_cases() {
    let mut cases = Vec::new();
    for n in 0..8 {
        let mut skipped = case(&format!("family/case-{n}"), Verdict::Skipped);
        skipped.reason = Some("its clock cannot be moved".to_owned());
        cases.push(skipped);
    }
    let mut slow = case("family/slow", Verdict::Conforms);
    slow.duration = Duration::from_secs(61);
    cases.push(slow);
    let mut run = RunReport {
        duration: Duration::from_secs(61),
        interrupted: Some(3),
        boots: Some(GatewayStarts { made: 3, saved: 5, given_up: vec!["2 cases, since it ended".to_owned()] }),
        unused_snapshots: vec!["family/gone".to_owned()],
        ..RunReport::default()
    };
    cases.iter().for_each(|case| run.summary.add(case.verdict));
    let mut events = cases.iter().map(Event::Case).collect::<Vec<_>>();
    events.push(Event::Finished(&run));
    insta::assert_snapshot!(shown(&events), @r#"
    skipped: its clock cannot be moved
        family/{case-0,case-1,case-2,case-3,case-4,case-5,case-6,case-7}
    slow: family/slow took 61.00 s
    unused snapshot: no case has the id family/gone
    cases of a shared gateway played again alone: 2 cases, since it ended
    gateway starts: 3 made, 5 saved
    interrupted: 3 cases not played
    9 cases: 1 conforms, 8 skipped  in 61.00 s
    "#);
}

#[test]
fn causes_for_more_than_three_failures() {
    let failing = |n: usize| {
        let mut failing = case(&format!("family/case-{n:02}"), Verdict::Deviates);
        failing.findings = vec![Finding::NoSnapshot { later: None, seen: "<- hello-ok\n".to_owned() }];
        failing.differences = vec![Difference::test(
            CauseKind::LetIn,
            "hello-ok instead of NOT_PAIRED",
            "<- error NOT_PAIRED",
            "<- hello-ok",
        )];
        failing.transcript = Some("-> connect\n".to_owned());
        failing.proposed = Some(PathBuf::from(format!("mine/family/case-{n:02}@2026.3.31.snap.new")));
        failing
    };
    let mut run = RunReport::default();
    (0..13).for_each(|_| run.summary.add(Verdict::Deviates));
    let (few, many) = ((0..3).map(failing).collect::<Vec<_>>(), (0..13).map(failing).collect::<Vec<_>>());
    let events = |cases: &'static [CaseReport]| cases.iter().map(Event::Case).collect::<Vec<_>>();
    let (few, many) = (events(few.leak()), events(many.leak()));
    let with_end = |events: &[Event<'static>]| [events, &[Event::Finished(Box::leak(Box::new(run.clone())))]].concat();
    let count = |text: &str, what: &str| text.matches(what).count();
    let short = shown(&with_end(&few));
    assert_eq!(
        (count(&short, "-> connect"), count(&short, "rerun: "), count(&short, "let in instead")),
        (3, 3, 0),
        "{short}"
    );
    let short = shown(&with_end(&many));
    assert_eq!(
        (count(&short, "-> connect"), count(&short, "rerun: "), count(&short, "let in instead")),
        (0, 0, 1),
        "{short}"
    );
    insta::assert_snapshot!(short, @r"
    13 of 13 cases fail. The cause:
    13 cases  let in instead of refused: hello-ok instead of NOT_PAIRED
          family/{case-00,case-01,case-02,case-03,case-04,case-05,case-06,case-07,case-08,case-09,case-10,case-11} and 1 more
          at: step
          - <- error NOT_PAIRED
          + <- hello-ok
          show one: clawcheck run family/case-00 --gateway openclaw@2026.3.31
    --trace shows every case in full
    13 observations were saved; to view: clawcheck review --snapshots mine

    13 cases: 13 deviates  in 0.0 ms
    ");
    let all = shown_with(true, &with_end(&many));
    assert_eq!(
        (count(&all, "-> connect"), count(&all, "rerun: "), count(&all, "let in instead")),
        (13, 13, 1),
        "{all}"
    );
}

#[test]
fn failing_case_shows_about_and_links() {
    let mut failing = case("family/case", Verdict::Deviates);
    failing.about = Some("A device asks \u{1b}[31mtwice. ".repeat(20));
    failing.links = (0..12).map(|n| format!("openclaw/openclaw#{n}")).collect();
    failing.requirements = vec!["PAIR-1".to_owned()];
    let run = RunReport::default();
    insta::assert_snapshot!(shown(&[Event::Case(&failing), Event::Finished(&run)]), @r"
    deviates  family/case  Role upgrade over direct loopback
      A device asks \u{1b}[31mtwice. A device asks \u{1b}[31mtwice. A device asks \u{1b}[31mtwice. A device asks \u{1b}[31mtwice. A
      device asks \u{1b}[31mtwice. A device asks \u{1b}[31mtwice. A device asks \u{1b}[31mtwice. A device asks \u{1b}[31mtwice. A device
      asks \u{1b}[31mtwice. A device asks \u{1b}[31mtwice. A device asks \u{1b}[31mtwice. A device asks \u{1b}[31mtwice. A device asks
      … 2 more lines …
      requirements: PAIR-1
      links: openclaw/openclaw#0, openclaw/openclaw#1, openclaw/openclaw#2, openclaw/openclaw#3, openclaw/openclaw#4 and 7 more
      rerun: clawcheck run family/case --gateway openclaw@2026.3.31

    0 cases  in 0.0 ms
    ");
}

#[test]
fn failing_output_is_bounded() {
    let long = |lines: usize| (0..lines).map(|n| format!("line {n} {}\n", "word ".repeat(1000))).collect::<String>();
    let mut failing = case("family/case", Verdict::Error);
    failing.reason = Some(long(100));
    failing.findings = vec![Finding::NoSnapshot { later: None, seen: long(1000) }; 100];
    failing.findings[0] = Finding::Snapshot {
        variant: Release::new(2026, 3, 31),
        draft: false,
        expected: long(500),
        seen: long(1000).replace("line", "other"),
    };
    (failing.transcript, failing.log) = (Some(long(1000)), Some(long(1000)));
    let run = RunReport::default();
    let one = shown(&[Event::Case(&failing), Event::Finished(&run)]);
    assert!(one.lines().count() < 72, "{} lines", one.lines().count());
    assert!(one.contains("… 97 more findings") && one.contains("… 984 more lines …"), "{one}");
    assert!(one.lines().all(|line| line.chars().count() < 350));
    let mut events = vec![Event::Case(&failing); 2000];
    events.push(Event::Finished(&run));
    let all = shown(&events);
    assert!(all.lines().count() <= 46 && all.len() < 20_000, "{all}");
}

#[test]
fn names_other_snapshot_folder() {
    assert_eq!(folder_flag(Path::new("snapshots/a/b@2026.4.2.snap.new"), "a/b"), "");
    assert_eq!(folder_flag(Path::new("my own/a/b@2026.4.2.snap.new"), "a/b"), " --snapshots 'my own'");
    assert_eq!(
        folder_flag(Path::new("examples/snapshots/b@2026.4.2.snap.new"), "b"),
        " --snapshots examples/snapshots"
    );
}

#[test]
fn quiet_output() {
    let mut skipped = case("family/skipped", Verdict::Skipped);
    skipped.reason = Some("its clock cannot be moved".to_owned());
    let mut failing = case("family/error", Verdict::Error);
    failing.reason = Some("the gateway exited".to_owned());
    let mut run = RunReport { boots: Some(GatewayStarts::default()), ..RunReport::default() };
    run.summary.add(Verdict::Conforms);
    let info = info();
    let green = [Event::Started(&info), Event::Case(&skipped), Event::Finished(&run)];
    insta::assert_snapshot!(shown_as(Verbosity::Failures, &green), @"1 case: 1 conforms  in 0.0 ms");
    let red = [Event::Started(&info), Event::Case(&skipped), Event::Case(&failing), Event::Finished(&run)];
    let text = shown_as(Verbosity::Failures, &red);
    assert!(
        text.contains("the gateway exited") && !text.contains("skipped") && !text.contains("gateway starts"),
        "{text}"
    );
}

/// What the gateway is compared with decides what a verdict means.
#[test]
fn quiet_output_with_notes_on_verdicts() {
    let mut info = info();
    info.gateway.notes.push("2026.4.3 has no rules of its own".to_owned());
    info.gateway.notes_on_verdicts = vec!["2026.4.3 has no rules of its own".to_owned()];
    let mut run = RunReport { left_behind: vec!["a/b: the paired device laptop".to_owned()], ..RunReport::default() };
    run.summary.add(Verdict::Conforms);
    insta::assert_snapshot!(shown_as(Verbosity::Failures, &[Event::Started(&info), Event::Finished(&run)]), @r"
    4 cases on openclaw@2026.3.31
      note: 2026.4.3 has no rules of its own

    remains on the gateway: a/b: the paired device laptop
    1 case: 1 conforms  in 0.0 ms
    ");
}

#[test]
fn known_deviation_that_no_longer_holds() {
    let mut gone = case("family/gone", Verdict::UnexpectedlyConforms);
    gone.reason = Some("known.yaml:3 and my list.yaml:4 no longer hold; remove them from the list".to_owned());
    let info = info();
    let events = [Event::Started(&info), Event::Case(&gone)];
    // A command is never truncated.
    let long = format!("{}/it's ours.yaml", "x".repeat(300));
    let obsolete_known = ["known.yaml", "my list.yaml", &long].map(PathBuf::from).into();
    let run = RunReport { obsolete_known, ..RunReport::default() };
    let shown = shown(&[&events[..], &[Event::Finished(&run)]].concat());
    let quoted = format!("--known \"{long}\" --report REPORT --prune");
    assert!(shown.contains(&quoted), "{shown}");
    let short = shown.lines().filter(|line| !line.contains(&quoted)).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(short, @r"
    4 cases on openclaw@2026.3.31
      note: its clock cannot be moved

    unexpectedly-conforms: known.yaml:3 and my list.yaml:4 no longer hold; remove them from the list
        family/gone
    to remove what no longer holds: clawcheck accept --known known.yaml --report REPORT --prune
    to remove what no longer holds: clawcheck accept --known 'my list.yaml' --report REPORT --prune
    0 cases  in 0.0 ms
    ");
}

/// Reasons that differ only in a detail are one line beside a score. The words of a reason do not matter.
#[test]
fn cases_with_one_obstacle_are_counted_together() {
    let without = |id: &str, verdict, reason: &str, obstacle| {
        let reason = Some(format!("clawcheck cannot write the gateway's store, {reason}"));
        CaseReport { reason, obstacle, ..case(id, verdict) }
    };
    let cases = [
        without("family/a", Verdict::NotApplicable, "and nothing creates a", Some(Obstacle::StoreNotCreated)),
        without("family/b", Verdict::NotApplicable, "and nothing creates b", Some(Obstacle::StoreNotCreated)),
        without("family/c", Verdict::Skipped, "and nothing creates c", Some(Obstacle::StoreNotCreated)),
        without("family/d", Verdict::NotApplicable, "says its list", None),
    ];
    let mut out = Vec::new();
    let run = RunReport::default();
    let display = DisplayOptions {
        colour: false,
        detail: Verbosity::Usual,
        score: true,
        every_failure: false,
        slow_after: Duration::from_secs(30),
    };
    let mut terminal = Terminal::new(&mut out, display);
    let events = cases.iter().map(Event::Case).chain([Event::Finished(&run)]);
    events.for_each(|event| terminal.on_event(event).unwrap());
    let shown = String::from_utf8(out).unwrap();
    let words = Obstacle::StoreNotCreated.words();
    for line in [
        format!("not-applicable: 2 cases: {words}\n"),
        format!("skipped: 1 case: {words}\n"),
        "not-applicable: 1 case: clawcheck cannot write the gateway's store, says its list\n".to_owned(),
        "to play 2 more cases, convert the pairing store".to_owned(),
    ] {
        assert!(shown.contains(&line), "{line}: {shown}");
    }
}

/// The case that `next:` names may conform. Its output shows the difference that only the gateway's own snapshot approves.
#[test]
fn difference_that_own_snapshot_approves() {
    let own = |id: &str, kind| {
        let differences = vec![Difference::test(kind, "hello-ok", "<- error NOT_PAIRED", "<- hello-ok")];
        let reason = Some("only by the gateway's own snapshot; compared with 2026.4.2: hello-ok".to_owned());
        CaseReport { release_differences: differences, reason, ..case(id, Verdict::Conforms) }
    };
    let (first, second) = (own("family/a", CauseKind::LetIn), own("family/b", CauseKind::LetIn));
    let run = RunReport::default();
    insta::assert_snapshot!(shown(&[Event::Case(&first), Event::Case(&second), Event::Finished(&run)]), @r"
    conforms: only by the gateway's own snapshot; compared with 2026.4.2: hello-ok
        at: step
        - <- error NOT_PAIRED
        + <- hello-ok
        family/{a,b}
    0 cases  in 0.0 ms
    ");
}

#[test]
fn verbose_output() {
    let cases = [case("family/conforms", Verdict::Conforms), case("family/deviates", Verdict::Deviates)];
    let events = cases.iter().map(Event::Case).collect::<Vec<_>>();
    insta::assert_snapshot!(shown_as(Verbosity::EachCase, &events), @r"
    conforms  family/conforms  12.0 ms
    deviates  family/deviates  12.0 ms
    ");
}
