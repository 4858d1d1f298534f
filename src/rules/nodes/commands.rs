//! Which commands a node may offer (`node-command-policy.ts`).

use super::NodeRules;
use crate::rules::GatewayConfig;
use crate::store::record;

/// Commands that run programs on the node: approving them takes `operator.admin`.
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
    "system.notify",
];
const SCREEN: &[&str] = &["screen.snapshot"];
const DEVICE: &[&str] = &["device.info", "device.status"];
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
const ANDROID: &[&str] =
    &["notifications.list", "notifications.actions", "device.permissions", "device.health", "callLog.search"];
const SYSTEM: &[&str] = &["system.run.prepare", "system.run", "system.which", "system.notify", "browser.proxy"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Platform {
    Ios,
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
        let platform = record::trim(platform).to_lowercase();
        let family = record::trim(family.unwrap_or_default()).to_lowercase();
        let by_platform = PREFIXES.iter().find(|(prefix, _)| platform.starts_with(prefix));
        let found = by_platform.or_else(|| FAMILIES.iter().find(|(token, _)| family.contains(token)));
        found.map_or(Self::Unknown, |(_, id)| *id)
    }

    fn groups(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Ios => &[CANVAS, PERSONAL],
            Self::Android => &[CANVAS, PERSONAL, ANDROID],
            Self::Mac => &[CANVAS, PERSONAL, SYSTEM],
            Self::Windows | Self::Linux => &[SYSTEM],
            Self::Unknown => &[CANVAS],
        }
    }
}

/// Whether a node of this platform and family may offer a command.
pub fn platform_allows(
    rules: &NodeRules,
    config: &GatewayConfig,
    platform: &str,
    family: Option<&str>,
    command: &str,
) -> bool {
    let is = |listed: &String| record::trim(listed) == command;
    let platform = Platform::of(platform, family);
    let by_platform = platform.groups().iter().any(|group| group.contains(&command))
        || (platform == Platform::Android && rules.android_sms_search && command == "sms.search")
        || (rules.desktop_screens && desktop_commands(platform).iter().any(|group| group.contains(&command)));
    (by_platform || config.node_allow_commands.iter().any(is)) && !config.node_deny_commands.iter().any(is)
}

/// What desktops may offer besides, where the release lets them.
fn desktop_commands(platform: Platform) -> &'static [&'static [&'static str]] {
    match platform {
        Platform::Mac => &[SCREEN],
        Platform::Windows => &[CANVAS, DEVICE, SCREEN],
        _ => &[],
    }
}

/// A node's commands, trimmed, once each, without those that its platform may not offer.
pub fn declared_commands(
    rules: &NodeRules,
    config: &GatewayConfig,
    platform: &str,
    family: Option<&str>,
    commands: &[String],
) -> Vec<String> {
    let mut declared: Vec<String> = Vec::new();
    for command in commands.iter().map(|command| record::trim(command)) {
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
        assert_eq!(platform_allows(&NodeRules::oldest(), &config, platform, family, command), allowed);
    }
}
