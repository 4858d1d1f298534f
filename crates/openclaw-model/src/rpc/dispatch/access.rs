//! The methods of each release: which there are, in which order `hello-ok` lists them, and who may call them
//! (`server-methods-list.ts`, `method-scopes.ts`).

use crate::facts::rpc::MethodSet;
use crate::facts::rpc::RpcRules;
use crate::rpc::dispatch::method_tables;

use MethodSet::{
    V2026_2_19, V2026_2_26, V2026_3_13, V2026_3_28, V2026_4_2, V2026_4_5, V2026_4_8, V2026_4_15, V2026_5_7, V2026_6_11,
};

impl MethodSet {
    /// The table of this set, where it is told whole.
    fn table(self) -> Option<&'static str> {
        match self {
            Self::V2026_7_35 => Some(method_tables::V2026_7_35),
            Self::V2026_9_6 => Some(method_tables::V2026_9_6),
            _ => None,
        }
    }
}

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rpc) enum Access {
    /// Nodes, and nobody else.
    Node,
    /// Operators, whatever their scopes.
    Operator,
    /// Operators with `operator.read` or `operator.write`.
    Read,
    /// Operators with `operator.talk` or `operator.write`.
    Talk,
    /// Operators with `operator.sessions.write` or `operator.write`.
    SessionsWrite,
    /// Operators with `operator.questions`.
    Questions,
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
    pub(in crate::rpc) fn scope(self) -> &'static str {
        match self {
            Self::Read => "operator.read",
            Self::Write => "operator.write",
            Self::Approvals => "operator.approvals",
            Self::Pairing => "operator.pairing",
            Self::Talk => "operator.talk",
            Self::SessionsWrite => "operator.sessions.write",
            Self::Questions => "operator.questions",
            Self::Node | Self::Operator | Self::Admin => "operator.admin",
        }
    }

    /// Whether a scope gives it.
    pub(in crate::rpc) fn given_by(self, held: &str) -> bool {
        let implied = matches!(self, Self::Read | Self::Talk | Self::SessionsWrite) && held == "operator.write";
        held == "operator.admin" || held == self.scope() || implied
    }
}

use Access::{Admin, Approvals, Node, Pairing, Read, Write};

