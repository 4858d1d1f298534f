//! Gateways from description files. A description says how to start a gateway, when the gateway is ready, which
//! release it claims to implement, and which features it lacks.

mod built_in;
mod check;
mod description;
mod error;
mod file;
mod flags;
mod foreign;
#[cfg(test)]
mod mutants;
mod placeholder;
mod raw;
pub(crate) mod schema;
mod store;

pub(crate) use error::DescriptionError;

use super::openclaw::{self, InstallError, InstallRequest, Installed};
use super::prepare::{Preparation, PrepareListener};
use super::profile::limits::TimeLimits;
use super::profile::{Capability, GatewayKind, Profile};
use super::spawned::{ConfigTemplate, DEFAULT_ANSWER_TIMEOUT, Program};
use super::template::{Placeholders, further_ports};
use description::{Config, Description};
use raw::Npm;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use store::Store;

/// Why the gateway of a description cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub(super) enum DescribedError {
    /// The description is not valid.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// The package of the description cannot be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
}

/// Reads a description from a file, or selects the built-in description of this name. Installs the packages that the
/// description names.
pub(super) async fn prepare(
    named: &Path,
    preparation: &Preparation,
    listener: PrepareListener<'_>,
) -> Result<(Profile, Program, TimeLimits), DescribedError> {
    let (name, text) = built_in::find(named)?;
    let description = file::parse(&name, &text)?;
    let mut placeholders = Placeholders::default();
    placeholders.set("here", absolute(&folder_of(named)));
    let mut installed = None;
    if let Some(Npm { package, version, overrides, beside }) = &description.npm {
        let beside = beside.iter().map(String::as_str).collect::<Vec<_>>();
        let flags = &openclaw::RELEASE_FLAGS;
        let request = InstallRequest { name: package, version: &version.value, beside: &beside, overrides, flags };
        let found = openclaw::prepare_package(&request, preparation, listener).await?;
        placeholders.set("node", absolute(&found.node));
        placeholders.set("package", absolute(&found.directory));
        installed = Some(found);
    }
    let mut program = program(&description, &name, placeholders, installed.as_ref());
    if let Some(package) = foreign::package(description.pip.as_ref(), description.cargo.as_ref()) {
        let directory = openclaw::prepare_foreign(&package, preparation, listener).await?;
        program.placeholders.set("package", absolute(&directory));
        // First, so that the values of the description take precedence.
        program.environment.insert(0, foreign::path_variable(&directory));
    }
    Ok((profile(&description, named), program, description.timeouts))
}

/// The profile of a description, without the installation of its package.
pub(super) fn profile_of(named: &Path) -> Result<Profile, DescriptionError> {
    let (name, text) = built_in::find(named)?;
    Ok(profile(&file::parse(&name, &text)?, named))
}

/// The name and the text of a description.
pub(super) fn text_of(named: &Path) -> Result<(String, String), DescriptionError> {
    built_in::find(named)
}

/// Checks that a text is a valid description.
///
/// # Errors
/// Returns the first error and its position.
pub(crate) fn check_description(name: &str, text: &str) -> Result<(), DescriptionError> {
    file::parse(name, text).map(drop)
}

/// The folder of a description. A bare file name has an empty parent, which means the working directory.
fn folder_of(named: &Path) -> PathBuf {
    Path::new(".").join(named.parent().unwrap_or(Path::new("")))
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}

fn program(
    description: &Description,
    name: &str,
    placeholders: Placeholders,
    installed: Option<&Installed>,
) -> Program {
    // The starts of an npm package share Node's compile cache. A start without the cache takes ten times as long.
    let compile_cache = installed.map(|installed| &installed.compile_cache);
    let compile_cache = compile_cache.map(|path| ("NODE_COMPILE_CACHE".to_owned(), path.display().to_string()));
    let passed = passed(description).into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let pairs = description.env.iter().map(|(name, value)| (name.clone(), value.value.clone()));
    Program {
        command: description.command.value.clone(),
        arguments: description.args.iter().map(|argument| argument.value.clone()).collect(),
        // The variables of the description come last, so they override the others.
        environment: compile_cache.into_iter().chain(passed).chain(pairs).collect(),
        flags: description.flags.flags(),
        config: match &description.config.value {
            Config::OpenClaw => ConfigTemplate::OpenClaw,
            Config::None => ConfigTemplate::None,
            Config::Text(text) => ConfigTemplate::Literal(text.clone()),
        },
        defaults: description.defaults.clone(),
        files: description.files.iter().map(|(path, text)| (path.clone(), text.value.clone())).collect(),
        before: description.before.iter().map(|word| word.value.clone()).collect(),
        stop: description.stop.iter().map(|word| word.value.clone()).collect(),
        further_ports: ports(description),
        placeholders,
        readiness: description.ready.value.clone(),
        path: description.path.value.clone(),
        store: description.store.access(name),
        jiti_cache: installed.map(|installed| installed.jiti_cache.clone()),
        answer: DEFAULT_ANSWER_TIMEOUT,
    }
}

