//! The remedies that `explain` prints for a lock-out, and common advice.

use super::lockouts::{LockOut, keeps_files};
use serde_json::Value;
use std::fmt;
use std::path::Path;
use std::process::{Command, Output};

/// A remedy, as `explain` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remedy {
    pub what: String,
    pub how: Vec<String>,
}

impl Remedy {
    fn new(what: &str, how: &[String]) -> Self {
        Self { what: what.to_owned(), how: how.to_vec() }
    }

    /// Whether two remedies have the same steps.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.how == other.how && (!self.how.is_empty() || self.what == other.what)
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.what, self.how)
    }
}

/// The remedies that `explain` lists, and the advice that it calls useless.
pub(super) struct ListedRemedies {
    pub helps: Vec<Remedy>,
    pub fails: Vec<Remedy>,
}

/// The risks of remedies, the smallest first.
const RISKS: [&str; 7] = ["client", "approval", "record", "setting", "files", "limits-client", "opens-more"];

/// Runs `explain` on the state directory of a lock-out.
fn explained(lockout: &LockOut, release: &str, state: &Path) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.args(["explain", "--format", "json", "--release", release, "--state-dir"]).arg(state);
    command.args(lockout.client.options()).env_clear().env("HOME", state.join("home"));
    command.output().unwrap()
}

/// Whether a release refuses the client of a lock-out, according to `explain`.
pub(super) fn is_refused(lockout: &LockOut, release: &str) -> bool {
    let state = lockout.state(release);
    let output = explained(lockout, release, state.path());
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1)), "{release} {}: {}", lockout.name, String::from_utf8_lossy(&output.stderr));
    code == Some(1)
}

/// The remedies that `explain` prints for a lock-out.
pub(super) fn explain(lockout: &LockOut, release: &str) -> ListedRemedies {
    let state = lockout.state(release);
    let output = explained(lockout, release, state.path());
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{release} {}: {text}", lockout.name);
    let found: Value = serde_json::from_str(&text).unwrap();
    let risk = |remedy: &Value| RISKS.iter().position(|risk| remedy["risk"] == *risk).unwrap();
    let risks = found["remedies"].as_array().unwrap().iter().map(risk).collect::<Vec<_>>();
    assert!(risks.is_sorted(), "the least risky first: {text}");
    let list =
        |name: &str| found[name].as_array().unwrap().iter().map(|remedy| of_json(remedy, state.path())).collect();
    ListedRemedies { helps: list("remedies"), fails: list("does_not_help") }
}

/// A remedy of the report. The state directory is `STATE-DIR`, because each remedy is tried on a copy.
fn of_json(remedy: &Value, state: &Path) -> Remedy {
    let line = |line: &Value| line.as_str().unwrap().replace(state.to_str().unwrap(), "STATE-DIR");
    let how = remedy["how"].as_array().unwrap().iter().map(line).collect();
    Remedy { what: remedy["what"].as_str().unwrap().to_owned(), how }
}

/// The settings that support threads name.
const SETTINGS: [(&str, &str); 5] = [
    ("gateway.trustedProxies", "'[\"127.0.0.1\"]'"),
    ("gateway.auth.mode", "'\"none\"'"),
    ("gateway.controlUi.allowInsecureAuth", "true"),
    ("gateway.controlUi.dangerouslyDisableDeviceAuth", "true"),
    ("gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback", "true"),
];

/// The advice that a locked-out user finds, whether it applies to the lock-out or not.
pub(super) fn advice(lockout: &LockOut, release: &str) -> Vec<Remedy> {
    let line = |text: &str| text.to_owned();
    let fits = |(path, _): &&(&str, &str)| {
        lockout.client.preset == "control-ui" || !path.contains("Insecure") && !path.contains("Host")
    };
    let setting = |(path, value): &(&str, &str)| {
        let line = format!("openclaw config set {path} {value}, and restart the gateway");
        Remedy::new(&format!("Set {path}"), &[line])
    };
    let mut all = SETTINGS.iter().filter(fits).map(setting).collect::<Vec<_>>();
    let Some(id) = lockout.client.device.map(|name| super::client::key(name).device_id()) else { return all };
    all.push(Remedy::new(
        "Connect, then approve",
        &[line("openclaw devices list"), line("openclaw devices approve <request-id>")],
    ));
    all.push(Remedy::new("Remove the device", &[format!("openclaw devices remove {id}")]));
    let rotate = format!("openclaw devices rotate --device {id} --role {}", lockout.client.role);
    all.push(Remedy::new("Give the device a new token", &[rotate]));
    if keeps_files(release) {
        let copy =
            "in devices/paired.json: the entry of the device in devices/pending.json, under the id of the device";
        all.push(Remedy::new("Copy the pending request to the paired devices by hand", &[line(copy)]));
    }
    all
}
