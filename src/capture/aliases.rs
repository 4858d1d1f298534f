//! Replaces the values of a state directory. The same value always has the same replacement. The terms of the protocol
//! are kept, because they contain nothing about their owner.

use crate::proxy_headers;
use openclaw_model::handshake::secret_generation;
use openclaw_model::pairing::{Purpose, SHARED_SECRET};
use openclaw_protocol::client::{self, mode};
use openclaw_protocol::ids;
use openclaw_protocol::public_key::PublicKey;
use openclaw_protocol::scopes::{OPERATOR_SCOPES, ROLES};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Values that releases write or compare. All other values are replaced.
const FAMILIES: &[&str] = &["Mac", "iPhone", "iPad", "iPod", "Android", "Linux", "Windows", "Watch", "Browser"];
const VIA: &[&str] =
    &["owner", "silent", "local", "bootstrap", "setup-code", "qr", "cidr", "ssh", "trusted-proxy", "trusted-cidr"];
const REASONS: &[&str] = &["connect", "background", "silent_push", "bg_app_refresh", "presence", "node.presence.alive"];
/// The first parts of the names of node commands, and the capabilities of nodes.
const ABILITIES: &[&str] = &[
    "system",
    "canvas",
    "camera",
    "screen",
    "location",
    "sms",
    "browser",
    "device",
    "notifications",
    "photos",
    "contacts",
    "calendar",
    "reminders",
    "motion",
    "callLog",
    "talk",
    "chat",
    "voice",
    "debug",
    "mcp",
    "file",
];
/// The platforms of clients, in lower case, that can be followed by a version.
const PLATFORMS: &[&str] = &[
    "linux",
    "darwin",
    "macos",
    "win32",
    "windows",
    "ios",
    "ipados",
    "android",
    "web",
    "watchos",
    "macintel",
    "linux x86_64",
    "linux aarch64",
    "node",
    "unknown",
];
/// The maximum length of a node command.
const MAX_COMMAND_LENGTH: usize = 40;

/// A kind of value. It determines which values are kept, and the form of the replacements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueKind {
    /// `operator`, `node` or an unknown role.
    Role,
    /// A scope of a device or a token.
    Scope,
    /// An operating system, with an optional version.
    Platform,
    /// A device family.
    Family,
    /// `clientId`.
    Client,
    /// `clientMode`.
    Mode,
    /// How a device was approved or last seen.
    Word,
    /// What a device token is bound to, which decides whether the token is still valid.
    Issuer,
    /// The purpose of a setup code, which decides which clients the code pairs.
    Purpose,
    /// A version of a program or a release.
    Version,
    /// A command or a capability of a node.
    Ability,
    /// A value of a setting with an enumerated set of values.
    Setting,
    /// The name of a header.
    Header,
    /// The name of an environment variable.
    Variable,
    /// The name of a field that no known release writes.
    Field,
    /// A token or another secret.
    Secret,
    /// The address of a client or a proxy, or a range of addresses.
    Address,
    /// A URL of a page.
    Origin,
    /// A key of a device that the store does not know.
    Key,
    /// A device that the store does not know.
    Device,
    /// A pending request.
    Request,
    /// Any other text.
    Text,
}

/// The replacements so far.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    /// The names of the devices that can play, by id.
    devices: BTreeMap<String, String>,
    /// The names of the devices.
    names: BTreeSet<String>,
    /// The last number that was added to a name.
    last_numbers: BTreeMap<String, usize>,
    /// The symbols of device tokens and of digests of secrets.
    tokens: BTreeMap<String, String>,
    known: BTreeMap<(ValueKind, String), String>,
    /// The number of different values of each kind.
    counts: BTreeMap<ValueKind, usize>,
    /// The kinds of which at least one value was replaced.
    replaced: BTreeSet<ValueKind>,
}