/// Returns the variables that the gateway gets from the caller, with their values. Variables that are not set are
/// left out.
fn passed(description: &Description) -> Vec<(&str, Option<String>)> {
    let names = description.pass_env.iter().map(|name| name.value.as_str());
    names.map(|name| (name, std::env::var(name).ok())).collect()
}

/// Returns the additional ports that a description names.
fn ports(description: &Description) -> Vec<u16> {
    let config = match &description.config.value {
        Config::Text(text) => Some(text),
        Config::OpenClaw | Config::None => None,
    };
    let phrases = description.placeholder_texts().chain(description.flags.words());
    let texts = phrases.chain(description.files.values()).map(|text| &text.value).chain(config);
    let defaults = description.defaults.to_string();
    let texts = texts.chain([&defaults]).collect::<Vec<_>>();
    let named = |name: &str| texts.iter().any(|text| text.contains(&format!("{{{name}}}")));
    further_ports().filter(|(name, _)| named(name)).map(|(_, above)| above).collect()
}

fn profile(description: &Description, named: &Path) -> Profile {
    let lacks: BTreeSet<_> = description.lacks.iter().flat_map(|lack| lack.with_dependents()).collect();
    let mut unsupported = BTreeSet::from([Capability::PeerAddress, Capability::Clock, Capability::OtherRelease]);
    let mut notes = Vec::new();
    unsupported.extend(description.store.unsupported());
    if matches!(description.store, Store::None) {
        notes.push("clawcheck cannot read its store and does not observe what it writes".to_owned());
    }
    if description.config.value != Config::OpenClaw {
        unsupported.insert(Capability::Config);
        notes.push(match description.flags.flags().settings().collect::<Vec<_>>() {
            settings if settings.is_empty() => {
                "it uses the settings of its description, not those of the scenarios".to_owned()
            }
            settings => format!("of the settings of the scenarios, it gets only {}", settings.join(", ")),
        });
    }
    if !description.ran {
        notes.push(
            "the description follows the gateway's documentation; nobody has run clawcheck with this gateway"
                .to_owned(),
        );
    }
    for (name, _) in passed(description).iter().filter(|(_, value)| value.is_none()) {
        notes.push(format!("`pass-env` lists {name}, but this variable is not set"));
    }
    let absent = |capability: &Capability| lacks.contains(capability) || unsupported.contains(capability);
    Profile {
        claims: Some(description.claims.value),
        can: Capability::ALL.iter().copied().filter(|capability| !absent(capability)).collect(),
        lacks,
        notes,
        links: description.links.clone(),
        proof: description.proof,
        secrets: passed(description).into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect(),
        ignore: description.ignore.clone(),
        flags: description.flags.flags(),
        snapshots: description.snapshots.as_ref().map(|folder| folder_of(named).join(&folder.value)),
        ..Profile::new(GatewayKind::Spawned, description.gateway.clone(), description.gateway.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_descriptions_parse() {
        for (name, text) in built_in::ALL {
            let description = file::parse(name, text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(description.gateway, name, "a description is found by its name");
        }
        let example = include_str!("../../../examples/store-commands/joyhousebot.yaml");
        file::parse("examples/store-commands/joyhousebot.yaml", example).unwrap();
    }

    #[tokio::test]
    async fn here_placeholder() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("x.yaml");
        std::fs::write(&file, "gateway: x\nabout: y\ncommand: \"{here}/z\"\nclaims: 2026.4.2\n").unwrap();
        let (_, program, _) = prepare(&file, &Preparation::default(), &|_| {}).await.unwrap();
        let command = program.placeholders.fill(&program.command);
        assert_eq!(Path::new(&command), directory.path().join("z"));
        assert_eq!(Path::new(&absolute(&folder_of(Path::new("x.yaml")))), std::env::current_dir().unwrap());
    }

    #[test]
    fn lacked_feature_is_not_a_capability() {
        let text = "gateway: x\nabout: y\ncommand: z\nclaims: 2026.4.2\nlacks: [pairing]\nstore: none\nconfig: none\n";
        let profile = profile(&file::parse("x.yaml", text).unwrap(), Path::new("x.yaml"));
        assert!(
            !profile.can(Capability::Pairing)
                && !profile.can(Capability::StoreRead)
                && !profile.can(Capability::Config)
        );
        assert!(profile.can(Capability::Restart));
        let tokens = profile.lacks.contains(&Capability::Tokens);
        assert!(tokens, "there are no tokens of devices that are not paired");
    }
}
