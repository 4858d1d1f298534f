//! The environment of `openclaw`: the state directory and the gateway that it uses, and the release that is installed.

use openclaw_model::Release;
use openclaw_protocol::store::DATABASE;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokio_tungstenite::tungstenite::http::Uri;
use untrusted_data::plain_file::{self, Links};
use untrusted_data::printable;

/// The maximum size of `package.json`, in bytes.
const MAX_PACKAGE_BYTES: u64 = 256 << 10;
/// The state directory and the configuration of Clawdbot, the former name of OpenClaw. Without newer ones, all known
/// releases use them.
const OLD_STATE_DIR: &str = ".clawdbot";
/// The maximum number of files in the home directory that are compared with the names of state directories.
const MAX_ENTRIES: usize = 5000;
/// The number of folders above a program that are searched for its `package.json`.
const FOLDERS_UP: usize = 6;

/// The environment, interpreted as `openclaw` does.
pub(super) struct Environment<'a>(pub(super) &'a [(String, String)]);

/// A sentence about a configuration that makes `openclaw` a client of a gateway on another machine. Of the gateway's URL, it
/// contains only the scheme, the host and the port: the other parts can contain secrets.
pub(super) fn remote_gateway(config: &Value) -> Option<String> {
    let gateway = &config["gateway"];
    if gateway["mode"] != "remote" {
        return None;
    }
    let url = gateway["remote"]["url"].as_str().and_then(|url| url.trim().parse::<Uri>().ok());
    let address = url.as_ref().and_then(|url| Some((url.scheme_str()?, url.host()?, url.port_u16())));
    let address = match address {
        Some((scheme, host, Some(port))) => format!("{scheme}://{host}:{port}"),
        Some((scheme, host, None)) => format!("{scheme}://{host}"),
        None => "a gateway on another machine".to_owned(),
    };
    Some(format!(
        "no gateway runs on this state directory: its openclaw.json makes `openclaw` a client of {} (gateway.mode is remote)",
        printable::line(&address)
    ))
}

impl Environment<'_> {
    /// A variable that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    fn home(&self) -> Option<PathBuf> {
        self.get("OPENCLAW_HOME").or_else(|| self.get("HOME")).map(PathBuf::from)
    }

    /// A variable as a path. `~` is the home directory.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        let text = self.get(name)?;
        match (text.strip_prefix('~'), self.home()) {
            (Some(""), Some(home)) => Some(home),
            (Some(rest), Some(home)) if rest.starts_with('/') => Some(home.join(&rest[1..])),
            _ => Some(PathBuf::from(text)),
        }
    }

    /// The other state directories of this user: that of the former name, and those of profiles.
    pub(super) fn other_directories(&self, used: &Path) -> Option<String> {
        let entries = std::fs::read_dir(self.home()?).ok()?.flatten().take(MAX_ENTRIES);
        let is_state = |name: &str| name == ".openclaw" || name == OLD_STATE_DIR || name.starts_with(".openclaw-");
        let named = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_state));
        let is_used = |path: &Path| {
            ["devices/paired.json", DATABASE, "openclaw.json"].iter().any(|file| path.join(file).exists())
        };
        let canonical = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let others = named.map(|entry| entry.path()).filter(|path| canonical(path) != canonical(used) && is_used(path));
        let mut others = others.map(|path| path.display().to_string()).collect::<Vec<_>>();
        others.sort();
        (!others.is_empty())
            .then(|| format!("there are other state directories, which openclaw does not use: {}", others.join(", ")))
    }

    pub(super) fn state_dir(&self) -> Option<PathBuf> {
        self.path("OPENCLAW_STATE_DIR").or_else(|| {
            let all = [".openclaw", OLD_STATE_DIR].map(|name| self.home().map(|home| home.join(name)));
            let found = all.iter().flatten().find(|directory| directory.exists());
            found.or(all[0].as_ref()).cloned()
        })
    }

    /// The version in the `package.json` of the `openclaw` that a shell would run. The program itself is not run.
    pub(super) fn installed(&self) -> Option<Release> {
        let path = self.get("PATH")?;
        let program = std::env::split_paths(path).map(|folder| folder.join("openclaw")).find(|file| file.is_file())?;
        let program = std::fs::canonicalize(program).ok()?;
        program.ancestors().skip(1).take(FOLDERS_UP).find_map(|folder| {
            let bytes = plain_file::read(&folder.join("package.json"), MAX_PACKAGE_BYTES, Links::Follow).ok()?;
            let package = serde_json::from_slice::<Value>(&bytes).ok()?;
            (package["name"] == "openclaw").then(|| package["version"].as_str()?.parse().ok()).flatten()
        })
    }
}