impl Aliases {
    /// Gives a device a name. `base` is the kind of device.
    pub(super) fn name_device(&mut self, id: &str, base: &str) {
        if self.devices.contains_key(id) {
            return;
        }
        let mut name = base.to_owned();
        // The last number is kept, so that thousands of devices of one kind do not take quadratic time.
        while !self.names.insert(name.clone()) {
            let number = self.last_numbers.entry(base.to_owned()).or_insert(1);
            *number += 1;
            name = format!("{base}-{number}");
        }
        self.devices.insert(id.to_owned(), name);
    }

    /// The name of a device.
    pub(super) fn device(&self, id: &str) -> Option<&str> {
        self.devices.get(id).map(String::as_str)
    }

    /// Assigns a token to a device. If several records contain the token, it belongs to the first device.
    pub(super) fn name_token(&mut self, token: &str, device: &str, role: &str) {
        if let Some(device) = self.devices.get(device) {
            self.tokens.entry(token.to_owned()).or_insert_with(|| format!("<seeded-token {device} {role}>"));
        }
    }

    /// Gives the digest of a shared secret its symbol. `name` is the name of the secret in the scenario.
    pub(super) fn name_secret(&mut self, mode: &str, secret: &str, name: &str) {
        self.tokens.insert(secret_generation(mode, secret), format!("<generation {mode} {name}>"));
    }

    /// The kinds of which at least one value was replaced by an invented one.
    pub(super) fn replaced(&self) -> &BTreeSet<ValueKind> {
        &self.replaced
    }

