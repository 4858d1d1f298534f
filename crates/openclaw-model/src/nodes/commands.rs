//! Determines which commands a node can offer (`node-command-policy.ts`).

use super::NodeRules;
use crate::GatewayConfig;
use openclaw_protocol::js;

/// Commands that run programs on the node. Approving them needs `operator.admin`.
pub(super) const RUN_COMMANDS: [&str; 3] = ["system.run.prepare", "system.run", "system.which"];

const CANVAS: &[&str] = &[
    "canvas.present",
    "canvas.hide",
    "canvas.navigate",
    "canvas.eval",
    "canvas.snapshot",
    "canvas.a2ui.push",
    "canvas.a2ui.pushJSONL",
    "canvas.a2ui.reset",
    "camera.list",
    "location.get",
];
const SCREEN: &[&str] = &["screen.snapshot"];
const DEVICE: &[&str] = &["device.info", "device.status"];
const NOTIFY: &[&str] = &["system.notify"];
const PERSONAL: &[&str] = &[
    "device.info",
    "device.status",
    "contacts.search",
    "calendar.events",
    "reminders.list",
    "photos.latest",
    "motion.activity",
    "motion.pedometer",
];
const NOTIFICATIONS: &[&str] = &["notifications.list"];
const ANDROID: &[&str] = &["notifications.actions", "device.permissions", "device.health"];
const SYSTEM: &[&str] = &["system.run.prepare", "system.run", "system.which", "browser.proxy"];

