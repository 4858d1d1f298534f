use super::*;
use crate::Facts;
use rstest::rstest;

#[rstest]
#[case("2026.2.19", "2026.2.19")]
#[case("2026.2.25", "2026.2.19")]
#[case("2026.2.26", "2026.2.26")]
#[case("2026.3.12", "2026.2.26")]
#[case("2026.3.13", "2026.3.13")]
#[case("2026.3.24", "2026.3.13")]
#[case("2026.3.28", "2026.3.28")]
#[case("2026.3.30", "2026.3.28")]
#[case("2026.4.3", "2026.4.2")]
#[case("2026.8.2", "2026.7.35")]
#[case("2026.7.1", "2026.6.11")]
fn unknown_release_uses_previous_rules(#[case] release: &str, #[case] described: &str) {
    let rules = Facts::of(release.parse().unwrap()).unwrap();
    assert_eq!(rules.described().to_string(), described);
    let known = Facts::of(described.parse().unwrap()).unwrap();
    assert_eq!(Facts { release: known.release, ..rules }, known);
}

#[test]
fn default_release_is_the_newest_without_a_gap() {
    assert_eq!(known_releases().next_back(), Some(DEFAULT));
    let gap = KnownRelease { release: Release::new(2027, 1, 1), missing: Some("much"), changes: &[] };
    let older = KnownRelease { release: Release::new(2026, 12, 1), missing: None, changes: &[] };
    assert_eq!(newest(&[older, gap]), Release::new(2026, 12, 1));
}

#[test]
fn release_before_history_is_unknown() {
    let error = Facts::of(Release::new(2026, 2, 18)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the rules of 2026.2.18 are not known; the nearest known release is the oldest one, 2026.2.19 (`--release 2026.2.19`, \
         `--gateway embedded@2026.2.19`); `clawcheck releases` lists all known releases"
    );
}

#[test]
fn every_change_changes_facts() {
    for known in KNOWN {
        for change in known.changes {
            let before = Facts::of(before(known.release).unwrap()).unwrap();
            let mut after = before.clone();
            (change.apply)(&mut after);
            assert_ne!(before, after, "{}: {}", known.release, change.what);
        }
    }
}

#[test]
fn release_order_and_changes() {
    assert!(KNOWN.is_sorted_by(|older, newer| older.release < newer.release));
    assert!(KNOWN[0].changes.is_empty() && KNOWN[1..].iter().all(|known| !known.changes.is_empty()));
}

#[test]
fn source_link_uses_release_tag() {
    let release = Release::new(2026, 4, 2);
    let url = |source: Source| source.url(release).unwrap_or_default();
    assert_eq!(
        url(Source::Code("src/infra/device-pairing.ts", "approveDevicePairing")),
        "https://github.com/openclaw/openclaw/blob/v2026.4.2/src/infra/device-pairing.ts"
    );
    assert_eq!(url(Source::Issue(59092)), "https://github.com/openclaw/openclaw/issues/59092");
    assert_eq!(url(Source::Note("seen")), "");
}