/// Methods that `hello-ok` lists, in its order.
const LISTED: &[(&str, Access, MethodSet)] = &[
    ("health", Read, V2026_2_19),
    ("diagnostics.stability", Read, V2026_5_7),
    ("doctor.memory.status", Read, V2026_2_26),
    ("doctor.memory.dreamDiary", Read, V2026_4_5),
    ("doctor.memory.backfillDreamDiary", Write, V2026_4_15),
    ("doctor.memory.resetDreamDiary", Write, V2026_4_15),
    ("doctor.memory.resetGroundedShortTerm", Write, V2026_4_15),
    ("doctor.memory.repairDreamingArtifacts", Write, V2026_4_15),
    ("doctor.memory.dedupeDreamDiary", Write, V2026_4_15),
    ("doctor.memory.remHarness", Read, V2026_5_7),
    ("logs.tail", Read, V2026_2_19),
    ("channels.status", Read, V2026_2_19),
    ("channels.start", Admin, V2026_5_7),
    ("channels.stop", Admin, V2026_5_7),
    ("channels.logout", Admin, V2026_2_19),
    ("status", Read, V2026_2_19),
    ("usage.status", Read, V2026_2_19),
    ("usage.cost", Read, V2026_2_19),
    ("tts.status", Read, V2026_2_19),
    ("tts.providers", Read, V2026_2_19),
    ("tts.personas", Read, V2026_5_7),
    ("tts.enable", Write, V2026_2_19),
    ("tts.disable", Write, V2026_2_19),
    ("tts.convert", Write, V2026_2_19),
    ("tts.setProvider", Write, V2026_2_19),
    ("tts.setPersona", Write, V2026_5_7),
    ("config.get", Read, V2026_2_19),
    ("config.set", Admin, V2026_2_19),
    ("config.apply", Admin, V2026_2_19),
    ("config.patch", Admin, V2026_2_19),
    ("config.schema", Admin, V2026_2_19),
    ("config.schema.lookup", Read, V2026_3_13),
    ("exec.approvals.get", Admin, V2026_2_19),
    ("exec.approvals.set", Admin, V2026_2_19),
    ("exec.approvals.node.get", Admin, V2026_2_19),
    ("exec.approvals.node.set", Admin, V2026_2_19),
    ("exec.approval.get", Approvals, V2026_4_5),
    ("exec.approval.list", Approvals, V2026_4_8),
    ("exec.approval.request", Approvals, V2026_2_19),
    ("exec.approval.waitDecision", Approvals, V2026_2_19),
    ("exec.approval.resolve", Approvals, V2026_2_19),
    ("plugin.approval.list", Approvals, V2026_4_8),
    ("plugin.approval.request", Approvals, V2026_3_28),
    ("plugin.approval.waitDecision", Approvals, V2026_3_28),
    ("plugin.approval.resolve", Approvals, V2026_3_28),
    ("plugins.uiDescriptors", Read, V2026_5_7),
    ("plugins.sessionAction", Admin, V2026_6_11),
    ("wizard.start", Admin, V2026_2_19),
    ("wizard.next", Admin, V2026_2_19),
    ("wizard.cancel", Admin, V2026_2_19),
    ("wizard.status", Admin, V2026_2_19),
    ("talk.catalog", Read, V2026_6_11),
    ("talk.config", Read, V2026_2_19),
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
    ("talk.speak", Write, V2026_3_28),
    ("talk.mode", Write, V2026_2_19),
    ("commands.list", Read, V2026_4_15),
    ("models.list", Read, V2026_2_19),
    ("models.authStatus", Read, V2026_4_15),
    ("models.authLogout", Admin, V2026_6_11),
    ("tools.catalog", Read, V2026_2_26),
    ("tools.effective", Read, V2026_3_28),
    ("tools.invoke", Write, V2026_5_7),
    ("tasks.list", Read, V2026_6_11),
    ("tasks.get", Read, V2026_6_11),
    ("tasks.cancel", Write, V2026_6_11),
    ("environments.list", Read, V2026_6_11),
    ("environments.status", Read, V2026_6_11),
    ("agents.list", Read, V2026_2_19),
    ("agents.create", Admin, V2026_2_19),
    ("agents.update", Admin, V2026_2_19),
    ("agents.delete", Admin, V2026_2_19),
    ("agents.files.list", Read, V2026_2_19),
    ("agents.files.get", Read, V2026_2_19),
    ("agents.files.set", Admin, V2026_2_19),
    ("sessions.files.list", Read, V2026_6_11),
    ("sessions.files.get", Read, V2026_6_11),
    ("artifacts.list", Read, V2026_5_7),
    ("artifacts.get", Read, V2026_5_7),
    ("artifacts.download", Read, V2026_5_7),
    ("skills.status", Read, V2026_2_19),
    ("skills.search", Read, V2026_4_5),
    ("skills.detail", Read, V2026_4_5),
    ("skills.securityVerdicts", Read, V2026_6_11),
    ("skills.skillCard", Read, V2026_6_11),
    ("skills.bins", Node, V2026_2_19),
    ("skills.upload.begin", Admin, V2026_6_11),
    ("skills.upload.chunk", Admin, V2026_6_11),
    ("skills.upload.commit", Admin, V2026_6_11),
    ("skills.install", Admin, V2026_2_19),
    ("skills.update", Admin, V2026_2_19),
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
    ("update.run", Admin, V2026_2_19),
    ("voicewake.get", Read, V2026_2_19),
    ("voicewake.set", Write, V2026_2_19),
    ("secrets.reload", Admin, V2026_2_26),
    ("secrets.resolve", Admin, V2026_3_13),
    ("voicewake.routing.get", Read, V2026_5_7),
    ("voicewake.routing.set", Write, V2026_5_7),
    ("sessions.list", Read, V2026_2_19),
    ("sessions.subscribe", Read, V2026_3_28),
    ("sessions.unsubscribe", Read, V2026_3_28),
    ("sessions.messages.subscribe", Read, V2026_3_28),
    ("sessions.messages.unsubscribe", Read, V2026_3_28),
    ("sessions.preview", Read, V2026_2_19),
    ("sessions.describe", Read, V2026_5_7),
    ("sessions.compaction.list", Read, V2026_4_8),
    ("sessions.compaction.get", Read, V2026_4_8),
    ("sessions.compaction.branch", Write, V2026_4_8),
    ("sessions.compaction.restore", Admin, V2026_4_8),
    ("sessions.create", Write, V2026_3_28),
    ("sessions.send", Write, V2026_3_28),
    ("sessions.abort", Write, V2026_3_28),
    ("sessions.patch", Admin, V2026_2_19),
    ("sessions.pluginPatch", Admin, V2026_5_7),
    ("sessions.cleanup", Admin, V2026_5_7),
    ("sessions.reset", Admin, V2026_2_19),
    ("sessions.delete", Admin, V2026_2_19),
    ("sessions.compact", Admin, V2026_2_19),
    ("last-heartbeat", Read, V2026_2_19),
    ("set-heartbeats", Admin, V2026_2_19),
    ("wake", Write, V2026_2_19),
    ("node.pair.request", Pairing, V2026_2_19),
    ("node.pair.list", Pairing, V2026_2_19),
    ("node.pair.approve", Pairing, V2026_2_19),
    ("node.pair.reject", Pairing, V2026_2_19),
    ("node.pair.remove", Pairing, V2026_5_7),
    ("node.pair.verify", Pairing, V2026_2_19),
    ("device.pair.list", Pairing, V2026_2_19),
    ("device.pair.approve", Pairing, V2026_2_19),
    ("device.pair.reject", Pairing, V2026_2_19),
    ("device.pair.remove", Pairing, V2026_2_19),
    ("device.token.rotate", Pairing, V2026_2_19),
    ("device.token.revoke", Pairing, V2026_2_19),
    ("node.rename", Pairing, V2026_2_19),
    ("node.list", Read, V2026_2_19),
    ("node.describe", Read, V2026_2_19),
    ("node.pluginSurface.refresh", Node, V2026_6_11),
    ("node.pending.drain", Node, V2026_3_13),
    ("node.pending.enqueue", Write, V2026_3_13),
    ("node.invoke", Write, V2026_2_19),
    ("node.pending.pull", Node, V2026_3_13),
    ("node.pending.ack", Node, V2026_3_13),
    ("node.invoke.result", Node, V2026_2_19),
    ("node.event", Node, V2026_2_19),
    ("cron.get", Read, V2026_6_11),
    ("node.canvas.capability.refresh", Node, V2026_3_13),
    ("cron.list", Read, V2026_2_19),
    ("cron.status", Read, V2026_2_19),
    ("cron.add", Admin, V2026_2_19),
    ("cron.update", Admin, V2026_2_19),
    ("cron.remove", Admin, V2026_2_19),
    ("cron.run", Admin, V2026_2_19),
    ("cron.runs", Read, V2026_2_19),
    ("gateway.identity.get", Read, V2026_3_13),
    ("gateway.restart.preflight", Read, V2026_5_7),
    ("gateway.restart.request", Admin, V2026_5_7),
    ("system-presence", Read, V2026_2_19),
    ("system-event", Admin, V2026_2_19),
    ("message.action", Write, V2026_4_15),
    ("send", Write, V2026_2_19),
    ("agent", Write, V2026_2_19),
    ("agent.identity.get", Read, V2026_2_19),
    ("agent.wait", Write, V2026_2_19),
    ("chat.history", Read, V2026_2_19),
    ("chat.startup", Read, V2026_6_11),
    ("chat.metadata", Read, V2026_6_11),
    ("chat.message.get", Read, V2026_6_11),
    ("chat.abort", Write, V2026_2_19),
    ("chat.send", Write, V2026_2_19),
    // The bundled browser plugin's.
    ("browser.request", Write, V2026_4_2),
];

