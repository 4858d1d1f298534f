//! The methods of each release: which there are, in which order `hello-ok` lists them, and who may call them
//! (`server-methods-list.ts`, `method-scopes.ts`).

use super::RpcRules;

/// The set of methods of a release, by the release that brought the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MethodSet {
    /// 2026.3.28.
    FromTheStart,
    /// 2026.4.2.
    V2026_4_2,
    /// 2026.4.5.
    V2026_4_5,
    /// 2026.4.8.
    V2026_4_8,
    /// 2026.4.15.
    V2026_4_15,
    /// 2026.5.7.
    V2026_5_7,
    /// 2026.6.11.
    V2026_6_11,
}

use MethodSet::{FromTheStart, V2026_4_2, V2026_4_5, V2026_4_8, V2026_4_15, V2026_5_7, V2026_6_11};

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Nodes, and nobody else.
    Node,
    /// Operators with `operator.read` or `operator.write`.
    Read,
    /// Operators with `operator.write`.
    Write,
    /// Operators with `operator.approvals`.
    Approvals,
    /// Operators with `operator.pairing`.
    Pairing,
    /// Operators with `operator.admin`, which suffices for all the others too.
    Admin,
}

impl Access {
    /// The scope that a refusal names.
    pub(super) fn scope(self) -> &'static str {
        match self {
            Self::Read => "operator.read",
            Self::Write => "operator.write",
            Self::Approvals => "operator.approvals",
            Self::Pairing => "operator.pairing",
            Self::Node | Self::Admin => "operator.admin",
        }
    }
}

use Access::{Admin, Approvals, Node, Pairing, Read, Write};

