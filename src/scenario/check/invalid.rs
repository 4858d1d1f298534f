//! Tests with invalid scenario files and their messages, and with files that must not crash the reader.

use super::trust::Trust;
use crate::scenario::corpus::files::Origin;
use crate::scenario::corpus::{Corpus, read};
use crate::scenario::lint;
use crate::scenario::model::case::Case;
use crate::scenario::syntax::problems::{ScenarioError, ScenarioErrors};
use crate::scenario::syntax::source::Source;
use proptest::prelude::*;
use rstest::rstest;
use std::path::PathBuf;

fn read_text(text: &str) -> (Vec<Case>, Vec<ScenarioError>) {
    let source = Source { path: PathBuf::from("family/name.yaml"), embedded: false, text: text.into() };
    read(vec![Ok((source, Origin::Disk(PathBuf::from("family"))))], Trust::Given)
}

/// The errors of a text as a terminal without colours shows them.
fn rendered(text: &str) -> String {
    let (_, problems) = read_text(text);
    show(problems)
}

fn show(problems: Vec<ScenarioError>) -> String {
    let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor()).with_width(110);
    let mut rendered = String::new();
    handler.render_report(&mut rendered, &ScenarioErrors(problems)).unwrap();
    // Lines of a snapshot must not end with spaces.
    rendered.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A scenario with a title and these steps.
fn steps(steps: &str) -> String {
    format!("scenario: Title\nsteps:\n{steps}")
}

/// A scenario with a matrix and a step that uses the axis `via`.
fn matrix(matrix: &str) -> String {
    format!("scenario: Title\nmatrix:\n{matrix}\nsteps:\n  - connect: {{ device: laptop, via: \"${{via}}\" }}\n")
}

