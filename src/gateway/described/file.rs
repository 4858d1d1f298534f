//! The form of a description file.

use super::error::{DescriptionError, Source};
use crate::gateway::limits::TimeLimits;
use crate::gateway::profile::Capability;
use crate::gateway::spawned::probe::Readiness;
use crate::gateway::spawned::template::unknown_placeholder;
use crate::scenario::text::TimeSpan;
use indexmap::IndexMap;
use openclaw_model::Release;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use serde_saphyr::{Location, Spanned};
use std::collections::BTreeMap;
use std::time::Duration;

/// A gateway that is not ours.
#[derive(Debug, Clone)]
pub(super) struct Description {
    pub(super) gateway: String,
    pub(super) links: Vec<String>,
    pub(super) claims: Spanned<Release>,
    pub(super) lacks: Vec<Capability>,
    pub(super) ran: bool,
    pub(super) npm: Option<Npm>,
    pub(super) command: Spanned<String>,
    pub(super) args: Vec<Spanned<String>>,
    pub(super) env: IndexMap<String, Spanned<String>>,
    pub(super) config: Spanned<Config>,
    pub(super) defaults: Value,
    pub(super) ready: Spanned<Readiness>,
    pub(super) path: Spanned<String>,
    pub(super) store: Store,
    pub(super) timeouts: TimeLimits,
}

/// An npm package to install first; `{package}` and `{node}` then stand for it and for a Node that it runs on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Npm {
    pub(super) package: String,
    pub(super) version: Spanned<String>,
    #[serde(default)]
    pub(super) overrides: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) beside: Vec<String>,
}

/// What it reads its settings from, at `{config}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Config {
    /// The scenarios' `openclaw.json`.
    OpenClaw,
    /// Nothing.
    None,
    /// This text.
    Text(String),
}

/// Where it keeps its pairing store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Store {
    /// In `{state-dir}`, as OpenClaw does.
    #[default]
    OpenClaw,
    /// Elsewhere, or in another form.
    None,
}

/// The file as it is read, before what it says is looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    gateway: Spanned<String>,
    about: String,
    #[serde(default)]
    links: Vec<String>,
    claims: Spanned<String>,
    #[serde(default)]
    lacks: Vec<Capability>,
    #[serde(default = "yes")]
    ran: bool,
    #[serde(default)]
    npm: Option<Npm>,
    command: Spanned<String>,
    #[serde(default)]
    args: Vec<Spanned<String>>,
    #[serde(default)]
    env: IndexMap<String, Spanned<String>>,
    #[serde(default)]
    config: Option<Spanned<Setting>>,
    #[serde(default)]
    defaults: Map<String, Value>,
    #[serde(default)]
    ready: Option<Spanned<Setting>>,
    #[serde(default)]
    path: Option<Spanned<String>>,
    #[serde(default)]
    store: Store,
    #[serde(default)]
    timeouts: Timeouts,
    // Read by `known`, with the list that `run --known` takes.
    #[serde(default, rename = "known")]
    _known: Option<IgnoredAny>,
    #[serde(default, rename = "observations")]
    _observations: Option<IgnoredAny>,
}

/// How long it may take; as lengths in scenarios.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Timeouts {
    #[serde(default)]
    answer: Option<Spanned<TimeSpan>>,
    #[serde(default)]
    start: Option<Spanned<TimeSpan>>,
    #[serde(default)]
    stop: Option<Spanned<TimeSpan>>,
}

fn yes() -> bool {
    true
}