/// Methods that `hello-ok` lists, in its order.
const LISTED: &[(&str, Access, MethodSet)] = &[
    ("health", Read, FromTheStart),
    ("diagnostics.stability", Read, V2026_5_7),
    ("doctor.memory.status", Read, FromTheStart),
    ("doctor.memory.dreamDiary", Read, V2026_4_5),
    ("doctor.memory.backfillDreamDiary", Write, V2026_4_15),
    ("doctor.memory.resetDreamDiary", Write, V2026_4_15),
    ("doctor.memory.resetGroundedShortTerm", Write, V2026_4_15),
    ("doctor.memory.repairDreamingArtifacts", Write, V2026_4_15),
    ("doctor.memory.dedupeDreamDiary", Write, V2026_4_15),
    ("doctor.memory.remHarness", Read, V2026_5_7),
    ("logs.tail", Read, FromTheStart),
    ("channels.status", Read, FromTheStart),
    ("channels.start", Admin, V2026_5_7),
    ("channels.stop", Admin, V2026_5_7),
    ("channels.logout", Admin, FromTheStart),
    ("status", Read, FromTheStart),
    ("usage.status", Read, FromTheStart),
    ("usage.cost", Read, FromTheStart),
    ("tts.status", Read, FromTheStart),
    ("tts.providers", Read, FromTheStart),
    ("tts.personas", Read, V2026_5_7),
    ("tts.enable", Write, FromTheStart),
    ("tts.disable", Write, FromTheStart),
    ("tts.convert", Write, FromTheStart),
    ("tts.setProvider", Write, FromTheStart),
    ("tts.setPersona", Write, V2026_5_7),
    ("config.get", Read, FromTheStart),
    ("config.set", Admin, FromTheStart),
    ("config.apply", Admin, FromTheStart),
    ("config.patch", Admin, FromTheStart),
    ("config.schema", Admin, FromTheStart),
    ("config.schema.lookup", Read, FromTheStart),
    ("exec.approvals.get", Admin, FromTheStart),
    ("exec.approvals.set", Admin, FromTheStart),
    ("exec.approvals.node.get", Admin, FromTheStart),
    ("exec.approvals.node.set", Admin, FromTheStart),
    ("exec.approval.get", Approvals, V2026_4_5),
    ("exec.approval.list", Approvals, V2026_4_8),
    ("exec.approval.request", Approvals, FromTheStart),
    ("exec.approval.waitDecision", Approvals, FromTheStart),
    ("exec.approval.resolve", Approvals, FromTheStart),
    ("plugin.approval.list", Approvals, V2026_4_8),
    ("plugin.approval.request", Approvals, FromTheStart),
    ("plugin.approval.waitDecision", Approvals, FromTheStart),
    ("plugin.approval.resolve", Approvals, FromTheStart),
    ("plugins.uiDescriptors", Read, V2026_5_7),
    ("plugins.sessionAction", Admin, V2026_6_11),
    ("wizard.start", Admin, FromTheStart),
    ("wizard.next", Admin, FromTheStart),
    ("wizard.cancel", Admin, FromTheStart),
    ("wizard.status", Admin, FromTheStart),
    ("talk.catalog", Read, V2026_6_11),
    ("talk.config", Read, FromTheStart),
    ("talk.client.create", Write, V2026_6_11),
    ("talk.client.toolCall", Write, V2026_6_11),
    ("talk.client.steer", Write, V2026_6_11),
    ("talk.session.create", Write, V2026_6_11),
    ("talk.session.join", Write, V2026_6_11),
    ("talk.session.appendAudio", Write, V2026_6_11),
    ("talk.session.startTurn", Write, V2026_6_11),
    ("talk.session.endTurn", Write, V2026_6_11),
    ("talk.session.cancelTurn", Write, V2026_6_11),
    ("talk.session.cancelOutput", Write, V2026_6_11),
    ("talk.session.submitToolResult", Write, V2026_6_11),
    ("talk.session.steer", Write, V2026_6_11),
    ("talk.session.close", Write, V2026_6_11),
    ("talk.realtime.session", Write, V2026_5_7),
    ("talk.realtime.relayAudio", Write, V2026_5_7),
    ("talk.realtime.relayMark", Write, V2026_5_7),
    ("talk.realtime.relayStop", Write, V2026_5_7),
    ("talk.realtime.relayToolResult", Write, V2026_5_7),
    ("talk.speak", Write, FromTheStart),
    ("talk.mode", Write, FromTheStart),
    ("commands.list", Read, V2026_4_15),
    ("models.list", Read, FromTheStart),
    ("models.authStatus", Read, V2026_4_15),
    ("models.authLogout", Admin, V2026_6_11),
    ("tools.catalog", Read, FromTheStart),
    ("tools.effective", Read, FromTheStart),
    ("tools.invoke", Write, V2026_5_7),
    ("tasks.list", Read, V2026_6_11),
    ("tasks.get", Read, V2026_6_11),
    ("tasks.cancel", Write, V2026_6_11),
    ("environments.list", Read, V2026_6_11),
    ("environments.status", Read, V2026_6_11),
    ("agents.list", Read, FromTheStart),
    ("agents.create", Admin, FromTheStart),
    ("agents.update", Admin, FromTheStart),
    ("agents.delete", Admin, FromTheStart),
    ("agents.files.list", Read, FromTheStart),
    ("agents.files.get", Read, FromTheStart),
    ("agents.files.set", Admin, FromTheStart),
    ("sessions.files.list", Read, V2026_6_11),
    ("sessions.files.get", Read, V2026_6_11),
    ("artifacts.list", Read, V2026_5_7),
    ("artifacts.get", Read, V2026_5_7),
    ("artifacts.download", Read, V2026_5_7),
    ("skills.status", Read, FromTheStart),
    ("skills.search", Read, V2026_4_5),
    ("skills.detail", Read, V2026_4_5),
    ("skills.securityVerdicts", Read, V2026_6_11),
    ("skills.skillCard", Read, V2026_6_11),
    ("skills.bins", Node, FromTheStart),
    ("skills.upload.begin", Admin, V2026_6_11),
    ("skills.upload.chunk", Admin, V2026_6_11),
    ("skills.upload.commit", Admin, V2026_6_11),
    ("skills.install", Admin, FromTheStart),
    ("skills.update", Admin, FromTheStart),
    ("skills.proposals.list", Read, V2026_6_11),
    ("skills.proposals.inspect", Read, V2026_6_11),
    ("skills.proposals.create", Admin, V2026_6_11),
    ("skills.proposals.update", Admin, V2026_6_11),
    ("skills.proposals.revise", Admin, V2026_6_11),
    ("skills.proposals.requestRevision", Admin, V2026_6_11),
    ("skills.proposals.apply", Admin, V2026_6_11),
    ("skills.proposals.reject", Admin, V2026_6_11),
    ("skills.proposals.quarantine", Admin, V2026_6_11),
    ("update.status", Admin, V2026_5_7),
    ("update.run", Admin, FromTheStart),
    ("voicewake.get", Read, FromTheStart),
    ("voicewake.set", Write, FromTheStart),
    ("secrets.reload", Admin, FromTheStart),
    ("secrets.resolve", Admin, FromTheStart),
    ("voicewake.routing.get", Read, V2026_5_7),
    ("voicewake.routing.set", Write, V2026_5_7),
    ("sessions.list", Read, FromTheStart),
    ("sessions.subscribe", Read, FromTheStart),
    ("sessions.unsubscribe", Read, FromTheStart),
    ("sessions.messages.subscribe", Read, FromTheStart),
    ("sessions.messages.unsubscribe", Read, FromTheStart),
    ("sessions.preview", Read, FromTheStart),
    ("sessions.describe", Read, V2026_5_7),
    ("sessions.compaction.list", Read, V2026_4_8),
    ("sessions.compaction.get", Read, V2026_4_8),
    ("sessions.compaction.branch", Write, V2026_4_8),
    ("sessions.compaction.restore", Admin, V2026_4_8),
    ("sessions.create", Write, FromTheStart),
    ("sessions.send", Write, FromTheStart),
    ("sessions.abort", Write, FromTheStart),
    ("sessions.patch", Admin, FromTheStart),
    ("sessions.pluginPatch", Admin, V2026_5_7),
    ("sessions.cleanup", Admin, V2026_5_7),
    ("sessions.reset", Admin, FromTheStart),
    ("sessions.delete", Admin, FromTheStart),
    ("sessions.compact", Admin, FromTheStart),
    ("last-heartbeat", Read, FromTheStart),
    ("set-heartbeats", Admin, FromTheStart),
    ("wake", Write, FromTheStart),
    ("node.pair.request", Pairing, FromTheStart),
    ("node.pair.list", Pairing, FromTheStart),
    ("node.pair.approve", Pairing, FromTheStart),
    ("node.pair.reject", Pairing, FromTheStart),
    ("node.pair.remove", Pairing, V2026_5_7),
    ("node.pair.verify", Pairing, FromTheStart),
    ("device.pair.list", Pairing, FromTheStart),
    ("device.pair.approve", Pairing, FromTheStart),
    ("device.pair.reject", Pairing, FromTheStart),
    ("device.pair.remove", Pairing, FromTheStart),
    ("device.token.rotate", Pairing, FromTheStart),
    ("device.token.revoke", Pairing, FromTheStart),
    ("node.rename", Pairing, FromTheStart),
    ("node.list", Read, FromTheStart),
    ("node.describe", Read, FromTheStart),
    ("node.pluginSurface.refresh", Node, V2026_6_11),
    ("node.pending.drain", Node, FromTheStart),
    ("node.pending.enqueue", Write, FromTheStart),
    ("node.invoke", Write, FromTheStart),
    ("node.pending.pull", Node, FromTheStart),
    ("node.pending.ack", Node, FromTheStart),
    ("node.invoke.result", Node, FromTheStart),
    ("node.event", Node, FromTheStart),
    ("cron.get", Read, V2026_6_11),
    ("node.canvas.capability.refresh", Node, FromTheStart),
    ("cron.list", Read, FromTheStart),
    ("cron.status", Read, FromTheStart),
    ("cron.add", Admin, FromTheStart),
    ("cron.update", Admin, FromTheStart),
    ("cron.remove", Admin, FromTheStart),
    ("cron.run", Admin, FromTheStart),
    ("cron.runs", Read, FromTheStart),
    ("gateway.identity.get", Read, FromTheStart),
    ("gateway.restart.preflight", Read, V2026_5_7),
    ("gateway.restart.request", Admin, V2026_5_7),
    ("system-presence", Read, FromTheStart),
    ("system-event", Admin, FromTheStart),
    ("message.action", Write, V2026_4_15),
    ("send", Write, FromTheStart),
    ("agent", Write, FromTheStart),
    ("agent.identity.get", Read, FromTheStart),
    ("agent.wait", Write, FromTheStart),
    ("chat.history", Read, FromTheStart),
    ("chat.startup", Read, V2026_6_11),
    ("chat.metadata", Read, V2026_6_11),
    ("chat.message.get", Read, V2026_6_11),
    ("chat.abort", Write, FromTheStart),
    ("chat.send", Write, FromTheStart),
    // The bundled browser plugin's.
    ("browser.request", Write, V2026_4_2),
];

