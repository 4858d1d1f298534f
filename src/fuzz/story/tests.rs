//! Every generated story is a valid scenario, whatever the seed.

use super::*;
use crate::scenario::lint::lint;
use crate::scenario::{Corpus, writer};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn stories_are_valid_and_deterministic(seed in any::<u64>(), index in any::<u64>()) {
        let scenario = story(seed, index);
        prop_assert_eq!(&scenario, &story(seed, index));
        let text = writer::yaml(&scenario, &[]);
        let corpus = Corpus::written(Path::new("fuzz/story.yaml"), &text);
        prop_assert!(corpus.is_ok(), "{text}\n{corpus:?}");
        prop_assert_eq!(corpus.unwrap().cases().len(), 1);
    }
}

#[test]
fn saved_stories_pass_lint() {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..100 {
        let text = writer::yaml(&story(7, index), &["found".to_owned()]);
        std::fs::write(folder.path().join(format!("story-{index}.yaml")), text).unwrap();
    }
    let findings = lint(&[folder.path().to_owned()], false);
    assert!(findings.problems.0.is_empty(), "{:?}", findings.problems);
    assert_eq!(findings.scenarios, 100);
}

#[test]
fn few_configurations_per_seed() {
    let stories = (0..2000).map(|index| story(3, index)).collect::<Vec<_>>();
    let configurations = stories.iter().map(|story| story["gateway"].to_string()).collect::<BTreeSet<_>>();
    assert!((2..=CONFIGURATIONS as usize).contains(&configurations.len()));
    let restarts = stories.iter().filter(|story| story["steps"].to_string().contains("restart")).count();
    assert!((1..60).contains(&restarts), "{restarts}");
}

#[test]
fn stories_cover_reported_areas() {
    let all = (0..3000).map(|index| story(5, index).to_string()).collect::<String>();
    for edge in [
        r#""tokens":{}"#,
        r#""revoked":true"#,
        r#""without":["tokens"]"#,
        r#""via":"nginx""#,
        r#""role":"node""#,
        r#""platform":"darwin""#,
        r#""device-token":"seeded""#,
        r#""device":"none""#,
        r#""rotate""#,
        r#""approve""#,
        r#""exec.approval.request""#,
        r#""key":"stranger""#,
    ] {
        assert!(all.contains(edge), "{edge}");
    }
}