/// The commands of a Mac's canvas in the newest groups.
const PANEL: &[&str] = &["canvas.present", "canvas.hide", "canvas.navigate"];
const PLACE: &[&str] = &["camera.list", "location.get"];
const APPROVALS: &[&str] = &["system.execApprovals.get", "system.execApprovals.set"];
const MODELS: &[&str] = &["ollama.models", "ollama.chat"];
/// The commands of a desktop in the newest groups: files, browser, tools, agents and screen.
const DESKTOP: &[&str] = &[
    "fs.listDir",
    "terminal.upload",
    "browser.proxy.upload.v1",
    "mcp.tools.call.v1",
    "agent.cli.claude.run.v1",
    "screen.snapshot",
    "desktop.stream",
];
const COMPUTER: &[&str] = &["computer.act"];
const CLAUDE: &[&str] = &[
    "anthropic.claude.sessions.list.v1",
    "anthropic.claude.sessions.read.v1",
    "anthropic.claude.terminal.resume.v1",
    "anthropic.claude.terminal.start.v1",
];
const MAC: &[&str] = &["camera.ptz.status", "device.apps"];
const MOBILE: &[&str] = &["mobile.ui.observe", "mobile.ui.act", "callLog.search", "device.apps"];
const WATCH_RELAY: &[&str] = &["watch.status", "watch.notify"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Platform {
    Ios,
    Watch,
    Android,
    Mac,
    Windows,
    Linux,
    Unknown,
}

impl Platform {
    fn of(platform: &str, family: Option<&str>) -> Self {
        const PREFIXES: [(&str, Platform); 6] = [
            ("ios", Platform::Ios),
            ("android", Platform::Android),
            ("mac", Platform::Mac),
            ("darwin", Platform::Mac),
            ("win", Platform::Windows),
            ("linux", Platform::Linux),
        ];
        const FAMILIES: [(&str, Platform); 7] = [
            ("iphone", Platform::Ios),
            ("ipad", Platform::Ios),
            ("ios", Platform::Ios),
            ("android", Platform::Android),
            ("mac", Platform::Mac),
            ("windows", Platform::Windows),
            ("linux", Platform::Linux),
        ];
        let platform = js::trim(platform).to_lowercase();
        let family = js::trim(family.unwrap_or_default()).to_lowercase();
        let by_platform = PREFIXES.iter().find(|(prefix, _)| platform.starts_with(prefix));
        let found = by_platform.or_else(|| FAMILIES.iter().find(|(token, _)| family.contains(token)));
        found.map_or(Self::Unknown, |(_, id)| *id)
    }

    fn groups(self, rules: &NodeRules) -> &'static [&'static [&'static str]] {
        match self {
            Self::Ios => &[CANVAS, PERSONAL, NOTIFY],
            Self::Watch => &[],
            Self::Android if !rules.platforms.android_complete => &[CANVAS, PERSONAL, NOTIFICATIONS],
            Self::Android => &[CANVAS, PERSONAL, NOTIFY, NOTIFICATIONS, ANDROID],
            Self::Mac => &[CANVAS, PERSONAL, NOTIFY, SYSTEM],
            Self::Windows | Self::Linux => &[NOTIFY, SYSTEM],
            Self::Unknown if rules.platforms.unknown_run_programs => &[CANVAS, NOTIFY, SYSTEM],
            Self::Unknown => &[CANVAS, NOTIFY],
        }
    }
}

/// Whether a node with this platform and device family can offer a command.
pub fn platform_allows(
    rules: &NodeRules,
    config: &GatewayConfig,
    platform: &str,
    family: Option<&str>,
    command: &str,
) -> bool {
    let is = |listed: &String| js::trim(listed) == command;
    let platform = Platform::of(platform, family);
    if !rules.platforms.prepares_runs && ["system.run.prepare", "notifications.list"].contains(&command) {
        return config.node_allow_commands.iter().any(is) && !config.node_deny_commands.iter().any(is);
    }
    let by_platform = platform.groups(rules).iter().any(|group| group.contains(&command))
        || (platform == Platform::Android
            && ((rules.android_sms_search && command == "sms.search")
                || (rules.android_call_log && command == "callLog.search")))
        || (rules.desktop_screens && desktop_commands(platform).iter().any(|group| group.contains(&command)));
    (by_platform || config.node_allow_commands.iter().any(is)) && !config.node_deny_commands.iter().any(is)
}

/// Additional commands of desktops, in releases that allow them.
fn desktop_commands(platform: Platform) -> &'static [&'static [&'static str]] {
    match platform {
        Platform::Mac => &[SCREEN],
        Platform::Windows => &[CANVAS, DEVICE, SCREEN],
        _ => &[],
    }
}

/// The commands of a desktop for programs and its screen, which a node can only run after approval in some releases.
const HOST: &[&str] = &["system.run.prepare", "system.run", "system.which", "browser.proxy", "screen.snapshot"];

/// Whether a desktop can only run this command after approval.
fn is_host(rules: &NodeRules, command: &str) -> bool {
    HOST.contains(&command)
        || rules.platforms.desktops_offer_approvals && APPROVALS.contains(&command)
        || rules.platforms.by_capability && DESKTOP.contains(&command)
}
const TALK: &[&str] = &["talk.ptt.start", "talk.ptt.stop", "talk.ptt.cancel", "talk.ptt.once"];

impl Platform {
    /// A platform by its exact name or by the label of an app, and a matching device family.
    fn exactly(rules: &NodeRules, platform: &str, family: Option<&str>) -> Self {
        let platform = js::trim(platform).to_lowercase();
        let family = js::trim(family.unwrap_or_default()).to_lowercase();
        let phone = ["iphone", "ipad", "ios"].contains(&family.as_str());
        let watch = ["apple watch", "watchos"].contains(&family.as_str()) && rules.platforms.by_capability;
        match platform.as_str() {
            "watchos" if watch => Self::Watch,
            _ if watch && is_labelled(&platform, &["watchos "], 3) => Self::Watch,
            "ios" if family.is_empty() || phone => Self::Ios,
            "android" if family.is_empty() || family == "android" => Self::Android,
            "macos" if family == "mac" => Self::Mac,
            "windows" if family == "windows" => Self::Windows,
            "linux" if family == "linux" => Self::Linux,
            "" => Self::of("", Some(&family)),
            _ if phone && is_labelled(&platform, &["ios ", "ipados "], 3) => Self::Ios,
            _ if family == "mac" && is_labelled(&platform, &["macos "], 3) => Self::Mac,
            _ if family == "android" && is_labelled(&platform, &["android "], 1) => Self::Android,
            _ => Self::Unknown,
        }
    }

    fn is_desktop(self) -> bool {
        matches!(self, Self::Mac | Self::Windows | Self::Linux)
    }
}

/// A system and its version, with at most this many numbers. Android's version can include the SDK.
fn is_labelled(platform: &str, systems: &[&str], numbers: usize) -> bool {
    let Some(version) = systems.iter().find_map(|system| platform.strip_prefix(system)) else { return false };
    let version = match version.split_once(" (sdk ") {
        Some((version, sdk)) if numbers == 1 && sdk.strip_suffix(')').is_some_and(is_number) => version,
        _ => version,
    };
    version.split('.').count() <= numbers && version.split('.').all(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The commands that nodes of a platform can offer in the newest groups.
fn newest_groups(platform: Platform) -> &'static [&'static [&'static str]] {
    match platform {
        Platform::Ios => &[PLACE, PERSONAL, NOTIFY],
        Platform::Watch => &[DEVICE, NOTIFY],
        Platform::Android => &[PLACE, PERSONAL, NOTIFY, NOTIFICATIONS, ANDROID, MOBILE],
        Platform::Mac => &[PLACE, PERSONAL, NOTIFY, MAC, SYSTEM, APPROVALS, DESKTOP, COMPUTER, MODELS, PANEL, CLAUDE],
        Platform::Linux => &[PLACE, NOTIFY, SYSTEM, APPROVALS, DESKTOP, COMPUTER, MODELS, CLAUDE],
        Platform::Windows => &[PLACE, DEVICE, NOTIFY, SYSTEM, APPROVALS, DESKTOP, COMPUTER, MODELS, CLAUDE],
        Platform::Unknown => &[PLACE, NOTIFY],
    }
}

/// The data about a node whose commands are checked, in releases with strict platforms.
#[derive(Debug, Clone, Copy)]
pub struct NodeDescription<'a> {
    /// `platform` of the record.
    pub platform: &'a str,
    /// `deviceFamily` of the record.
    pub family: Option<&'a str>,
    /// Its capabilities.
    pub caps: &'a [String],
    /// The commands it offers.
    pub commands: &'a [String],
    /// The approved commands. `None` while approval is pending.
    pub approved: Option<&'a [String]>,
}

/// The commands that a node can have.
pub fn permitted_commands(
    rules: &NodeRules,
    config: &GatewayConfig,
    node: NodeDescription<'_>,
    commands: &[String],
) -> Vec<String> {
    let platform = Platform::exactly(rules, node.platform, node.family);
    let phone =
        platform == Platform::Ios && node.family.is_some_and(|family| js::trim(family).eq_ignore_ascii_case("iphone"));
    let says_talk = |list: &[String], prefix: &str| {
        list.iter()
            .map(|item| js::trim(item).to_lowercase())
            .any(|item| item == prefix.trim_end_matches('.') || (prefix.ends_with('.') && item.starts_with(prefix)))
    };
    let talks = says_talk(node.caps, "talk") || says_talk(node.commands, "talk.");
    let allows = |command: &str| {
        let host = platform.is_desktop() && is_host(rules, command);
        let has = |groups: &[&[&str]]| groups.iter().any(|group| group.contains(&command));
        let by_platform = match rules.platforms.by_capability {
            true => has(newest_groups(platform)) || phone && WATCH_RELAY.contains(&command),
            false => {
                has(platform.groups(rules))
                    || (platform == Platform::Android && ["device.apps", "callLog.search"].contains(&command))
                    || (rules.desktop_screens && has(desktop_commands(platform)))
                    || (rules.platforms.desktops_offer_approvals && platform.is_desktop() && has(&[APPROVALS, MODELS]))
            }
        };
        let approved =
            node.approved.is_some_and(|approved| host && approved.iter().any(|have| js::trim(have) == command));
        let is = |listed: &String| js::trim(listed) == command;
        let may = (by_platform && (!host || node.approved.is_none()))
            || approved
            || (talks && TALK.contains(&command))
            || config.node_allow_commands.iter().any(is);
        may && !config.node_deny_commands.iter().any(is)
    };
    let mut permitted: Vec<String> = Vec::new();
    for command in commands.iter().map(|command| js::trim(command)) {
        if !command.is_empty() && !permitted.iter().any(|have| have == command) && allows(command) {
            permitted.push(command.to_owned());
        }
    }
    permitted
}

/// A node's commands, trimmed, without duplicates, and without those that its platform cannot offer.
pub fn declared_commands(
    rules: &NodeRules,
    config: &GatewayConfig,
    platform: &str,
    family: Option<&str>,
    commands: &[String],
) -> Vec<String> {
    let mut declared: Vec<String> = Vec::new();
    for command in commands.iter().map(|command| js::trim(command)) {
        let new = !command.is_empty() && !declared.iter().any(|have| have == command);
        if new && platform_allows(rules, config, platform, family, command) {
            declared.push(command.to_owned());
        }
    }
    declared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Facts;
    use rstest::rstest;

    #[rstest]
    #[case("linux", None, "system.run", true)]
    #[case("linux", None, "canvas.present", false)]
    #[case("Darwin 24", None, "canvas.present", true)]
    #[case("macos", None, "system.run", true)]
    #[case("ios", None, "system.notify", true)]
    #[case("ios", None, "system.run", false)]
    #[case("ios", None, "callLog.search", false)]
    #[case("android", None, "callLog.search", true)]
    #[case("android", None, "camera.snap", false)]
    #[case("", Some("iPad"), "photos.latest", true)]
    #[case("plan9", None, "location.get", true)]
    #[case("plan9", None, "device.info", false)]
    #[case("plan9", None, "extra.one", true)]
    #[case("linux", None, "system.which", false)]
    fn commands_by_platform(
        #[case] platform: &str,
        #[case] family: Option<&str>,
        #[case] command: &str,
        #[case] allowed: bool,
    ) {
        let config = GatewayConfig {
            node_allow_commands: vec![" extra.one ".to_owned()],
            node_deny_commands: vec!["system.which".to_owned()],
            ..GatewayConfig::default()
        };
        let known = Facts::of("2026.3.13".parse().unwrap()).unwrap().nodes;
        let rules = NodeRules { android_call_log: true, ..known };
        assert_eq!(platform_allows(&rules, &config, platform, family, command), allowed);
    }
}
