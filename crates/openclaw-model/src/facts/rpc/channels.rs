//! The channels that can be asked for an approval without configuration, separated by spaces.

/// The channels that can be asked for an approval without configuration (`exec-approval-surface.ts`).
pub(crate) const OLDEST: &str = "webchat tui telegram whatsapp discord irc internet-relay-chat googlechat gchat google-chat slack signal imessage imsg line";