    /// The replacement of a text.
    pub(super) fn text(&mut self, kind: ValueKind, text: &str) -> String {
        if text.trim().is_empty() {
            return text.to_owned();
        }
        if let Some(name) = self.devices.get(text) {
            return format!("<device {name}>");
        }
        if let Some(symbol) = self.tokens.get(text) {
            return symbol.clone();
        }
        if kind == ValueKind::Key
            && let Some(name) = PublicKey::parse(text).and_then(|key| self.devices.get(&key.device_id()))
        {
            return format!("<public-key {name}>");
        }
        if is_kept(kind, text) {
            return text.to_owned();
        }
        if let Some(known) = self.known.get(&(kind, text.to_owned())) {
            return known.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let alias = invented(kind, text, *count);
        self.replaced.insert(kind);
        self.known.insert((kind, text.to_owned()), alias.clone());
        alias
    }
}

/// Whether a value contains nothing about its owner.
fn is_kept(kind: ValueKind, text: &str) -> bool {
    match kind {
        ValueKind::Role => ROLES.contains(&text),
        ValueKind::Scope => OPERATOR_SCOPES.contains(&text) || ["*", "operator.*"].contains(&text),
        ValueKind::Platform => is_platform(text),
        ValueKind::Family => FAMILIES.iter().any(|family| family.eq_ignore_ascii_case(text.trim())),
        ValueKind::Client => client::IDS_WITH_COPILOT.contains(&text),
        ValueKind::Mode => mode::WITH_WORKER.contains(&text),
        ValueKind::Word => VIA.contains(&text) || REASONS.contains(&text),
        ValueKind::Issuer => text == SHARED_SECRET,
        ValueKind::Purpose => Purpose::names().any(|name| name == text),
        ValueKind::Version => is_version(text),
        ValueKind::Ability => is_ability(text),
        ValueKind::Address => is_common_address(text),
        ValueKind::Origin => text == "*" || is_local_origin(text),
        ValueKind::Setting => openclaw_emulator::settings::words().contains(&text),
        ValueKind::Header => proxy_headers::is_known(text),
        ValueKind::Variable => ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"].contains(&text),
        ValueKind::Field
        | ValueKind::Secret
        | ValueKind::Key
        | ValueKind::Device
        | ValueKind::Request
        | ValueKind::Text => false,
    }
}

/// A platform, with an optional version: `macOS 26.1`.
fn is_platform(text: &str) -> bool {
    let lower = text.trim().to_ascii_lowercase();
    PLATFORMS.iter().any(|platform| match lower.strip_prefix(platform) {
        Some("") => true,
        Some(rest) => rest.strip_prefix(' ').is_some_and(is_version),
        None => false,
    })
}

fn is_version(text: &str) -> bool {
    text.len() <= 24
        && text.split('.').all(|part| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
}

fn is_ability(text: &str) -> bool {
    let mut parts = text.split('.');
    let first = parts.next().unwrap_or_default();
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    text.len() <= MAX_COMMAND_LENGTH && ABILITIES.contains(&first) && parts.all(plain)
}

/// Whether an address is loopback or a whole private network.
fn is_common_address(text: &str) -> bool {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let Ok(parsed) = address.trim().parse::<IpAddr>() else { return false };
    let networks =
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "0.0.0.0/0", "::/0", "fc00::/7", "fd00::/8"];
    match length {
        None => parsed.to_canonical().is_loopback() || parsed.is_unspecified(),
        Some(length) => length.parse::<u8>().is_ok() && (parsed.is_loopback() || networks.contains(&text)),
    }
}

/// A page on this machine, or a scheme without a host.
fn is_local_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return text == "null" };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (rest, ""),
    };
    ["http", "https"].contains(&scheme)
        && ["localhost", "127.0.0.1", "[::1]"].contains(&host)
        && (port == "*" || port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// An invented value of the same form.
fn invented(kind: ValueKind, text: &str, number: usize) -> String {
    match kind {
        ValueKind::Role => format!("role-{number}"),
        ValueKind::Scope if text.starts_with("operator.") => format!("operator.scope-{number}"),
        ValueKind::Scope => format!("scope-{number}"),
        ValueKind::Platform => format!("platform-{number}"),
        ValueKind::Family => format!("family-{number}"),
        ValueKind::Client => format!("client-{number}"),
        ValueKind::Mode => format!("mode-{number}"),
        ValueKind::Word | ValueKind::Purpose | ValueKind::Issuer => format!("word-{number}"),
        ValueKind::Version => format!("0.0.{number}"),
        ValueKind::Ability => format!("command-{number}"),
        ValueKind::Setting => format!("setting-{number}"),
        ValueKind::Header => format!("x-header-{number}"),
        ValueKind::Variable => format!("MISSING_{number}"),
        ValueKind::Field => format!("field-{number}"),
        ValueKind::Secret => format!("captured-secret-{number}"),
        ValueKind::Address => address(text, number),
        ValueKind::Origin => origin(text, number),
        ValueKind::Key => format!("captured-key-{number}"),
        ValueKind::Device => digest(&format!("device {number}")).iter().map(|byte| format!("{byte:02x}")).collect(),
        ValueKind::Request => {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&digest(&format!("request {number}"))[..16]);
            ids::uuid(bytes)
        }
        ValueKind::Text => format!("text-{number}"),
    }
}

/// An address that is reserved for documentation, with the length of the range. A private address stays private.
fn address(text: &str, number: usize) -> String {
    let (address, range) = text.split_once('/').map_or((text, None), |(address, range)| (address, Some(range)));
    let Ok(parsed) = address.trim().parse::<IpAddr>() else { return format!("address-{number}") };
    let (high, low) = (number / 250 % 250, 1 + number % 250);
    let alias = match parsed.to_canonical() {
        IpAddr::V4(four) if four.is_private() => format!("192.168.{}.{low}", 77 + high % 100),
        // 100.64.0.0/10 (RFC 6598), the range of Tailscale.
        IpAddr::V4(four) if (four.to_bits() >> 22) == (100 << 2 | 1) => format!("100.64.{high}.{low}"),
        IpAddr::V4(_) => format!("203.0.113.{low}"),
        IpAddr::V6(_) => format!("2001:db8::{number:x}"),
    };
    match range.and_then(|range| range.parse::<u8>().ok()) {
        Some(range) => format!("{alias}/{range}"),
        None => alias,
    }
}

