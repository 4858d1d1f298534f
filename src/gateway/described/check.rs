//! Checks rules of a description that the types do not express, such as invalid combinations of keys.

use super::description::{Config, Description};
use super::error::{DescriptionError, Source};
use super::flags;
use super::foreign;
use super::placeholder::known_placeholder;
use super::store;
use crate::gateway::profile::Capability;
use crate::gateway::profile::flags::VALUE;
use crate::gateway::spawned::readiness::Readiness;
use crate::gateway::template::{AT_LAUNCH, words_in_braces};
use crate::suggestions::{choices, nearest_within};
use serde_saphyr::{Location, Spanned};

/// Variables that give a gateway access to the files of the user. clawcheck sets them for each case.
const OWN_VARIABLES: [&str; 2] = ["HOME", "TMPDIR"];
/// The directories of a case, in which files can be placed.
const FOLDERS: [&str; 3] = ["{home}/", "{state-dir}/", "{temp}/"];
/// The maximum number of files.
const MAX_FILES: usize = 100;
/// Placeholders of a package. Only an npm package has a Node.
const OF_PACKAGE: [&str; 2] = ["node", "package"];

/// Checks a description.
pub(super) fn check(source: &Source<'_>, description: &Description) -> Result<(), DescriptionError> {
    placeholders(source, description)?;
    variables(source, description)?;
    files(source, description)?;
    programs(source, description)?;
    foreign::check(source, description.npm.is_some(), description.pip.as_ref(), description.cargo.as_ref())?;
    flags::check(source, &description.flags, description.config.value == Config::OpenClaw)?;
    store::check(source, &description.store)?;
    let waits_for_challenge = matches!(description.ready.value, Readiness::Challenge | Readiness::Connect);
    if waits_for_challenge && description.lacks.contains(&Capability::Challenge) {
        let message = "`ready` waits for a challenge, but `lacks` says that the gateway sends none";
        let help = "use `websocket`, `tcp`, or `log` with a part of a log line";
        return Err(source.error_at(description.ready.referenced, message, Some(help.to_owned())));
    }
    if let Some(folder) = description.snapshots.as_ref().filter(|folder| folder.value.trim().is_empty()) {
        return Err(source.error_at(folder.referenced, "`snapshots` must name a folder", None));
    }
    if !description.path.value.starts_with('/') {
        return Err(source.error_at(description.path.referenced, "`path` must start with `/`", None));
    }
    Ok(())
}

fn placeholders(source: &Source<'_>, description: &Description) -> Result<(), DescriptionError> {
    for text in description.placeholder_texts() {
        let mut words = words_in_braces(&text.value);
        if let Some(name) = words.find(|name| !known_placeholder(name)) {
            return Err(unknown_placeholder(source, text.referenced, name, &[]));
        }
    }
    for text in description.flags.words() {
        let mut words = words_in_braces(&text.value);
        if let Some(name) = words.find(|name| *name != VALUE && !known_placeholder(name)) {
            return Err(unknown_placeholder(source, text.referenced, name, &[VALUE]));
        }
    }
    let files = description.files.iter().map(|(path, text)| (text.referenced, [path, &text.value]));
    let config = match &description.config.value {
        Config::Text(text) => Some((description.config.referenced, [text, text])),
        Config::OpenClaw | Config::None => None,
    };
    // The text of a file can contain other braces, so only a word that looks like a misspelled placeholder is an error.
    // `{mode}` and `{code}` are common in such texts, so `node` is not compared.
    let known = every_placeholder().into_iter().filter(|name| *name != "node").collect::<Vec<_>>();
    for (at, name) in files
        .chain(config)
        .flat_map(|(at, texts)| texts.into_iter().flat_map(|text| words_in_braces(text)).map(move |name| (at, name)))
    {
        let resembles = || name.len() > 3 && nearest_within(1, name, known.iter().copied()).is_some();
        if !known_placeholder(name) && resembles() {
            return Err(unknown_placeholder(source, at, name, &[]));
        }
    }
    of_package(source, description)
}

