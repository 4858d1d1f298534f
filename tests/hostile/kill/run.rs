//! `clawcheck run`: gateways, drafts, reports.

use super::{KillMoments, WorkFolder, ended, is_unfinished, listing, measure_uninterrupted};
use crate::row::TWO_CONNECTS;
use std::fs;

/// Many short cases.
const MANY: &str = "scenario: Many
matrix:
  role: [operator, node]
  platform: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t]
steps:
  - connect: { device: laptop, role: \"${role}\", client: { platform: \"${platform}\" } }
";

/// The gateway is a process with a child process, and writes drafts.
pub(super) fn on_a_process(moments: &KillMoments) {
    let description = |folder: &WorkFolder| {
        let this = std::env::current_exe().unwrap();
        let told_file = folder.path("told");
        let env = crate::server::ENV.replace("TOLD_FILE", &told_file.to_string_lossy());
        let text = format!(
            "gateway: hostile\nabout: is ended\nclaims: 2026.4.2\ncommand: {}\nargs: [gateway, forks-a-child-in-a-group]\n\
             config: none\n{env}store: none\n",
            this.display()
        );
        fs::write(folder.path("gateway.yaml"), text).unwrap();
    };
    let arguments =
        ["run", "family", "--gateway", "gateway.yaml", "--snapshots", "drafts", "--report", "json=report.json"];
    let fresh = || {
        let folder = WorkFolder::new();
        description(&folder);
        fs::write(folder.path("family/one.yaml"), TWO_CONNECTS).unwrap();
        fs::write(folder.path("family/two.yaml"), TWO_CONNECTS).unwrap();
        folder
    };
    play(moments, fresh, &arguments);
}

/// The report replaces an older report.
pub(super) fn with_a_report(moments: &KillMoments) {
    let arguments = ["run", "family", "--snapshots", "drafts", "--report", "json=report.json"];
    let fresh = || {
        let folder = WorkFolder::new();
        fs::write(folder.path("family/many.yaml"), MANY).unwrap();
        fs::write(folder.path("report.json"), "{\"older\": true}\n").unwrap();
        folder
    };
    assert!(play(moments, fresh, &arguments) > 40, "no draft would ever be torn");
}

/// Returns the number of drafts.
fn play(moments: &KillMoments, fresh: impl Fn() -> WorkFolder, arguments: &[&str]) -> usize {
    let folder = fresh();
    let whole = measure_uninterrupted(folder.clawcheck(arguments), 1);
    let drafts = listing(&folder.path("drafts"));
    for (after, signal) in moments.within(whole) {
        let killed = fresh();
        let status = ended(killed.clawcheck(arguments).spawn().unwrap(), after, signal);
        let moment = format!("{signal} after {after:?} of {whole:?}: {status}");
        killed.check_nothing_left();
        for name in listing(&killed.path("drafts")).into_iter().filter(|name| !is_unfinished(name)) {
            let path = killed.path("drafts").join(&name);
            assert!(drafts.contains(&name), "{moment}: {name} is no draft");
            let same =
                path.is_dir() || fs::read(&path).unwrap() == fs::read(folder.path("drafts").join(&name)).unwrap();
            assert!(same, "{moment}: {name} is torn");
        }
        let report = fs::read_to_string(killed.path("report.json")).unwrap_or_else(|_| "null".to_owned());
        assert!(serde_json::from_str::<serde_json::Value>(&report).is_ok(), "{moment}: the report is torn");
        let beside = ["drafts", "family", "gateway.yaml", "home", "report.json", "tmp", "told"];
        let others: Vec<_> = listing(&killed.path("")).into_iter().filter(|name| !name.contains('/')).collect();
        let strange: Vec<_> =
            others.iter().filter(|name| !beside.contains(&name.as_str()) && !is_unfinished(name)).collect();
        assert!(strange.is_empty(), "{moment}: {strange:?} is left beside the report");
    }
    drafts.len()
}