/// A URL with a host that is reserved for documentation.
fn origin(text: &str, number: usize) -> String {
    let scheme =
        ["https", "http", "capacitor", "file"].into_iter().find(|scheme| text.starts_with(&format!("{scheme}://")));
    match scheme {
        Some(scheme) => {
            let port = text.rsplit_once(':').map(|(_, port)| port).filter(|port| port.parse::<u16>().is_ok());
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{scheme}://host-{number}.example{port}")
        }
        None => format!("origin-{number}"),
    }
}

fn digest(name: &str) -> [u8; 32] {
    Sha256::digest(format!("clawcheck capture {name}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::role(ValueKind::Role, "node", true)]
    #[case::other_role(ValueKind::Role, "Anna", false)]
    #[case::platform(ValueKind::Platform, "macOS 26.1", true)]
    #[case::hostname(ValueKind::Platform, "linux anna-laptop", false)]
    #[case::command(ValueKind::Ability, "camera.snap", true)]
    #[case::own_command(ValueKind::Ability, "anna.run", false)]
    #[case::version(ValueKind::Version, "2026.4.2", true)]
    #[case::loopback(ValueKind::Address, "127.0.0.1", true)]
    #[case::network(ValueKind::Address, "10.0.0.0/8", true)]
    #[case::address(ValueKind::Address, "10.0.0.7", false)]
    #[case::local_page(ValueKind::Origin, "http://localhost:5173", true)]
    #[case::page(ValueKind::Origin, "https://anna.example", false)]
    #[case::lookalike(ValueKind::Origin, "https://localhost.anna.example", false)]
    #[case::text(ValueKind::Text, "node", false)]
    #[case::purpose(ValueKind::Purpose, "mobile-full", true)]
    #[case::other_purpose(ValueKind::Purpose, "anna-phone", false)]
    fn keeps_only_protocol_terms(#[case] kind: ValueKind, #[case] text: &str, #[case] kept: bool) {
        let mut aliases = Aliases::default();
        assert_eq!(aliases.text(kind, text) == text, kept);
        assert_eq!(aliases.text(kind, text), aliases.text(kind, text), "the same replacement");
    }

    #[test]
    fn replacement_keeps_form() {
        let mut aliases = Aliases::default();
        let mut replace = |kind, text: &str| aliases.text(kind, text);
        assert_eq!(replace(ValueKind::Scope, "operator.mine"), "operator.scope-1");
        assert_eq!(replace(ValueKind::Address, "192.168.1.20"), "192.168.77.2");
        assert_eq!(replace(ValueKind::Address, "8.8.8.0/24"), "203.0.113.3/24");
        assert_eq!(replace(ValueKind::Address, "2a00::1"), "2001:db8::3");
        assert_eq!(replace(ValueKind::Origin, "https://anna.ts.net:8443"), "https://host-1.example:8443");
        assert_eq!(replace(ValueKind::Device, &"a".repeat(64)).len(), 64);
        assert_eq!(replace(ValueKind::Text, " "), " ");
    }

    #[test]
    fn device_names_are_unique() {
        let mut aliases = Aliases::default();
        let named = [("a", "cli"), ("b", "cli-3"), ("c", "cli"), ("d", "cli"), ("a", "tui")];
        named.iter().for_each(|(id, base)| aliases.name_device(id, base));
        let names = ["a", "b", "c", "d"].map(|id| aliases.device(id).unwrap().to_owned());
        assert_eq!(names, ["cli", "cli-3", "cli-2", "cli-4"]);
    }

    #[test]
    fn device_values_become_symbols() {
        let mut aliases = Aliases::default();
        aliases.name_device("id-a", "phone");
        aliases.name_device("id-b", "phone");
        aliases.name_token("secret", "id-b", "node");
        aliases.name_token("secret", "id-a", "node");
        let texts = ["id-a", "id-b", "secret"].map(|text| aliases.text(ValueKind::Text, text));
        assert_eq!(texts, ["<device phone>", "<device phone-2>", "<seeded-token phone-2 node>"]);
    }
}