#[rstest]
#[case::empty("")]
#[case::list("- a\n- b\n")]
#[case::gateway_description("gateway: mine\nabout: x\nclaims: 2026.4.2\ncommand: y\n")]
#[case::no_yaml("a: [1\nb: 2\n")]
#[case::tab("scenario: Title\nsteps:\n\t- connect: { device: laptop }\n")]
#[case::key_twice("scenario: Title\nscenario: Title\nsteps: []\n")]
#[case::two_documents("scenario: One\n---\nscenario: Two\n")]
#[case::merge_key("scenario: Title\n<<: { about: x }\nsteps: []\n")]
#[case::unknown_alias("scenario: *title\nsteps: []\n")]
#[case::unknown_tag("scenario: !include title\nsteps: []\n")]
#[case::deep(&format!("scenario: {}\n", "[".repeat(200)))]
#[case::no_steps("scenario: Title\nsteps: []\n")]
#[case::title_missing("steps:\n  - restart: {}\n")]
#[case::steps_missing("scenario: Title\n")]
#[case::empty_title("scenario: ''\nsteps:\n  - connect: { device: none }\n")]
#[case::misspelt_top("scenario: Title\nstpes:\n  - connect: { device: laptop }\n")]
#[case::misspelt_key(&steps("  - connect: { device: laptop, scoeps: [operator.read] }\n"))]
#[case::misspelt_word(&steps("  - connect: { device: laptop }\n    expect: helo\n"))]
#[case::misspelt_variant(&steps("  - connect: { device: laptop, auth: { token: { secrte: x } } }\n"))]
#[case::wrong_type(&steps("  - connect: { device: laptop, scopes: operator.read }\n"))]
#[case::number_for_text(&steps("  - connect: { device: laptop, client: { version: 5 } }\n"))]
#[case::text_for_map(&steps("  - connect: laptop\n"))]
#[case::number_too_large(&steps("  - connect: { device: laptop }\n    expect: { refused: { close: 70000 } }\n"))]
#[case::long_line(&format!("scenario: Title\nsteps: [{}]\n", "restart, ".repeat(100)))]
#[case::nothing_behind_expect(&steps("  - connect: { device: laptop }\n    expect:\n"))]
#[case::nothing_behind_a_key(&steps("  - connect: { device: laptop, role: }\n"))]
#[case::word_without_value(&steps("  - connect: { device: laptop }\n    expect: http\n"))]
#[case::value_without_need(&steps("  - open: {}\n    expect: { open: yes }\n"))]
#[case::no_length(&steps("  - advance: 5 minutes\n"))]
#[case::no_name(&steps("  - connect: { device: My Laptop }\n"))]
#[case::device_missing(&steps("  - connect:\n      role: operator\n"))]
#[case::no_act(&steps("  - expect: hello\n"))]
#[case::two_acts(&steps("  - connect: { device: laptop }\n    restart: {}\n"))]
#[case::unknown_release("scenario: Title\nreleases: '>=1.2'\nsteps:\n  - connect: { device: laptop }\n")]
#[case::unknown_device(&steps("  - connect: { device: laptop }\n    as: admin\n  - approve: { device: lapto, by: admin }\n"))]
#[case::misspelt_device(
    "scenario: Title\nstore: { paired: { laptop: {} } }\nsteps:\n  - connect: { device: laptpo }\n"
)]
#[case::much_filler(&steps("  - open: {}\n    as: raw\n  - send: { on: raw, frame: { filler: 67108865 } }\n"))]
#[case::unknown_connection(&steps("  - connect: { device: laptop }\n    as: admin\n  - list: { by: admni }\n"))]
#[case::closed_connection(&steps("  - connect: { device: laptop }\n    as: admin\n  - disconnect: admin\n  - list: { by: admin }\n"))]
#[case::unknown_step(&steps("  - connect: { device: laptop, auth: { device-token: { from: first } } }\n"))]
#[case::unknown_secret(&steps("  - connect: { device: laptop, auth: { token: { secret: shraed } } }\n"))]
#[case::no_device_no_token(&steps("  - connect: { device: none, auth: { device-token: last } }\n"))]
#[case::name_twice(&steps("  - connect: { device: a }\n    as: admin\n  - connect: { device: b }\n    as: admin\n"))]
#[case::nothing_to_hold(&steps("  - restart: {}\n    as: admin\n"))]
#[case::gateway_down(&steps("  - stop: {}\n  - connect: { device: laptop }\n"))]
#[case::impossible_answer(&steps("  - connect: { device: laptop }\n    expect: nothing-pending\n"))]
#[case::unknown_symbol(&steps("  - connect: { device: a }\n    as: a\n  - call: { on: a, method: x, params: { id: <devise a> } }\n"))]
#[case::unknown_symbol_device(&steps("  - connect: { device: a }\n    as: a\n  - call: { on: a, method: x, params: { id: <device b> } }\n"))]
#[case::unknown_symbol_step(&steps("  - connect: { device: a }\n    as: a\n  - call: { on: a, method: x, params: { id: <answer ask payload.id> } }\n  - call: { on: a, method: y }\n    name: ask\n"))]
#[case::path_outside("scenario: Title\nstore: { files: { ../paired.json: directory } }\nsteps:\n  - restart: {}\n")]
#[case::no_folder("scenario: Title\nstore: { from: nowhere }\nsteps:\n  - restart: {}\n")]
#[case::own_variable("scenario: Title\ngateway: { env: { HOME: /root } }\nsteps:\n  - restart: {}\n")]
#[case::empty_axis(&matrix("  via: []"))]
#[case::unused_axis(&matrix("  via: [direct]\n  role: [node]"))]
#[case::value_twice(&matrix("  via: [direct, direct]"))]
#[case::value_without_name(&matrix("  via: [{ a: b }]"))]
#[case::unknown_axis(&matrix("  vai: [direct]"))]
#[case::unknown_axis_excluded(&matrix("  via: [direct, nginx]\n  exclude: [{ vai: nginx }]"))]
#[case::nothing_excluded(&matrix("  via: [direct, nginx]\n  exclude: [{ via: caddy }]"))]
#[case::all_excluded(&matrix("  via: [direct]\n  exclude: [{ via: direct }]"))]
#[case::included_twice(&matrix("  via: [direct]\n  include: [{ via: direct }]"))]
#[case::wrong_value(&matrix("  via: [direct, ngnix]"))]
#[case::part_missing(
    "scenario: Title\nmatrix: { p: { a: { via: nginx }, b: {} } }\nsteps:\n  - connect: { device: x, via: '${p.via}' }\n"
)]
#[case::no_matrix(&steps("  - connect: { device: laptop, role: '${role}' }\n"))]
#[case::empty_range("scenario: Title\nreleases: '>=2026.6.11, <2026.4.2'\nsteps:\n  - connect: { device: laptop }\n")]
#[case::comma_missing("scenario: Title\nreleases: '>=2026.4.2 <2026.6.11'\nsteps:\n  - connect: { device: laptop }\n")]
#[case::bare_reference(
    "scenario: Title\nmatrix: { via: [direct] }\nsteps:\n  - connect: { device: laptop, via: ${vai} }\n"
)]
#[case::two_answers(&steps("  - connect: { device: laptop }\n    expect: { hello: {}, refused: {} }\n"))]
#[case::secret_by_name(&steps("  - connect: { device: laptop, auth: { token: sekret } }\n"))]
#[case::open_reference(&steps("  - connect: { device: laptop, role: '${role' }\n"))]
fn rejects_wrong_files(#[case] text: &str) {
    let name = std::thread::current().name().unwrap_or_default().rsplit("::").next().unwrap_or_default().to_owned();
    let name = name.splitn(3, '_').nth(2).unwrap_or(&name).to_owned();
    let (cases, problems) = read_text(text);
    assert!(!problems.is_empty(), "nothing is found wrong: {cases:?}");
    insta::assert_snapshot!(name, rendered(text));
}

