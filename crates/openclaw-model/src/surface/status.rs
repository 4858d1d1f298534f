//! The status reports of a gateway. The embedded gateway has no running agents, sessions, channels, models or cron
//! jobs, and reports that in the format of the release.

use crate::model::Model;
use crate::rpc::schemas::NOTHING;
use crate::rpc::{Call, HandlerResult, Reply};
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The replacement for a secret (`redact-snapshot.ts`).
const REDACTED: &str = "__OPENCLAW_REDACTED__";
const MODEL: &str = "claude-opus-4-6";
const CONTEXT_TOKENS: u32 = 200_000;

/// The answer of `health`, and `hello-ok.snapshot.health`.
pub(crate) fn health(model: &Model, now: i64) -> Value {
    let sessions = sessions_summary(model);
    json!({
        "ok": true,
        "ts": now,
        "durationMs": 0,
        "channels": {},
        "channelOrder": [],
        "channelLabels": {},
        "heartbeatSeconds": 1800,
        "defaultAgentId": "main",
        "agents": [{
            "agentId": "main",
            "isDefault": true,
            "heartbeat": {
                "enabled": true,
                "every": "30m",
                "everyMs": 1_800_000,
                "prompt": "",
                "target": "none",
                "ackMaxChars": 300
            },
            "sessions": sessions.clone()
        }],
        "sessions": sessions
    })
}

fn session_path(model: &Model) -> String {
    format!("{}/agents/main/sessions/sessions.json", model.config.state_dir)
}

fn sessions_summary(model: &Model) -> Value {
    json!({"path": session_path(model), "count": 0, "recent": []})
}

pub(super) fn health_method(call: &mut Call<'_, '_>) -> HandlerResult {
    Ok(Reply::Answer(health(call.model, call.now())))
}

pub(super) fn status(call: &mut Call<'_, '_>) -> HandlerResult {
    let admin = call.holds("operator.admin");
    let path = session_path(call.model);
    let defaults = match admin {
        true => json!({"model": MODEL, "contextTokens": CONTEXT_TOKENS}),
        false => json!({"model": null, "contextTokens": null}),
    };
    let paths: Vec<&str> = if admin { vec![&path] } else { Vec::new() };
    let mut status = js::spread(Some(&json!({
        "runtimeVersion": call.model.rules.release.to_string(),
        "heartbeat": {
            "defaultAgentId": "main",
            "agents": [{"agentId": "main", "enabled": true, "every": "30m", "everyMs": 1_800_000}]
        },
        "channelSummary": [],
        "queuedSystemEvents": []
    })));
    if !call.model.rules.rpc.status_names_release {
        status.shift_remove("runtimeVersion");
    }
    if call.model.rules.rpc.status_counts_tasks {
        status.extend(no_tasks());
    }
    let sessions = json!({
        "paths": paths,
        "count": 0,
        "defaults": defaults,
        "recent": [],
        "byAgent": [{
            "agentId": "main",
            "path": if admin { path.as_str() } else { "[redacted]" },
            "count": 0,
            "recent": []
        }]
    });
    js::set(&mut status, "sessions", Some(sessions));
    Ok(Reply::Answer(Value::Object(status)))
}

/// The counts of background tasks. All are zero.
fn no_tasks() -> Record {
    let none = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), json!(0))).collect::<Record>();
    js::spread(Some(&json!({
        "tasks": {
            "total": 0,
            "active": 0,
            "terminal": 0,
            "failures": 0,
            "byStatus": none(&["queued", "running", "succeeded", "failed", "timed_out", "cancelled", "lost"]),
            "byRuntime": none(&["subagent", "acp", "cli", "cron"])
        },
        "taskAudit": {
            "total": 0,
            "warnings": 0,
            "errors": 0,
            "byCode": none(&[
                "stale_queued",
                "stale_running",
                "lost",
                "delivery_failed",
                "missing_cleanup",
                "inconsistent_timestamps"
            ])
        }
    })))
}

pub(super) fn presence(call: &mut Call<'_, '_>) -> HandlerResult {
    let now = call.now();
    Ok(Reply::Answer(json!(call.model.present(now))))
}

pub(super) fn last_heartbeat(_: &mut Call<'_, '_>) -> HandlerResult {
    Ok(Reply::Answer(Value::Null))
}

/// `config.get`: the configuration as it was read, without secrets. References are not resolved, and defaults are not
/// added.
pub(super) fn config(call: &mut Call<'_, '_>) -> HandlerResult {
    call.params(&NOTHING)?;
    let config = &call.model.config;
    let shown = redacted(&config.document, "");
    let source = call.model.rules.rpc.config_shows_source;
    let mut answer = Record::new();
    let mut put = |key: &str, value: Value| js::set(&mut answer, key, Some(value));
    put("path", json!(config.config_path));
    put("exists", json!(!config.document.is_null()));
    put("raw", Value::Null);
    put("parsed", shown.clone());
    if source {
        put("sourceConfig", shown.clone());
    }
    put("resolved", shown.clone());
    put("valid", json!(true));
    if source {
        put("runtimeConfig", shown.clone());
    }
    put("config", shown);
    put("hash", json!(digest(&config.document.to_string())));
    for key in ["issues", "warnings", "legacyIssues"] {
        put(key, json!([]));
    }
    Ok(Reply::Answer(Value::Object(answer)))
}

/// `exec.approvals.get`: the policy of a machine that has no stored policy. A release creates a default policy on the
/// first request. The token of its socket is not shown.
pub(super) fn exec_policy(call: &mut Call<'_, '_>) -> HandlerResult {
    call.params(&NOTHING)?;
    let state = &call.model.config.state_dir;
    let in_store = call.model.rules.rpc.exec.policy_in_database;
    let path = match in_store {
        true => format!("{state}/state/openclaw.sqlite#exec_approvals_config"),
        false => format!("{state}/exec-approvals.json"),
    };
    let socket = json!({"path": format!("{state}/exec-approvals.sock")});
    let file = json!({"version": 1, "socket": socket, "defaults": {}, "agents": {}});
    // Observed on 2026.6.11, 2026.7.35 and 2026.9.6. Older releases also write the policy on request
    // (`exec-approvals.ts`, not observed). The hash has the form of a real one but is not a digest, because nothing
    // is written here.
    let mut policy = json!({"path": path, "exists": true, "hash": digest(state), "file": file});
    if in_store {
        policy["resolvedDefaults"] =
            json!({"security": "full", "ask": "off", "askFallback": "deny", "autoAllowSkills": false});
    }
    Ok(Reply::Answer(policy))
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A configuration without the texts under keys that name a secret.
fn redacted(value: &Value, key: &str) -> Value {
    let key = key.to_lowercase();
    let secret = ["token", "password", "secret", "apikey", "privatekey"].iter().any(|word| key.ends_with(word));
    match value {
        Value::String(_) if secret => json!(REDACTED),
        Value::Object(fields) if secret => fields.keys().map(|key| (key.clone(), json!(REDACTED))).collect(),
        Value::Array(items) => items.iter().map(|item| redacted(item, &key)).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), redacted(value, key))).collect(),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redacts_nested_secrets() {
        let config = json!({"gateway": {"auth": {"token": "t", "password": {"source": "env", "id": "X"}}, "port": 1},
            "models": {"x": {"apiKey": "k"}, "tokens": 5}});
        let shown = redacted(&config, "").to_string();
        assert!(!shown.contains("\"t\"") && !shown.contains("\"k\"") && !shown.contains("\"env\""), "{shown}");
        assert!(shown.contains("\"port\":1") && shown.contains("\"tokens\":5"), "{shown}");
    }
}
