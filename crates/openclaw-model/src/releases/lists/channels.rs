//! The channels that can be asked for an approval without being configured, with blanks between them.

/// Those of 2026.5.7: the channels of its catalogue and its own, but for those that say themselves that they are not set
/// up.
pub(in crate::releases) const V2026_5_7: &str = "webchat tui bluebubbles bb discord feishu lark googlechat gchat google-chat \
     imessage imsg irc internet-relay-chat line mattermost msteams teams nextcloud-talk nc-talk nc nostr qqbot signal \
     synology-chat tlon twitch twitch-chat wecom qywx wework enterprise-wechat whatsapp yuanbao yb tencent-yuanbao 元宝 \
     zalo zl zalouser zlu";
/// The channels of 2026.6.11 and 2026.7.35: the channels of its catalogue, except those that report that they are not
/// set up.
pub(in crate::releases) const V2026_6_11: &str = "webchat tui clickclack discord feishu lark googlechat gchat google-chat irc \
     internet-relay-chat line matrix mattermost msteams teams nextcloud-talk nc-talk nc nostr openclaw-weixin weixin \
     wechat 微信 openclaw-zaloclawbot zaloclawbot zalo-clawbot qqbot raft signal slack sms synology-chat tlon twitch \
     twitch-chat wecom qywx wework enterprise-wechat whatsapp yuanbao yb tencent-yuanbao 元宝 zalo zl zalouser zlu";
/// Those of 2026.9.6, where a page and a terminal cannot be asked any more.
pub(in crate::releases) const V2026_9_6: &str = "a2a buzz clickclack discord feishu lark googlechat gchat google-chat imessage imsg \
     irc internet-relay-chat line matrix mattermost msteams teams nextcloud-talk nc nc-talk nostr raft reef signal slack \
     sms synology-chat tlon twitch twitch-chat whatsapp zalo zl zalouser zlu";