/// One word, or one key with a text.
#[derive(Debug, Clone)]
enum Setting {
    Plain(String),
    With(String, String),
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Setting;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a word, or a map with one key")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Setting, E> {
                Ok(Setting::Plain(text.to_owned()))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Setting, A::Error> {
                let entry = map.next_entry::<String, String>()?;
                let (key, text) = entry.ok_or_else(|| serde::de::Error::custom("the map is empty"))?;
                match map.next_key::<String>()? {
                    None => Ok(Setting::With(key, text)),
                    Some(second) => Err(serde::de::Error::custom(format!("unexpected second key `{second}`"))),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Nesting above which a file is no description: each level takes the stack of the reader.
const MAX_DEPTH: usize = 32;

fn options() -> serde_saphyr::Options {
    let mut options = serde_saphyr::Options::default();
    if let Some(budget) = &mut options.budget {
        budget.max_depth = MAX_DEPTH;
    }
    options
}

/// Reads a description. `name` is what faults call the file.
pub(super) fn parse(name: &str, text: &str) -> Result<Description, DescriptionError> {
    let source = Source { name, text };
    let raw: Raw = serde_saphyr::from_str_with_options(text, options()).map_err(|error| match is_scenario(text) {
        true => DescriptionError::SomethingElse { path: name.into(), is: "a scenario" },
        false => source.yaml(&error),
    })?;
    if raw.about.trim().is_empty() || raw.gateway.value.trim().is_empty() {
        return Err(source.error_at(raw.gateway.referenced, "`gateway` and `about` must not be empty", None));
    }
    let claims = raw.claims.value.parse::<Release>().map_err(|error| {
        source.error_at(
            raw.claims.referenced,
            error.to_string(),
            Some("write the release that the gateway claims to be compatible with".to_owned()),
        )
    })?;
    let without_challenge = raw.lacks.contains(&Capability::Challenge);
    let readiness_unsaid = if without_challenge { Readiness::WebSocket } else { Readiness::Challenge };
    let description = Description {
        gateway: raw.gateway.value,
        links: raw.links,
        claims: replace(&raw.claims.referenced, claims),
        lacks: raw.lacks,
        ran: raw.ran,
        npm: raw.npm,
        command: raw.command,
        args: raw.args,
        env: raw.env,
        config: word(raw.config, Config::OpenClaw, |word| config(&source, word))?,
        defaults: Value::Object(raw.defaults),
        ready: word(raw.ready, readiness_unsaid, |word| readiness(&source, word))?,
        path: raw.path.unwrap_or_else(|| replace(&Location::UNKNOWN, "/".to_owned())),
        store: raw.store,
        timeouts: TimeLimits {
            answer: time_limit(&source, raw.timeouts.answer.as_ref())?,
            start: time_limit(&source, raw.timeouts.start.as_ref())?,
            stop: time_limit(&source, raw.timeouts.stop.as_ref())?,
        },
    };
    check(&source, &description)?;
    Ok(description)
}

/// Whether this is a scenario, which has a title or steps and starts no program.
fn is_scenario(text: &str) -> bool {
    let keys = serde_saphyr::from_str_with_options::<Map<String, Value>>(text, options()).unwrap_or_default();
    ["scenario", "steps"].into_iter().any(|key| keys.contains_key(key)) && !keys.contains_key("command")
}

fn replace<T>(at: &Location, value: T) -> Spanned<T> {
    Spanned::new(value, *at, *at)
}

fn word<T>(
    word: Option<Spanned<Setting>>,
    default: T,
    read: impl FnOnce(&Spanned<Setting>) -> Result<T, DescriptionError>,
) -> Result<Spanned<T>, DescriptionError> {
    match word {
        None => Ok(replace(&Location::UNKNOWN, default)),
        Some(word) => Ok(replace(&word.referenced, read(&word)?)),
    }
}

/// A time limit: no shorter than a millisecond, since nothing could ever be in time.
fn time_limit(source: &Source<'_>, said: Option<&Spanned<TimeSpan>>) -> Result<Option<Duration>, DescriptionError> {
    match said {
        Some(said) if said.value.milliseconds == 0 => {
            Err(source.error_at(said.referenced, "a timeout must be greater than 0", None))
        }
        said => Ok(said.map(|said| Duration::from_millis(said.value.milliseconds))),
    }
}

fn config(source: &Source<'_>, word: &Spanned<Setting>) -> Result<Config, DescriptionError> {
    match &word.value {
        Setting::Plain(plain) if plain == "openclaw" => Ok(Config::OpenClaw),
        Setting::Plain(plain) if plain == "none" => Ok(Config::None),
        Setting::With(key, text) if key == "text" => Ok(Config::Text(text.clone())),
        Setting::Plain(other) | Setting::With(other, _) => {
            let message = format!("unknown configuration `{other}`");
            Err(source.error_at(
                word.referenced,
                message,
                Some("expected openclaw, none, or text: followed by the file's text".into()),
            ))
        }
    }
}

fn readiness(source: &Source<'_>, word: &Spanned<Setting>) -> Result<Readiness, DescriptionError> {
    Ok(match &word.value {
        Setting::Plain(plain) if plain == "challenge" => Readiness::Challenge,
        Setting::Plain(plain) if plain == "connect" => Readiness::Connect,
        Setting::Plain(plain) if plain == "websocket" => Readiness::WebSocket,
        Setting::Plain(plain) if plain == "tcp" => Readiness::Tcp,
        Setting::With(key, text) if key == "log" && !text.is_empty() => Readiness::LogLine(text.clone()),
        Setting::Plain(other) | Setting::With(other, _) => {
            let message = format!("unknown readiness check `{other}`");
            let help = "expected challenge, connect, websocket, tcp, or log: followed by a part of a log line";
            return Err(source.error_at(word.referenced, message, Some(help.to_owned())));
        }
    })
}

/// What is right by itself and wrong together.
fn check(source: &Source<'_>, description: &Description) -> Result<(), DescriptionError> {
    let texts = std::iter::once(&description.command).chain(&description.args).chain(description.env.values());
    for text in texts.chain(std::iter::once(&description.path)) {
        if let Some(name) = unknown_placeholder(&text.value, super::known_placeholder) {
            let help =
                "placeholders: {port} {state-dir} {config} {home} {temp} {token} {password} {here} {node} {package}";
            return Err(source.error_at(
                text.referenced,
                format!("unknown placeholder `{{{name}}}`"),
                Some(help.to_owned()),
            ));
        }
        let of_npm = ["{node}", "{package}"].into_iter().find(|placeholder| text.value.contains(placeholder));
        if let (Some(placeholder), None) = (of_npm, &description.npm) {
            let message = format!("`{placeholder}` needs an npm package");
            return Err(source.error_at(
                text.referenced,
                message,
                Some("name the package and its version under `npm`".into()),
            ));
        }
    }
    if description.command.value.trim().is_empty() {
        return Err(source.error_at(description.command.referenced, "`command` must name a program", None));
    }
    let waits_for_challenge = matches!(description.ready.value, Readiness::Challenge | Readiness::Connect);
    if waits_for_challenge && description.lacks.contains(&Capability::Challenge) {
        let message = "`ready` waits for a challenge, but `lacks` says that the gateway sends none";
        let help = "use websocket, tcp, or log: followed by a part of a log line";
        return Err(source.error_at(description.ready.referenced, message, Some(help.to_owned())));
    }
    if !description.path.value.starts_with('/') {
        return Err(source.error_at(description.path.referenced, "`path` must start with `/`", None));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const GOOD: &str = "gateway: x\nabout: y\nclaims: 2026.4.2\ncommand: z\n";

    #[test]
    fn the_shortest_one_has_defaults() {
        let description = parse("x.yaml", GOOD).unwrap();
        assert_eq!(description.ready.value, Readiness::Challenge);
        assert_eq!((description.config.value, description.store), (Config::OpenClaw, Store::OpenClaw));
        assert_eq!(description.path.value, "/");
        assert_eq!(description.timeouts, TimeLimits::default());
    }

    #[test]
    fn reads_time_limits() {
        let description = parse("x.yaml", &format!("{GOOD}timeouts: {{ answer: 500ms, start: 2m }}\n")).unwrap();
        let limits =
            TimeLimits { answer: Some(Duration::from_millis(500)), start: Some(Duration::from_secs(120)), stop: None };
        assert_eq!(description.timeouts, limits);
    }

    #[test]
    fn without_a_challenge_a_gateway_is_ready_once_it_upgrades() {
        let description = parse("x.yaml", &format!("{GOOD}lacks: [challenge]\n")).unwrap();
        assert_eq!(description.ready.value, Readiness::WebSocket);
    }

    #[rstest]
    #[case("arguments: [a]", "arguments", "unknown key")]
    #[case("args: [\"--dir={state_dir}\"]", "\"--dir={state_dir}\"", "unknown placeholder")]
    #[case("args: [\"{package}/x.js\"]", "\"{package}/x.js\"", "needs an npm package")]
    #[case("ready: soon", "soon", "unknown readiness check")]
    #[case("ready: {log: a, tcp: b}", "", "unexpected second key `tcp`")]
    #[case("config: toml", "toml", "unknown configuration")]
    #[case("path: ws", "ws", "must start with `/`")]
    #[case("lacks: [pairings]", "pairings", "unknown value")]
    #[case("gateway: again", "gateway", "gateway")]
    #[case("lacks: [challenge]\nready: connect", "connect", "sends none")]
    #[case("timeouts: { answer: 5 }", "5", "not a duration")]
    #[case("timeouts: { start: 0s }", "0s", "greater than 0")]
    #[case("timeouts: { answers: 5s }", "answers", "unknown key")]
    fn says_what_is_wrong_and_where(#[case] line: &str, #[case] at: &str, #[case] says: &str) {
        let text = format!("{GOOD}{line}\n");
        let error = parse("x.yaml", &text).unwrap_err();
        let DescriptionError::Invalid(error) = &error else { panic!("{error}") };
        let (message, span) = (&error.message, error.span);
        assert!(message.contains(says), "{message}");
        let marked = &text[span.offset()..span.offset() + span.len()];
        assert!(marked.starts_with(at), "{message}: {marked:?}");
    }

    #[rstest]
    #[case("clams: 2026.4.2", "did you mean `claims`?")]
    #[case("lacks: [pairng]", "did you mean `pairing`?")]
    #[case("npm: { package: a, verson: 1 }", "did you mean `version`?")]
    #[case("store: opnclaw", "did you mean `openclaw`?")]
    fn asks_for_what_was_meant(#[case] line: &str, #[case] asks: &str) {
        let error = parse("x.yaml", &format!("{GOOD}{line}\n")).unwrap_err();
        let DescriptionError::Invalid(error) = &error else { panic!("{error}") };
        let help = error.help.as_deref().unwrap_or_default();
        assert!(help.starts_with(asks), "{error}: {help}");
    }

    #[rstest]
    #[case("args: [--port, {port}]", "quote it: \"{port}\"")]
    #[case("args:\n  - {state-dir}", "quote it: \"{state-dir}\"")]
    #[case("env: { PORT: {port} }", "quote it: \"{port}\"")]
    #[case("path: {here}/x", "quote it: \"{here}/x\"")]
    #[case("path: {port}", "quote it: \"{port}\"")]
    fn a_placeholder_without_quotes_is_told_to_have_some(#[case] line: &str, #[case] help: &str) {
        let error = parse("x.yaml", &format!("{GOOD}{line}\n")).unwrap_err();
        let DescriptionError::Invalid(error) = &error else { panic!("{error}") };
        assert_eq!(error.help.as_deref(), Some(help), "{error}: {:?}", error.span);
    }

    #[rstest]
    #[case("scenario: x\nsteps: []\n", true)]
    #[case("steps: []\ngateway: { bind: lan }\n", true)]
    #[case("gateway: x\nabout: y\nclaims: 2026.4.2\ncommand: z\nsteps: []\n", false)]
    #[case("steps: [\n", false)]
    fn a_scenario_is_told_from_a_wrong_description(#[case] text: &str, #[case] scenario: bool) {
        let error = parse("x.yaml", text).unwrap_err();
        assert_eq!(matches!(error, DescriptionError::SomethingElse { .. }), scenario, "{error}");
    }

    #[test]
    fn a_missing_key_and_a_wrong_release_are_faults() {
        assert!(
            parse("x.yaml", "gateway: x\nabout: y\nclaims: 2026.4.2\n").unwrap_err().to_string().contains("command")
        );
        let error = parse("x.yaml", &GOOD.replace("2026.4.2", "latest")).unwrap_err();
        assert!(error.to_string().contains("latest"));
    }
}
