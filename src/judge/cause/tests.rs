use super::*;
use rstest::rstest;

const IN: &str = "connect laptop\n  <- hello-ok  protocol 3  role operator  scopes operator.read\n";
const OUT: &str = "connect laptop\n  <- error NOT_PAIRED PAIRING_REQUIRED role-upgrade  \"pairing required\"  request <request-1>\n  <- close 1008 \"pairing required\"  clean\n";
const DONE: &str = "call device.pair.approve\n  <- ok device.pair.approve  ok=true\n";
const REFUSED: &str = "call device.pair.approve\n  <- error INVALID_REQUEST  \"no\"\n";
const STORE: &str = "\npaired\n  laptop  cli/cli  role operator  scopes operator.read\n    operator  <token-1>  scopes operator.read\npending\n  none\n";

/// The kinds and sentences of the differences.
fn sentences(expected: &str, seen: &str) -> Vec<String> {
    differences(expected, seen).into_iter().map(|found| format!("{:?}: {}", found.kind, found.what)).collect()
}

#[rstest]
#[case::let_in(OUT, IN, "LetIn: hello-ok instead of NOT_PAIRED PAIRING_REQUIRED role-upgrade")]
#[case::refused(IN, OUT, "Refused: NOT_PAIRED PAIRING_REQUIRED role-upgrade instead of hello-ok")]
#[case::request_allowed(REFUSED, DONE, "Allowed: ok device.pair.approve instead of INVALID_REQUEST")]
#[case::request_denied(DONE, REFUSED, "Denied: INVALID_REQUEST instead of ok device.pair.approve")]
#[case::upgrade_let_in(
    "open a connection\n  <- http 403\n",
    "open a connection\n",
    "LetIn: an open connection instead of http 403"
)]
#[case::upgrade_refused(
    "open a connection\n",
    "open a connection\n  <- http 403\n",
    "Refused: http 403 instead of an open connection"
)]
#[case::starts(
    "start\n  -- gateway ended: 1\n",
    "start\n  -- gateway started\n",
    "LetIn: gateway started instead of gateway ended"
)]
#[case::does_not_start(
    "start\n  -- gateway started\n",
    "start\n  -- gateway ended: 1\n",
    "Silence: gateway ended instead of gateway started"
)]
#[case::another_line(
    "start\n  -- gateway ended: 1: a\n",
    "start\n  -- gateway ended: 1: b\n",
    "Text: gateway ended says 1: b instead of 1: a"
)]
#[case::more_scopes(IN, &IN.replace("read", "admin"), "Granted: hello-ok has scopes operator.admin instead of scopes operator.read")]
#[case::no_token(&IN.replace("read\n", "read  device-token <token-1>\n"), IN, "Granted: hello-ok lacks device-token <token>")]
#[case::another_reason(OUT, &OUT.replace("role-upgrade", "not-paired"), "ErrorCode: NOT_PAIRED PAIRING_REQUIRED not-paired instead of NOT_PAIRED PAIRING_REQUIRED role-upgrade")]
#[case::another_close(OUT, &OUT.replace("1008", "1002"), "Close: close 1002 instead of close 1008")]
#[case::not_clean(OUT, &OUT.replace("clean", "not clean"), "Close: close 1008, not clean")]
#[case::stays_open(OUT, OUT.split("  <- close").next().unwrap(), "Close: the connection stays open instead of close 1008")]
#[case::stays_open_and_nothing_comes(
    OUT,
    &OUT.replace("<- close 1008 \"pairing required\"  clean", "-- nothing came"),
    "Close: the connection stays open instead of close 1008"
)]
#[case::silence(IN, "connect laptop\n  -- nothing came\n", "Silence: nothing came instead of hello-ok")]
#[case::another_text(OUT, &OUT.replace("\"pairing required\"  request", "\"pair first\"  request"), r#"Text: NOT_PAIRED PAIRING_REQUIRED role-upgrade says "pair first" instead of "pairing required""#)]
#[case::another_close_text(OUT, &OUT.replace("\"pairing required\"  clean", "\"pair first\"  clean"), r#"Text: close 1008 says "pair first" instead of "pairing required""#)]
#[case::one_more_field(IN, &IN.replace("read\n", "read  with snapshot.authMode\n"), "Fields: hello-ok also has snapshot.authMode")]
#[case::one_field_less(&IN.replace("read\n", "read  with snapshot.authMode\n"), IN, "Fields: hello-ok lacks snapshot.authMode")]
#[case::a_standard_field_less(IN, &IN.replace("read\n", "read  no policy\n"), "Fields: hello-ok has no policy")]
#[case::a_member_of_the_frame_more(OUT, &OUT.replace("  <- close", "  -- the frame also has payload={n: 1}  seq=4\n  <- close"), "Fields: a frame also has payload, seq")]
#[case::an_event_more(IN, &format!("{IN}  admin <- event tick  ts=<time>\n"), "Message: event tick in addition")]
#[case::an_event_less(&format!("{IN}  admin <- event tick  ts=<time>\n"), IN, "Message: event tick is missing")]
#[case::an_awaited_event_less(
    "await event\n  <- event tick\n",
    "await event\n  -- nothing came\n",
    "Message: event tick is missing"
)]
#[case::another_protocol(IN, &IN.replace("protocol 3", "protocol 4"), "Details: hello-ok has protocol 4 instead of protocol 3")]
#[case::a_detail_less(OUT, &OUT.replace("  request <request-1>", ""), "Details: NOT_PAIRED PAIRING_REQUIRED role-upgrade lacks request <request>")]
#[case::a_detail_more(OUT, &OUT.replace("<request-1>", "<request-1>  retryable"), "Fields: NOT_PAIRED PAIRING_REQUIRED role-upgrade also has retryable")]
#[case::another_hint(
    &OUT.replace("<request-1>", "<request-1>  hint=\"a\""),
    &OUT.replace("<request-1>", "<request-1>  hint=\"b\""),
    "Fields: NOT_PAIRED PAIRING_REQUIRED role-upgrade has another hint"
)]
#[case::another_value(DONE, &DONE.replace("ok=true", "ok=false"), "Details: ok device.pair.approve has ok=false instead of ok=true")]
#[case::a_wider_token(
    "rotate\n  <- ok device.token.rotate  scopes=[operator.read]\n",
    "rotate\n  <- ok device.token.rotate  scopes=[operator.admin]\n",
    "Granted: ok device.token.rotate has another scopes"
)]
fn kind_and_sentence_of_difference(#[case] expected: &str, #[case] seen: &str, #[case] says: &str) {
    assert_eq!(sentences(expected, seen), [says]);
}

