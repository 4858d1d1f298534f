//! Pairing. These questions write to the gateway's store: a device is paired, or its request waits for approval.

use crate::client::connect::Auth;
use crate::probe::connect::Connect;
use crate::probe::context::ProbeContext;
use crate::probe::question::Topic::Pairing;
use crate::probe::question::{Prerequisite, Question, Script, SideEffect};

/// The question in which the device pairs and gets its token.
pub(in crate::probe) const NEW_DEVICE: &str = "new-device";
/// The device that pairs first.
const DEVICE: &str = "paired";

pub(super) const QUESTIONS: &[Question] = &[
    question(NEW_DEVICE, "a new device", |context| device(context, DEVICE)).needs(Prerequisite::Secret),
    question("same-device", "the same device again", |context| device(context, DEVICE)).needs(Prerequisite::Secret),
    question("device-token", "its device token alone", |context| {
        let mut connect = device(context, DEVICE);
        connect.request.auth = Auth { device_token: context.device_token.get().cloned(), ..Auth::default() };
        connect
    })
    .needs(Prerequisite::DeviceToken),
    question("more-scopes", "it requests another scope", |context| {
        let mut connect = device(context, DEVICE);
        connect.request.scopes = Some(vec!["operator.pairing".to_owned()]);
        connect
    })
    .needs(Prerequisite::Secret),
    question("another-role", "it connects as a node", |context| {
        let mut connect = device(context, DEVICE);
        (connect.request.role, connect.request.scopes) = (Some("node".to_owned()), Some(Vec::new()));
        connect
    })
    .needs(Prerequisite::Secret),
    question("another-platform", "it names another platform", |context| {
        let mut connect = device(context, DEVICE);
        connect.request.client.platform = "ios".to_owned();
        connect
    })
    .needs(Prerequisite::Secret),
    question("new-device-proxied", "a new device behind a proxy", |context| {
        let mut connect = device(context, "proxied");
        connect.upgrade.headers.push(("X-Forwarded-For".to_owned(), "203.0.113.7".to_owned()));
        connect
    })
    .needs(Prerequisite::Secret),
];

const fn question(id: &'static str, what: &'static str, connect: fn(&ProbeContext) -> Connect) -> Question {
    Question::new(id, Pairing, what, Script::Connect(connect)).leaves(SideEffect::Record)
}

fn device(context: &ProbeContext, name: &str) -> Connect {
    let mut connect = context.plain();
    connect.request.device = Some(context.accepted_device(name));
    connect
}