fn every_placeholder() -> Vec<&'static str> {
    AT_LAUNCH.into_iter().chain(["here"]).chain(OF_PACKAGE).collect()
}

/// `here` are the placeholders that only this key has.
fn unknown_placeholder(source: &Source<'_>, at: Location, name: &str, here: &[&str]) -> DescriptionError {
    let known = here.iter().copied().chain(every_placeholder());
    let shown = known.map(|name| format!("{{{name}}}")).collect::<Vec<_>>();
    let names = shown.iter().map(String::as_str).collect::<Vec<_>>();
    let help = choices(&format!("{{{name}}}"), &names);
    source.error_at(at, format!("unknown placeholder `{{{name}}}`"), Some(help))
}

fn of_package(source: &Source<'_>, description: &Description) -> Result<(), DescriptionError> {
    let has = |name: &str| {
        description.npm.is_some() || (name == "package" && (description.pip.is_some() || description.cargo.is_some()))
    };
    let words = description.placeholder_texts().chain(description.flags.words()).chain(description.store.words());
    for text in words.chain(description.files.values()) {
        if let Some(name) = words_in_braces(&text.value).find(|name| OF_PACKAGE.contains(name) && !has(name)) {
            let (package, keys) =
                if name == "node" { ("an npm package", "`npm`") } else { ("a package", "`npm`, `pip` or `cargo`") };
            let help = format!("name the package and its version under {keys}");
            return Err(source.error_at(text.referenced, format!("`{{{name}}}` needs {package}"), Some(help)));
        }
    }
    Ok(())
}

fn variables(source: &Source<'_>, description: &Description) -> Result<(), DescriptionError> {
    let help =
        "clawcheck sets it, so that each case has its own directories; use {home} and {temp} in arguments and files";
    for (name, value) in &description.env {
        if OWN_VARIABLES.contains(&name.as_str()) {
            return Err(source.error_at(value.referenced, format!("`env` cannot set `{name}`"), Some(help.to_owned())));
        }
    }
    for Spanned { value: name, referenced, .. } in &description.pass_env {
        let (message, help) = if OWN_VARIABLES.contains(&name.as_str()) {
            (format!("`pass-env` cannot pass `{name}`"), help)
        } else if name.is_empty() || name.contains(['=', '\0']) {
            (
                format!("`{name}` is not the name of a variable"),
                "list only the name; the value comes from your environment",
            )
        } else if description.env.contains_key(name) {
            (format!("`env` already sets `{name}`"), "remove one of the two")
        } else {
            continue;
        };
        return Err(source.error_at(*referenced, message, Some(help.to_owned())));
    }
    Ok(())
}

fn files(source: &Source<'_>, description: &Description) -> Result<(), DescriptionError> {
    for (number, (path, text)) in description.files.iter().enumerate() {
        let (message, help) = if number >= MAX_FILES {
            (format!("`files` has more than {MAX_FILES} entries"), "list fewer files".to_owned())
        } else if path.split('/').any(|part| part == "..") {
            (format!("the path `{path}` must not contain `..`"), "name a file below a directory of the case".to_owned())
        } else if !FOLDERS.iter().any(|folder| path.strip_prefix(folder).is_some_and(|rest| !rest.is_empty())) {
            let help = format!("write for example `{{home}}/{}`", path.trim_start_matches(['/', '~']));
            (format!("the path `{path}` must start with {}", FOLDERS.join(", ")), help)
        } else {
            continue;
        };
        return Err(source.error_at(text.referenced, message, Some(help)));
    }
    Ok(())
}

fn programs(source: &Source<'_>, description: &Description) -> Result<(), DescriptionError> {
    let named = [
        ("command", Some(&description.command)),
        ("before", description.before.first()),
        ("stop", description.stop.first()),
    ];
    for (key, program) in named {
        if let Some(program) = program.filter(|program| program.value.trim().is_empty()) {
            return Err(source.error_at(program.referenced, format!("`{key}` must name a program"), None));
        }
    }
    Ok(())
}