/// Methods that exist without being listed.
const UNLISTED: &[(&str, Access, MethodSet)] = &[
    ("chat.inject", Admin, V2026_2_19),
    ("config.openFile", Admin, V2026_3_13),
    ("connect", Admin, V2026_2_19),
    ("poll", Write, V2026_2_19),
    ("push.test", Write, V2026_2_19),
    ("sessions.get", Read, V2026_3_13),
    ("sessions.resolve", Read, V2026_2_19),
    ("sessions.steer", Write, V2026_3_28),
    ("sessions.usage", Read, V2026_2_19),
    ("sessions.usage.logs", Read, V2026_2_19),
    ("sessions.usage.timeseries", Read, V2026_2_19),
    ("web.login.start", Admin, V2026_2_19),
    ("web.login.wait", Admin, V2026_2_19),
    ("assistant.media.get", Read, V2026_5_7),
    ("nativeHook.invoke", Admin, V2026_5_7),
    ("push.web.vapidPublicKey", Write, V2026_5_7),
    ("push.web.subscribe", Write, V2026_5_7),
    ("push.web.unsubscribe", Write, V2026_5_7),
    ("push.web.test", Write, V2026_5_7),
];

/// A method that was among the gateway's own until the browser became a plugin, and the last set it was in.
const WITHDRAWN: (&str, Access, MethodSet) = ("browser.request", Write, V2026_3_13);
/// The method that the withdrawn one stood before.
const AFTER_WITHDRAWN: &str = "chat.history";

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
    if let Some(table) = rules.methods.table() {
        return method_tables::listed(table).collect();
    }
    let mut names = Vec::with_capacity(LISTED.len());
    for (name, _, since) in LISTED {
        if *name == AFTER_WITHDRAWN && rules.methods <= WITHDRAWN.2 {
            names.push(WITHDRAWN.0);
        }
        if is_there(rules, name, *since) {
            names.push(*name);
        }
    }
    names
}

/// Who may call a method of this release; `None` where it has no such method.
pub(in crate::rpc) fn access(rules: &RpcRules, method: &str) -> Option<Access> {
    if let Some(table) = rules.methods.table() {
        return method_tables::access(table, method);
    }
    if method == WITHDRAWN.0 && rules.methods <= WITHDRAWN.2 {
        return Some(WITHDRAWN.1);
    }
    let mut all = LISTED.iter().chain(UNLISTED);
    let (name, access, _) = all.find(|(name, _, since)| *name == method && is_there(rules, name, *since))?;
    Some(match *name {
        // From 2026.3.28 on approving a node took `operator.write` for a while.
        "node.pair.approve" if !rules.node_approval_is_pairing => Write,
        "browser.request" if rules.methods >= V2026_5_7 => Admin,
        _ => *access,
    })
}