/// A device that is new, or that resembles a stored device that a step uses, is not a misspelling.
#[rstest]
#[case::unlike("laptop", "phone", "")]
#[case::counted("node-1", "node-2", "")]
#[case::second("client", "client-2", "")]
#[case::short("a", "b", "")]
#[case::used("laptop", "laptops", "  - connect: { device: laptop }\n")]
#[case::spoken_of(
    "laptop",
    "laptops",
    "    as: on\n  - call: { on: on, method: x, params: { id: <device laptop> } }\n"
)]
fn new_devices(#[case] stored: &str, #[case] connecting: &str, #[case] more: &str) {
    let start = format!("scenario: Title\nstore: {{ paired: {{ {stored}: {{}} }} }}\nsteps:\n");
    let (_, problems) = read_text(&format!("{start}  - connect: {{ device: {connecting} }}\n{more}"));
    assert!(problems.is_empty(), "{problems:?}");
}

/// Every kind of file that is not text causes one clear message and uses no more memory than the limit.
#[test]
fn rejects_other_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("binary.yaml"), [0x7f, b'E', b'L', b'F', 0, 1, 2]).unwrap();
    std::fs::write(path("latin1.yaml"), b"scenario: T\nabout: caf\xe9\n").unwrap();
    std::fs::write(path("escape.yaml"), "scenario: T\nabout: \u{1b}[2J\n").unwrap();
    std::fs::File::create(path("huge.yaml")).unwrap().set_len(50 * 1024 * 1024).unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    let names = ["binary.yaml", "latin1.yaml", "escape.yaml", "huge.yaml", "folder", "absent.yaml"];
    let paths: Vec<_> = names.iter().map(|name| path(name)).collect();
    let ScenarioErrors(problems) = Corpus::load(&paths).unwrap_err();
    let root = format!("{}/", folder.path().display());
    let messages: Vec<_> = problems.iter().map(|problem| problem.to_string().replace(&root, "")).collect();
    insta::assert_snapshot!(messages.join("\n"), @r"
    binary.yaml: this is a binary file
    latin1.yaml: line 2 is not UTF-8
    escape.yaml: line 2 has the control character U+001B
    huge.yaml: the file is larger than 1024 KiB, the limit for a scenario
    folder: no scenario is in this folder
    absent.yaml: no such file or folder
    ");
}

#[test]
fn duplicate_ids() {
    let folder = tempfile::tempdir().unwrap();
    let text = "scenario: Title\nsteps:\n  - restart: {}\n";
    let files: Vec<_> = ["a/family", "b/family"].iter().map(|name| folder.path().join(name)).collect();
    for file in &files {
        std::fs::create_dir_all(file).unwrap();
        std::fs::write(file.join("name.yaml"), text).unwrap();
    }
    let ScenarioErrors(problems) = Corpus::load(&files).unwrap_err();
    assert!(problems[0].message().starts_with("the scenario `family/name` is also in another file"));
    let once = [files[0].clone(), files[0].join("name.yaml")];
    assert_eq!(Corpus::load(&once).unwrap().cases().len(), 1);
}

