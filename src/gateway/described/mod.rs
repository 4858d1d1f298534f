//! Gateways that are not ours, by a YAML file: how to start one, when it is ready, what it claims and what it lacks.

mod built_in;
mod fault;
mod file;
#[cfg(test)]
mod mutants;

pub use fault::DescriptionError;

use super::limits::TimeLimits;
use super::openclaw;
use super::prepare::{Listener, Preparation, PrepareError};
use super::profile::{Capability, Kind, Profile};
use super::spawned::template::Values;
use super::spawned::{ANSWER, ConfigTemplate, Program};
use file::{Config, Description, Npm, Store};
use std::collections::BTreeSet;
use std::path::Path;

/// Reads a description, or takes the built-in one of this name, and installs the npm package that it names.
pub(super) async fn prepare(
    named: &Path,
    preparation: &Preparation,
    listener: Listener<'_>,
) -> Result<(Profile, Program, TimeLimits), PrepareError> {
    let (name, text) = built_in::find(named)?;
    let description = file::parse(&name, &text)?;
    // The parent of a bare file name is empty, and means the working directory.
    let here = named.parent().map(|parent| Path::new(".").join(parent));
    let mut places = Places { here, ..Places::default() };
    if let Some(Npm { package, version, overrides, beside }) = &description.npm {
        let wanted = openclaw::Wanted { name: package, version: &version.value, overrides, beside };
        let installed = openclaw::prepare_package(&wanted, preparation, listener).await?;
        places.node = Some(installed.node);
        places.package = Some(installed.directory);
        places.compiled = Some(installed.compiled);
        places.translated = Some(installed.translated);
    }
    Ok((profile(&description), program(&description, &places), description.timeouts))
}

/// What is known before a launch.
#[derive(Debug, Default)]
struct Places {
    here: Option<std::path::PathBuf>,
    node: Option<std::path::PathBuf>,
    package: Option<std::path::PathBuf>,
    /// Where the starts of an npm package keep what Node has compiled and jiti has translated: a start from nothing takes ten
    /// times as long.
    compiled: Option<std::path::PathBuf>,
    translated: Option<std::path::PathBuf>,
}

impl Places {
    fn fill(&self, text: &str) -> String {
        let shown = |path: &Option<std::path::PathBuf>| {
            path.as_deref().map(|path| {
                std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
            })
        };
        let mut text = text.to_owned();
        for (placeholder, path) in [("{here}", &self.here), ("{node}", &self.node), ("{package}", &self.package)] {
            if let Some(path) = shown(path) {
                text = text.replace(placeholder, &path);
            }
        }
        text
    }
}

fn program(description: &Description, places: &Places) -> Program {
    let compiled = places.compiled.iter().map(|path| ("NODE_COMPILE_CACHE".to_owned(), path.display().to_string()));
    let pairs = description.env.iter().map(|(name, value)| (name.clone(), places.fill(&value.value)));
    Program {
        command: places.fill(&description.command.value),
        arguments: description.args.iter().map(|argument| places.fill(&argument.value)).collect(),
        // What the description says comes last, and counts.
        environment: compiled.chain(pairs).collect(),
        config: match &description.config.value {
            Config::OpenClaw => ConfigTemplate::OpenClaw,
            Config::None => ConfigTemplate::None,
            Config::Text(text) => ConfigTemplate::Literal(places.fill(text)),
        },
        defaults: description.defaults.clone(),
        readiness: description.ready.value.clone(),
        path: description.path.value.clone(),
        store: description.store == Store::OpenClaw,
        translated: places.translated.clone(),
        answer: ANSWER,
    }
}

fn profile(description: &Description) -> Profile {
    let lacks: BTreeSet<_> = description.lacks.iter().copied().collect();
    let mut beyond_us = BTreeSet::from([Capability::PeerAddress, Capability::Clock, Capability::OtherRelease]);
    let mut notes = Vec::new();
    if description.store == Store::None {
        beyond_us.extend([Capability::StoreRead, Capability::StoreWrite]);
        notes.push("clawcheck cannot read its store and does not observe what it writes".to_owned());
    }
    if description.config.value != Config::OpenClaw {
        beyond_us.insert(Capability::Config);
        notes.push("it uses the settings of its description, not those of the scenarios".to_owned());
    }
    if !description.ran {
        notes.push("its description follows its documentation; nobody has run clawcheck with it".to_owned());
    }
    let absent = |capability: &Capability| lacks.contains(capability) || beyond_us.contains(capability);
    Profile {
        kind: Kind::Spawned,
        name: description.gateway.clone(),
        program: description.gateway.clone(),
        claims: Some(description.claims.value),
        can: Capability::ALL.into_iter().filter(|capability| !absent(capability)).collect(),
        lacks,
        notes,
        links: description.links.clone(),
    }
}

/// The placeholders of a description: those of a launch, and those that are known before.
fn known_placeholder(name: &str) -> bool {
    Values::NAMES.contains(&name) || ["here", "node", "package"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_description_parses() {
        for (name, text) in built_in::ALL {
            let description = file::parse(name, text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(description.gateway, name, "a description is found by its name");
        }
    }

    #[tokio::test]
    async fn here_is_the_directory_of_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("x.yaml");
        std::fs::write(&file, "gateway: x\nabout: y\ncommand: \"{here}/z\"\nclaims: 2026.4.2\n").unwrap();
        let (_, program, _) = prepare(&file, &Preparation::default(), &|_| {}).await.unwrap();
        assert_eq!(Path::new(&program.command), directory.path().join("z"));
        let places = Places {
            here: Path::new("x.yaml").parent().map(|parent| Path::new(".").join(parent)),
            ..Places::default()
        };
        assert_eq!(Path::new(&places.fill("{here}")), std::env::current_dir().unwrap());
    }

    #[test]
    fn what_it_lacks_it_cannot() {
        let text = "gateway: x\nabout: y\ncommand: z\nclaims: 2026.4.2\nlacks: [pairing]\nstore: none\nconfig: none\n";
        let profile = profile(&file::parse("x.yaml", text).unwrap());
        assert!(
            !profile.can(Capability::Pairing)
                && !profile.can(Capability::StoreRead)
                && !profile.can(Capability::Config)
        );
        assert!(profile.can(Capability::Restart));
        assert_eq!(profile.lacks, BTreeSet::from([Capability::Pairing]));
    }
}
