//! OpenClaw releases from npm.

mod cache;
mod catalogue;
mod foreign;
mod install;
mod install_error;
mod installer;
mod node;
mod npm;
mod range;
mod schema;

pub(super) use foreign::ForeignPackage;
pub(super) use install::{InstallRequest, RELEASE_FLAGS};
pub(crate) use install_error::InstallError;
pub(crate) use schema::{SchemaError, protocol_schema};

use super::prepare::{Preparation, PrepareListener};
use super::profile::flags::Flags;
use super::profile::{Capability, GatewayKind, Profile};
use super::spawned::readiness::Readiness;
use super::spawned::{ConfigTemplate, DEFAULT_ANSWER_TIMEOUT, Program, StoreAccess};
use super::template::Placeholders;
use cache::Cache;
use install::Installation;
use openclaw_model::facts::program::ProgramFacts;
use openclaw_model::{Facts, Release};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The note about a release that does not write its log to `logging.file`.
const LOGS_ELSEWHERE: &str = "it appends to /tmp/openclaw/openclaw-DATE.log and ignores its log configuration";

/// Installs a release if it is not in the cache, and returns how to start it.
pub(super) async fn prepare(
    release: Release,
    preparation: &Preparation,
    listener: PrepareListener<'_>,
) -> Result<Program, InstallError> {
    let installation = Installation::new(preparation, listener)?;
    let package = installation.release(release).await?;
    let node = installation.node_for(&package).await?;
    Ok(program(&Facts::nearest(release).program, &node, &package, &installation.cache))
}

/// An installed package, and what its starts have in common.
pub(super) struct Installed {
    /// The Node.js executable that runs the package.
    pub(super) node: PathBuf,
    /// The directory of the package.
    pub(super) directory: PathBuf,
    /// The directory of Node's compile cache.
    pub(super) compile_cache: PathBuf,
    /// The directory of jiti's cache of translated plugins.
    pub(super) jiti_cache: PathBuf,
}

/// Installs a package that is not an OpenClaw release, if it is not in the cache.
pub(super) async fn prepare_package(
    request: &InstallRequest<'_>,
    preparation: &Preparation,
    listener: PrepareListener<'_>,
) -> Result<Installed, InstallError> {
    let installation = Installation::new(preparation, listener)?;
    let package = installation.package(&installation.cache.other(request.name, request.version), request).await?;
    let node = installation.node_for(&package).await?;
    let (compile_cache, jiti_cache) = (installation.cache.compile_cache(), installation.cache.jiti_cache());
    Ok(Installed { node, directory: package.directory, compile_cache, jiti_cache })
}

/// Installs a package of pip or cargo, if it is not in the cache, and returns its directory.
pub(super) async fn prepare_foreign(
    package: &ForeignPackage<'_>,
    preparation: &Preparation,
    listener: PrepareListener<'_>,
) -> Result<PathBuf, InstallError> {
    Installation::new(preparation, listener)?.foreign(package).await
}

fn program(facts: &ProgramFacts, node: &std::path::Path, package: &cache::Package, cache: &Cache) -> Program {
    let compile_cache = cache.compile_cache().to_string_lossy().into_owned();
    let fixed = [
        // A release compiles some hundred modules at each start. Without this variable, it would keep the result in
        // its temporary directory, which the run removes.
        ("NODE_COMPILE_CACHE", compile_cache.as_str()),
        ("OPENCLAW_STATE_DIR", "{state-dir}"),
        ("OPENCLAW_CONFIG_PATH", "{config}"),
        ("OPENCLAW_SKIP_CHANNELS", "1"),
        ("OPENCLAW_SKIP_CRON", "1"),
        ("OPENCLAW_NO_RESPAWN", "1"),
        ("OPENCLAW_DISABLE_BONJOUR", "1"),
        ("NO_COLOR", "1"),
        // In many releases, a bundled plugin has npm download a program at every start. A run uses loopback only, so
        // the plugin is off.
        ("npm_config_offline", "true"),
    ];
    let entry = package.directory.join("openclaw.mjs").to_string_lossy().into_owned();
    let arguments = [entry.as_str(), "gateway", "run", "--port", "{port}"];
    Program {
        command: node.to_string_lossy().into_owned(),
        arguments: arguments.map(str::to_owned).to_vec(),
        environment: fixed.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        flags: Flags::default(),
        config: ConfigTemplate::OpenClaw,
        // Settings that prevent requests to other machines, and the path of the log.
        defaults: json!({
            "update": { "checkOnStart": false },
            "discovery": { "mdns": { "mode": "off" } },
            "logging": { "file": "{temp}/gateway.log" },
        }),
        files: Vec::new(),
        before: Vec::new(),
        stop: Vec::new(),
        further_ports: Vec::new(),
        // A `connect` works for every release, but a challenge is cheaper.
        placeholders: Placeholders::default(),
        readiness: if facts.listens_early { Readiness::Connect } else { Readiness::Challenge },
        path: "/".to_owned(),
        store: StoreAccess::StateDirectory,
        // 2026.3.13 spends half a minute of processor time on this at each start.
        jiti_cache: Some(cache.jiti_cache()),
        answer: DEFAULT_ANSWER_TIMEOUT,
    }
}

/// Returns the properties and the capabilities of a release from npm.
pub(super) fn profile(release: Release) -> Profile {
    let facts = Facts::nearest(release).program;
    let unsupported = [Capability::PeerAddress, Capability::Clock];
    let can: BTreeSet<_> =
        Capability::ALL.iter().copied().filter(|capability| !unsupported.contains(capability)).collect();
    Profile {
        claims: Some(release),
        can,
        notes: if facts.keeps_its_log { Vec::new() } else { vec![LOGS_ELSEWHERE.to_owned()] },
        links: vec![format!("https://www.npmjs.com/package/openclaw/v/{release}")],
        ..Profile::new(GatewayKind::Spawned, format!("openclaw@{release}"), "openclaw".to_owned())
    }
}