#[rstest]
#[case::lost(
    "  laptop  cli/cli  role operator  scopes operator.read\n    operator  <token-1>  scopes operator.read\n",
    "  none\n",
    "Store: a record in `paired` is missing"
)]
#[case::widened(
    "scopes operator.read\n    op",
    "scopes operator.admin\n    op",
    "Store: a record in `paired` has scopes operator.admin instead of scopes operator.read"
)]
#[case::token_widened(
    "<token-1>  scopes operator.read",
    "<token-1>  scopes operator.admin",
    "Store: a token in `paired` has scopes operator.admin instead of scopes operator.read"
)]
#[case::no_token("\n    operator  <token-1>  scopes operator.read", "", "Store: a token in `paired` is missing")]
#[case::pending("pending\n  none", "pending\n  <request-1>  laptop", "Store: `pending` has an additional record")]
#[case::a_file(
    "pending\n  none\n",
    "pending\n  none\nnew file devices/x.json\n",
    "Store: section `new file devices/x.json` is new"
)]
fn kind_and_sentence_of_store_difference(#[case] expected: &str, #[case] seen: &str, #[case] says: &str) {
    let text = format!("{IN}{STORE}");
    let other = text.replacen(expected, seen, 1);
    assert_ne!(text, other);
    assert_eq!(sentences(&text, &other), [says]);
}

#[test]
fn omits_consequences_of_refusal() {
    let then = "call status\n  <- ok status\n";
    let denied = "call status\n  -- no connection: closed\n";
    let lost = STORE.replace("laptop", "phone");
    let found = sentences(&format!("{IN}{then}{STORE}"), &format!("{OUT}{denied}{lost}"));
    assert_eq!(found, ["Refused: NOT_PAIRED PAIRING_REQUIRED role-upgrade instead of hello-ok"]);
}

/// A difference that counts at `wire` must not hide one that counts at `decisions`.
#[rstest]
#[case::store("", &STORE.replace("scopes operator.read", "scopes operator.admin"), "Store")]
#[case::dead("call status\n  -- gateway ended: exit code 1\n", STORE, "Silence")]
fn decision_outranks_error_code(#[case] then: &str, #[case] store: &str, #[case] kind: &str) {
    let refused = OUT.replace("role-upgrade", "not-paired");
    let expected = if then.is_empty() { "" } else { "call status\n  <- ok status\n" };
    let found = sentences(&format!("{OUT}{expected}{STORE}"), &format!("{refused}{then}{store}"));
    assert!(found[0].starts_with("ErrorCode"), "{found:?}");
    assert!(found[1].starts_with(kind), "{found:?}");
}

#[test]
fn let_in_after_refusal() {
    let found = sentences(&format!("{IN}{OUT}"), &format!("{OUT}{IN}"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].starts_with("LetIn"), "{found:?}");
}

#[test]
fn serious_difference_outranks_many_slight_ones() {
    let call = |n: usize, word: &str| format!("call m{n}\n  <- ok m{n}  word={word}\n");
    let calls = |word: &str| (0..2 * MAX).map(|n| call(n, word)).collect::<String>();
    let found = differences(&format!("{}{OUT}", calls("a")), &format!("{}{IN}", calls("b")));
    assert_eq!(found.len(), MAX);
    assert_eq!(found.last().unwrap().kind, CauseKind::LetIn, "in the order of the steps");
}

#[test]
fn different_token_symbol() {
    let text = format!("{IN}{STORE}");
    assert_eq!(sentences(&text, &text.replace("<token-1>", "<token-2>")), ["Fields: another <token> than expected"]);
}

proptest::proptest! {
    /// Equal texts have no difference, other texts have at least one, and the number of differences is limited.
    #[test]
    fn no_difference_in_equal_texts(a in "[ a<>1\\-\n]{0,80}", b in "(?s).{0,200}") {
        proptest::prop_assert_eq!(differences(&a, &a), vec![]);
        let found = differences(&a, &b);
        proptest::prop_assert_eq!(found.is_empty(), a == b);
        proptest::prop_assert!(found.len() <= MAX);
    }
}

#[test]
fn kind_names_match_report() {
    for kind in CauseKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
    assert!(CauseKind::ALL.is_sorted());
}

#[rstest]
#[case::same("connect laptop", true)]
#[case::repeated("connect laptop  (2 of 3)", true)]
#[case::longer_title("connect laptop, wrong token", false)]
#[case::no_step("", false)]
fn difference_belongs_to_titled_step(#[case] place: &str, #[case] is_at: bool) {
    let difference = Difference::new(CauseKind::Text, "text".to_owned(), place, "", "");
    assert_eq!(difference.is_at("connect laptop"), is_at);
}