/// Methods that exist without being listed.
const UNLISTED: &[(&str, Access, MethodSet)] = &[
    ("chat.inject", Admin, FromTheStart),
    ("config.openFile", Admin, FromTheStart),
    ("connect", Admin, FromTheStart),
    ("poll", Write, FromTheStart),
    ("push.test", Write, FromTheStart),
    ("sessions.get", Read, FromTheStart),
    ("sessions.resolve", Read, FromTheStart),
    ("sessions.steer", Write, FromTheStart),
    ("sessions.usage", Read, FromTheStart),
    ("sessions.usage.logs", Read, FromTheStart),
    ("sessions.usage.timeseries", Read, FromTheStart),
    ("web.login.start", Admin, FromTheStart),
    ("web.login.wait", Admin, FromTheStart),
    ("assistant.media.get", Read, V2026_5_7),
    ("nativeHook.invoke", Admin, V2026_5_7),
    ("push.web.vapidPublicKey", Write, V2026_5_7),
    ("push.web.subscribe", Write, V2026_5_7),
    ("push.web.unsubscribe", Write, V2026_5_7),
    ("push.web.test", Write, V2026_5_7),
];

/// Methods that were there until the release that took them away.
const GONE: &[(&str, MethodSet)] = &[
    ("talk.realtime.session", V2026_6_11),
    ("talk.realtime.relayAudio", V2026_6_11),
    ("talk.realtime.relayMark", V2026_6_11),
    ("talk.realtime.relayStop", V2026_6_11),
    ("talk.realtime.relayToolResult", V2026_6_11),
    ("node.canvas.capability.refresh", V2026_6_11),
];

