use super::*;
use crate::explain::StatePaths;
use crate::scenario::Corpus;
use std::path::Path;

/// With names or ids that are searched for one by one, this test takes many minutes.
#[test]
fn captures_thousands_of_devices() {
    const DEVICES: usize = 2000;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("devices")).unwrap();
    let device = |number: usize| {
        let id = format!("{number:064x}");
        let scopes = ["operator.read", "operator.write", "operator.approvals"];
        let record = json!({
            "deviceId": id, "clientId": "cli", "clientMode": "cli", "platform": "linux", "role": "operator",
            "roles": ["operator"], "scopes": scopes, "approvedScopes": scopes, "createdAtMs": 1_774_000_000_000_u64,
            "approvedAtMs": 1_774_000_000_000_u64, "displayName": format!("device {number}"),
            "tokens": { "operator": {
                "token": format!("token-{number}"), "role": "operator", "scopes": scopes, "createdAtMs": 1_774_000_000_000_u64,
            } },
        });
        (id, record)
    };
    let records = Value::Object((0..DEVICES).map(device).collect());
    std::fs::write(folder.path().join("devices/paired.json"), records.to_string()).unwrap();
    let places = StatePaths { state_dir: Some(folder.path().to_owned()), config: None, env: Vec::new() };
    let state = StateDirectory::read(&places).unwrap();
    let named = [(format!("{:064x}", DEVICES - 1), "last".to_owned())];
    let captured = Capture::of(&state, None, &named, 1_790_000_000_000).unwrap();
    let text = captured.text();
    let names = captured.names.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>();
    assert_eq!(captured.devices, names.len());
    assert!(text.len() <= MAX_SIZE && text.len() > MAX_SIZE * 3 / 4, "{} bytes, {} devices", text.len(), names.len());
    assert!(names.contains("last") && names.contains("cli") && names.contains("cli-900"), "{} devices", names.len());
    let left_out = format!("the records of {} devices; a scenario has at most 1024 KiB", DEVICES - names.len());
    assert!(text.contains(&left_out), "{:?}", captured.left_out);
    assert_eq!(captured.left_out_devices, DEVICES - names.len());
    let corpus = Corpus::written(Path::new("captured/captured.yaml"), &text).unwrap();
    assert_eq!(corpus.cases().len(), 1, "the scenario can be read");
    assert_eq!(captured.connects.len(), MAX_CONNECTS);
    let connecting = captured.connects.iter().map(|connect| connect.device.as_str()).collect::<BTreeSet<_>>();
    let left_out = captured.left_out.iter().filter_map(|line| line.strip_prefix("connects of ")).collect::<Vec<_>>();
    let [line] = left_out.as_slice() else { panic!("{:?}", captured.left_out) };
    let without = line.split(' ').next().unwrap().parse::<usize>().unwrap();
    // The last device can have some of its connects.
    assert!(
        [names.len(), names.len() + 1].contains(&(without + connecting.len())),
        "{line}, {} connect",
        connecting.len()
    );
}
