//! `clawcheck accept`, killed at any moment: no answer is lost, and a second `accept` gives the same result.

use super::{KillMoments, WorkFolder, ended, is_unfinished, listing, measure_uninterrupted};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const MANY: &str = "scenario: Many
matrix:
  role: [operator, node]
  platform: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t]
steps:
  - connect: { device: laptop, role: \"${role}\", client: { platform: \"${platform}\" } }
";
const ACCEPT: [&str; 4] = ["accept", "--all", "--snapshots", "drafts"];

pub(super) fn everything(moments: &KillMoments) {
    let template = WorkFolder::new();
    fs::write(template.path("family/many.yaml"), MANY).unwrap();
    measure_uninterrupted(template.clawcheck(&["run", "family", "--snapshots", "drafts"]), 1);
    let fresh = || {
        let folder = WorkFolder::new();
        copy(&template.path("drafts"), &folder.path("drafts"));
        folder
    };
    let folder = fresh();
    let whole_time = measure_uninterrupted(folder.clawcheck(&ACCEPT), 0);
    let (waiting, accepted) = (files(&template.path("drafts")), files(&folder.path("drafts")));
    assert!(accepted.len() >= 40 && accepted.keys().all(|name| name.ends_with(".snap")), "{:?}", accepted.keys());
    for (after, signal) in moments.within(whole_time) {
        let killed = fresh();
        let status = ended(killed.clawcheck(&ACCEPT).spawn().unwrap(), after, signal);
        let moment = format!("{signal} after {after:?} of {whole_time:?}: {status}");
        killed.check_nothing_left();
        let found = files(&killed.path("drafts"));
        for (name, bytes) in &found {
            let right = accepted.get(name) == Some(bytes) || waiting.get(name) == Some(bytes);
            assert!(right || is_unfinished(name), "{moment}: {name} is torn, or nobody's");
        }
        for name in accepted.keys() {
            let there = found.contains_key(name) || found.contains_key(&format!("{name}.new"));
            assert!(there, "{moment}: {name} is lost");
        }
        if found != accepted {
            measure_uninterrupted(killed.clawcheck(&ACCEPT), 0);
        }
        assert_eq!(files(&killed.path("drafts")), accepted, "{moment}: accepting again ends elsewhere");
    }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = listing(folder).into_iter().filter(|name| folder.join(name).is_file());
    names.map(|name| (name.clone(), fs::read(folder.join(&name)).unwrap())).collect()
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