/// Whether a method that came then is there now.
fn is_there(rules: &RpcRules, name: &str, since: MethodSet) -> bool {
    since <= rules.methods && !GONE.iter().any(|(gone, by)| *gone == name && *by <= rules.methods)
}

/// The methods that a release lists in `hello-ok.features.methods`, in its order.
pub fn listed(rules: &RpcRules) -> Vec<&'static str> {
    LISTED.iter().filter(|(name, _, since)| is_there(rules, name, *since)).map(|(name, _, _)| *name).collect()
}

/// Who may call a method of this release; `None` where it has no such method.
pub(super) fn access(rules: &RpcRules, method: &str) -> Option<Access> {
    let mut all = LISTED.iter().chain(UNLISTED);
    let (name, access, _) = all.find(|(name, _, since)| *name == method && is_there(rules, name, *since))?;
    Some(match *name {
        // Approving a node took `operator.write` before it took `operator.pairing`.
        "node.pair.approve" if !rules.node_approval_is_pairing => Write,
        "browser.request" if rules.methods >= V2026_5_7 => Admin,
        _ => *access,
    })
}

/// The events that a release lists in `hello-ok.features.events`, in its order.
pub fn events(rules: &RpcRules) -> Vec<&'static str> {
    EVENTS.iter().filter(|(_, since)| *since <= rules.methods).map(|(name, _)| *name).collect()
}

const EVENTS: &[(&str, MethodSet)] = &[
    ("connect.challenge", FromTheStart),
    ("agent", FromTheStart),
    ("chat", FromTheStart),
    ("session.message", FromTheStart),
    ("session.operation", V2026_6_11),
    ("session.tool", FromTheStart),
    ("sessions.changed", FromTheStart),
    ("presence", FromTheStart),
    ("tick", FromTheStart),
    ("talk.mode", FromTheStart),
    ("talk.event", V2026_6_11),
    ("shutdown", FromTheStart),
    ("health", FromTheStart),
    ("heartbeat", FromTheStart),
    ("cron", FromTheStart),
    ("node.pair.requested", FromTheStart),
    ("node.pair.resolved", FromTheStart),
    ("node.invoke.request", FromTheStart),
    ("device.pair.requested", FromTheStart),
    ("device.pair.resolved", FromTheStart),
    ("voicewake.changed", FromTheStart),
    ("voicewake.routing.changed", V2026_5_7),
    ("exec.approval.requested", FromTheStart),
    ("exec.approval.resolved", FromTheStart),
    ("plugin.approval.requested", FromTheStart),
    ("plugin.approval.resolved", FromTheStart),
    ("update.available", FromTheStart),
];