#[rstest]
#[case::no_number("openclaw/openclaw", false)]
#[case::number("openclaw/openclaw#59045", true)]
#[case::page("https://example.org/thread", true)]
#[case::plain_http("http://example.org/thread", false)]
#[case::bare_number("#59045", false)]
fn links_have_required_form(#[case] link: &str, #[case] good: bool) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("name.yaml");
    std::fs::write(&file, format!("scenario: Title\nlinks: ['{link}']\nsteps:\n  - restart: {{}}\n")).unwrap();
    let findings = lint::lint(&[file], false);
    assert_eq!(findings.problems.0.is_empty(), good, "{}", show(findings.problems.0));
}

#[rstest]
#[case("role: operater", Some("`operater` is not a role"))]
#[case("role: operator, scopes: [operator.read, operator.raed]", Some("`operator.raed` is not a scope"))]
#[case("role: wizard, scopes: [operator.unheard-of]", None)]
#[case("role: operator, params: { role: operater }", None)]
#[case("client: { id: gateway-cient }", Some("`gateway-cient` is not a client id"))]
#[case("client: { mode: backned }", Some("`backned` is not a client mode"))]
#[case("client: { id: my-client, mode: phone }", None)]
fn suggests_similar_names(#[case] misspelled: &str, #[case] message: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("name.yaml");
    std::fs::write(&file, steps(&format!("  - connect: {{ device: laptop, {misspelled} }}\n"))).unwrap();
    let ScenarioErrors(problems) = lint::lint(&[file], false).problems;
    assert_eq!(problems.iter().map(|problem| problem.message()).collect::<Vec<_>>(), Vec::from_iter(message));
}

/// An axis of the matrix can contain the wrong word. It is reported once, at its first use.
#[test]
fn checks_values_from_matrix() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("name.yaml");
    let axes = "matrix: { code: { a: NOT_PAIRD, b: NOT_PAIRED }, role: [operater, operator] }\n";
    let step = "  - connect: { device: laptop, role: \"${role}\" }\n    expect: { refused: { code: \"${code}\" } }\n";
    std::fs::write(&file, format!("{axes}{}", steps(step))).unwrap();
    let ScenarioErrors(problems) = lint::lint(&[file], false).problems;
    let messages = problems.iter().map(|problem| problem.message()).collect::<Vec<_>>();
    assert_eq!(messages, ["`operater` is not a role", "no known release answers with the code `NOT_PAIRD`"]);
}

/// A word that resembles a known one is an error. Any other word can be that of another gateway.
#[rstest]
#[case::code(
    "    expect: { refused: { code: NOT_PAIRD } }",
    "no known release answers with the code `NOT_PAIRD`",
    "did you mean `NOT_PAIRED`?",
    true
)]
#[case::detail(
    "    expect: { refused: { detail: PAIRING_REQUIRD } }",
    "`PAIRING_REQUIRD`",
    "did you mean `PAIRING_REQUIRED`?",
    true
)]
#[case::reason(
    "    expect: { refused: { reason: role-upgrad } }",
    "the reason `role-upgrad`",
    "did you mean `role-upgrade`?",
    true
)]
#[case::detail_as_code(
    "    expect: { refused: { code: AUTH_TOKEN_MISMATCH } }",
    "the code `AUTH_TOKEN_MISMATCH`",
    "this word belongs to another key: `detail: AUTH_TOKEN_MISMATCH`",
    true
)]
#[case::another_code(
    "    expect: { refused: { code: MY_OWN_CODE } }",
    "the code `MY_OWN_CODE`",
    "INVALID_REQUEST, NOT_LINKED",
    false
)]
#[case::of_a_request(
    "  - open: {}\n    as: raw\n  - send: { on: raw, frame: { text: x } }\n    expect: { error: { code: UNAVAILIBLE } }",
    "`UNAVAILIBLE`",
    "did you mean `UNAVAILABLE`?",
    true
)]
#[case::release(
    "  - stop: {}\n  - start: { release: 2026.4.3 }",
    "`2026.4.3` is not a known release; the embedded gateway uses the rules of 2026.4.2",
    "known releases: 2026.2.19, ",
    false
)]
#[case::old_release(
    "  - stop: {}\n  - start: { release: 2026.1.3 }",
    "the embedded gateway cannot start it",
    "2026.9.6",
    false
)]
fn unknown_codes_and_reasons(#[case] step: &str, #[case] message: &str, #[case] help: &str, #[case] is_error: bool) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("name.yaml");
    std::fs::write(&file, steps(&format!("  - connect: {{ device: laptop }}\n{step}\n"))).unwrap();
    let findings = lint::lint(&[file], false);
    let (some, none) = match is_error {
        true => (findings.problems.0, findings.warnings.0),
        false => (findings.warnings.0, findings.problems.0),
    };
    assert_eq!((some.len(), none.len()), (1, 0), "{some:?} {none:?}");
    let shown = show(some).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert!(shown.contains(message) && shown.contains(help), "{shown}");
}

