//! Differences between the releases in the node store.

use super::pairing::StateRules;
use super::platforms::PlatformRules;

/// The effect of a node's connect on its commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeReconnect {
    /// The commands are limited to those that the platform allows. The node store is not used.
    CutToPlatform,
    /// The commands of a paired node are limited to the approved ones. No request is created.
    CutDown,
    /// A node that is not paired requests approval and has no commands until then. The commands of a paired node are
    /// limited to the approved ones.
    AskAndWithhold,
    /// A node that is not paired requests approval and has all its commands until then.
    AskWhenUnpaired,
    /// A paired node that offers more than was approved also requests approval, and has the approved commands until
    /// then.
    AskForMore,
    /// A node has only its approved capabilities, commands and permissions. It requests approval when it offers
    /// anything else, and its pending request is dropped when it does not.
    AskForSurface,
}

/// The node store's rules of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRules {
    /// How the documents are read and written.
    pub state: StateRules,
    /// The effect of a connect.
    pub reconnect: NodeReconnect,
    /// A repeated request refreshes the pending request. Otherwise, the pending request does not change.
    pub request_refreshes: bool,
    /// An approval needs the scopes for the commands: `operator.admin` for commands that run programs, `operator.write`
    /// for others.
    pub approval_needs_scopes: bool,
    /// An approval also needs `operator.pairing`, whatever the commands, and lists show the required scopes.
    pub approval_needs_pairing: bool,
    /// The commands that the nodes of a platform can offer.
    pub platforms: PlatformRules,
    /// `sms.search` is among the commands of Android.
    pub android_sms_search: bool,
    /// Android nodes can offer `callLog.search`.
    pub android_call_log: bool,
    /// Node lists include approved nodes in addition to paired devices. Otherwise, they include only devices.
    pub list_knows_nodes: bool,
    /// Node lists show the client and the time of approval, and use effective roles. Otherwise, they use the recorded
    /// roles.
    pub catalogue: bool,
    /// Node lists show when a node was last seen.
    pub list_knows_last_seen: bool,
    /// A node with two connections is gone when the later one closes. Otherwise, it is gone when either closes.
    pub gone_with_later_connection: bool,
    /// Windows nodes have the commands for canvas and camera, and Windows and macOS nodes can take screenshots.
    pub desktop_screens: bool,
    /// A request has a revision and is refreshed only if it asks for the same capabilities, commands and permissions. A
    /// new request inherits what it does not state.
    pub request_by_surface: bool,
    /// Nodes are part of their paired devices. A request inherits nothing from the previous one, a record has no token,
    /// and a node requests approval again only if it offers more than was approved.
    pub part_of_device: bool,
    /// Approving a node that offers its browser needs an administrator.
    pub browser_needs_admin: bool,
    /// Only a paired device can request approval. The announcement contains its client and the scopes that an approval
    /// needs, and a capability is removed together with the last of its commands.
    pub requests_of_devices: bool,
    /// A record shows when its node disconnected.
    pub notes_departures: bool,
    /// Node lists show when a node connected and disconnected, prefer the approved name, and list what the plugins of a
    /// live node offer.
    pub list_knows_sessions: bool,
}

impl NodeRules {
    /// The rules of 2026.2.19, the oldest known release.
    pub fn oldest() -> Self {
        Self {
            state: StateRules::oldest(),
            reconnect: NodeReconnect::CutToPlatform,
            request_refreshes: false,
            approval_needs_scopes: false,
            approval_needs_pairing: false,
            platforms: PlatformRules::oldest(),
            android_sms_search: false,
            android_call_log: false,
            list_knows_nodes: false,
            catalogue: false,
            list_knows_last_seen: false,
            gone_with_later_connection: false,
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
