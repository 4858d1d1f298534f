//! The parameters of the connect.

use crate::probe::connect::Connect;
use crate::probe::context::ProbeContext;
use crate::probe::question::Topic::Connect as Params;
use crate::probe::question::{Prerequisite, Question, Script};
use serde_json::{Value, json};

pub(super) const QUESTIONS: &[Question] = &[
    Question::new("protocol-2", Params, "protocol 2", Script::Connect(|context| protocol(context, 2))),
    Question::new("protocol-3", Params, "protocol 3", Script::Connect(|context| protocol(context, 3))),
    Question::new("protocol-4", Params, "protocol 4", Script::Connect(|context| protocol(context, 4))),
    Question::new("protocol-99", Params, "protocol 99", Script::Connect(|context| protocol(context, 99))),
    Question::new(
        "unknown-member",
        Params,
        "an unknown parameter",
        Script::Connect(|context| patched(context, json!({ "clawcheck": true }))),
    ),
    Question::new(
        "unknown-client",
        Params,
        "an unknown client id",
        Script::Connect(|context| patched(context, json!({ "client": { "id": "clawcheck" } }))),
    ),
    Question::new(
        "unknown-role",
        Params,
        "an unknown role",
        Script::Connect(|context| patched(context, json!({ "role": "clawcheck" }))),
    ),
    Question::new(
        "node",
        Params,
        "a node without a device",
        Script::Connect(|context| patched(context, json!({ "role": "node", "scopes": [] }))),
    ),
    Question::new(
        "admin",
        Params,
        "admin scope without a device",
        Script::Connect(|context| patched(context, json!({ "scopes": ["operator.admin"] }))),
    )
    .needs(Prerequisite::Secret),
    Question::new(
        "backend",
        Params,
        "a backend without a device",
        Script::Connect(|context| {
            let client = json!({ "id": "gateway-client", "mode": "backend" });
            patched(context, json!({ "client": client, "scopes": ["operator.admin"] }))
        }),
    )
    .needs(Prerequisite::Secret),
];

fn protocol(context: &ProbeContext, version: i64) -> Connect {
    let mut connect = context.plain();
    connect.request.protocol = (version, version);
    connect
}

fn patched(context: &ProbeContext, patch: Value) -> Connect {
    let mut connect = context.plain();
    connect.request.patch = Some(patch);
    connect
}