/// A misspelled method is unknown, so that it also needs trust.
#[test]
fn suggests_similar_method() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("name.yaml");
    let call = "  - connect: { device: laptop }\n    as: held\n  - call: { on: held, method: devices.pair.list }\n";
    std::fs::write(&file, steps(call)).unwrap();
    let untrusted = show(lint::lint(std::slice::from_ref(&file), false).problems.0);
    let trusted = lint::lint(&[file], true);
    assert!(trusted.problems.0.is_empty(), "{:?}", trusted.problems);
    for shown in [untrusted, show(trusted.warnings.0)] {
        assert!(shown.contains("did you mean `device.pair.list`?"), "{shown}");
    }
}

#[test]
fn range_beyond_known_releases_is_warning() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("name.yaml");
    std::fs::write(&file, "scenario: T\nreleases: '>=2027.1.1'\nsteps:\n  - restart: {}\n").unwrap();
    let findings = lint::lint(&[file], false);
    assert_eq!(findings.problems.0.len(), 0);
    assert_eq!(findings.warnings.0[0].message(), "no known release is in the range `>=2027.1.1`");
}

/// With two endings, two files could have one id.
#[test]
fn rejects_yml_extension() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one.yaml"), "scenario: T\nsteps:\n  - restart: {}\n").unwrap();
    let other = folder.path().join("two.yml");
    std::fs::write(&other, "scenario: T\nsteps:\n  - restart: {}\n").unwrap();
    for path in [folder.path().to_owned(), other] {
        let ScenarioErrors(problems) = Corpus::load(&[path]).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].message(), "the name of a scenario file must end in .yaml");
    }
}

#[test]
fn built_in_scenarios_are_valid() {
    let findings = lint::lint(&[], false);
    assert!(findings.problems.0.is_empty(), "{}", show(findings.problems.0));
    assert!(findings.warnings.0.is_empty(), "{}", show(findings.warnings.0));
    assert!(findings.cases >= 60);
}

/// Fragments that the tests combine to invalid scenarios.
const PIECES: [&str; 24] = [
    "scenario: T\n",
    "steps:\n",
    "  - ",
    "connect: ",
    "{ device: laptop }",
    "\n",
    "    ",
    "matrix:\n",
    "  a: [b, c]\n",
    "${a}",
    "${",
    "}",
    "<device x>",
    "<",
    "store:\n",
    "  paired:\n",
    "    laptop: {}\n",
    "&x ",
    "*x",
    "|\n",
    "'",
    "\"",
    ": ",
    "ü\u{feff}\u{2028}",
];

#[test]
fn quoted_line_breaks_stay_on_one_line() {
    let (_, problems) = read_text(&steps("  - connect: { device: \"lap\\n\\r\\ntop\" }\n"));
    assert_eq!(
        problems.iter().map(ScenarioError::message).collect::<Vec<_>>(),
        ["`lap\\n\\r\\ntop` is not a valid name"]
    );
}

proptest! {
    #[test]
    fn arbitrary_text_does_not_panic(text in "\\PC{0,200}") {
        rendered(&text);
    }

    #[test]
    fn arbitrary_yaml_does_not_panic(text in "[-a-c:{}\\[\\]'\"&*!|>%@#, \n\t?$<0-9.]{0,120}") {
        rendered(&text);
    }

    #[test]
    fn broken_scenarios_do_not_panic(pieces in proptest::collection::vec(0..PIECES.len(), 0..40)) {
        let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        rendered(&text);
    }

    #[test]
    fn damaged_scenarios_do_not_panic(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), with in "\\PC{0,3}") {
        let files = crate::scenario::corpus::files::embedded(|_, _| true);
        let (source, _) = files[file.index(files.len())].as_ref().unwrap();
        let ends: Vec<_> = source.text.char_indices().map(|(end, _)| end).collect();
        let end = ends[at.index(ends.len())];
        let next = source.text[end..].chars().next().map_or(end, |letter| end + letter.len_utf8());
        rendered(&format!("{}{with}{}", &source.text[..end], &source.text[next..]));
    }
}
