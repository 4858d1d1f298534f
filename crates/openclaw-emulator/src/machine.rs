//! The gateway's host in the presence list.

use nix::ifaddrs::getifaddrs;
use nix::sys::utsname::uname;
use openclaw_model::config::Host;

/// This machine in the form of Node.js (`os.hostname`, `os.platform`, `os.release`, `os.arch`).
pub(crate) fn this_machine() -> Host {
    let defaults = Host::default();
    let Ok(system) = uname() else { return defaults };
    let name = system.nodename().to_string_lossy().into_owned();
    Host {
        // Without a network, the releases show the host name in place of the address.
        address: Some(lan_address().unwrap_or_else(|| name.clone())),
        name,
        platform: format!("{} {}", std::env::consts::OS, system.release().to_string_lossy()),
        arch: match std::env::consts::ARCH {
            "x86_64" => "x64".to_owned(),
            "aarch64" => "arm64".to_owned(),
            other => other.to_owned(),
        },
        model: model(),
    }
}

/// The hardware model of this machine, truncated to 64 characters (`machine-model.ts`).
fn model() -> Option<String> {
    let files = ["/sys/devices/virtual/dmi/id/product_name", "/proc/device-tree/model"];
    let read = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    let mut named = read.map(|text| text.trim_end_matches('\0').trim().chars().take(64).collect::<String>());
    named.find(|name| !name.is_empty())
}

/// The first IPv4 address of `en0` or `eth0`, or of any interface that is not loopback (`pickPrimaryLanIPv4`).
fn lan_address() -> Option<String> {
    let mut found: Vec<(String, String)> = getifaddrs()
        .ok()?
        .filter_map(|interface| {
            let address = interface.address?.as_sockaddr_in()?.ip();
            (!address.is_loopback()).then(|| (interface.interface_name, address.to_string()))
        })
        .collect();
    let preferred = found.iter().position(|(name, _)| matches!(name.as_str(), "en0" | "eth0"));
    (!found.is_empty()).then(|| found.swap_remove(preferred.unwrap_or(0)).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_name_and_system() {
        let host = this_machine();
        assert!(!host.name.is_empty());
        assert!(host.platform.starts_with(std::env::consts::OS) && host.platform.contains(' '), "{}", host.platform);
    }
}
