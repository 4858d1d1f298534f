//! What differs among the releases in the node store.

use super::pairing::StateRules;

/// What a node's connect does to its command surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeReconnect {
    /// The commands are cut down to what the platform allows; the node store is not looked at.
    CutToPlatform,
    /// The commands are cut down to the approved ones where the node is paired; nothing is asked.
    CutDown,
    /// A node that is not paired asks for approval and has no command meanwhile; a paired one is cut down.
    AskAndWithhold,
    /// A node that is not paired asks for approval and has all its commands meanwhile.
    AskWhenUnpaired,
    /// A node that is paired asks again, too, when it offers more than was approved, and has the approved commands
    /// meanwhile.
    AskForMore,
    /// A node has what was approved of its caps, commands and permissions, nothing before it is; it asks again when it
    /// offers anything else, and what it asked for before is dropped when it does not.
    AskForSurface,
}

/// Which commands a platform's nodes may offer, by the release that brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlatformCommands {
    /// 2026.2.19.
    V2026_2_19,
    /// 2026.2.26: `system.run.prepare`; Android has `notifications.list`; unknown platforms may run programs.
    V2026_2_26,
    /// 2026.3.13: more of Android's own; unknown platforms run no programs.
    V2026_3_13,
    /// 2026.7.35: desktops' approvals of programs.
    V2026_7_35,
    /// 2026.9.6: only Macs have a canvas; watches; more of desktops, of Linux, and of Android.
    V2026_9_6,
}

/// The node store's rules of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRules {
    /// How the documents are read and written.
    pub state: StateRules,
    /// What a connect does.
    pub reconnect: NodeReconnect,
    /// A repeated request refreshes the pending one; else the pending one stays as it is.
    pub request_refreshes: bool,
    /// Approving needs what the commands take: `operator.admin` where programs can be run, `operator.write` for others.
    pub approval_needs_scopes: bool,
    /// Approving needs `operator.pairing` too, whatever the commands, and lists say which scopes it takes.
    pub approval_needs_pairing: bool,
    /// Which commands a platform's nodes may offer.
    pub platform_commands: PlatformCommands,
    /// `sms.search` is among the commands of Android.
    pub android_sms_search: bool,
    /// `callLog.search` is among the commands of Android.
    pub android_call_log: bool,
    /// Node lists know approved nodes beside paired devices; else only devices.
    pub list_knows_nodes: bool,
    /// Node lists name the client and when it was approved, and go by effective roles; else by the recorded ones.
    pub catalogue: bool,
    /// Node lists say when a node was last heard of.
    pub list_knows_last_seen: bool,
    /// A node of two connections is gone with the later one, and not with either.
    pub gone_with_later_only: bool,
    /// Windows has the commands of a screen with a camera, and it and macOS take snapshots of the screen.
    pub desktop_screens: bool,
    /// A request has a revision, is refreshed only where it asks for the same caps, commands and permissions, and takes over
    /// what a new one does not say.
    pub request_by_surface: bool,
    /// Nodes are a part of their paired devices: a request takes over nothing of the one before, a record has no token, and
    /// only more than was approved is asked for again.
    pub part_of_device: bool,
    /// Approving a node that hands its browser on takes an administrator.
    pub browser_needs_admin: bool,
    /// Who asks must be a paired device, the announcement names its client and the scopes that approving takes, and a cap goes with
    /// the last of its commands.
    pub requests_of_devices: bool,
    /// A record says when its node has gone.
    pub notes_departures: bool,
    /// Node lists say when a node came and went, put the approved name before the live one, and name what plugins of a live
    /// node offer.
    pub list_knows_sessions: bool,
}

impl NodeRules {
    /// The rules of 2026.2.19, the oldest release of the history.
    pub fn oldest() -> Self {
        Self {
            state: StateRules::oldest(),
            reconnect: NodeReconnect::CutToPlatform,
            request_refreshes: false,
            approval_needs_scopes: false,
            approval_needs_pairing: false,
            platform_commands: PlatformCommands::V2026_2_19,
            android_sms_search: false,
            android_call_log: false,
            list_knows_nodes: false,
            catalogue: false,
            list_knows_last_seen: false,
            gone_with_later_only: false,
            desktop_screens: false,
            request_by_surface: false,
            part_of_device: false,
            browser_needs_admin: false,
            requests_of_devices: false,
            notes_departures: false,
            list_knows_sessions: false,
        }
    }
}
