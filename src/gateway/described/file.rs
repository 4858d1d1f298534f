//! The form of a description file.

use super::check::check;
use super::description::{Config, Description};
use super::error::{DescriptionError, PLAY_SCENARIOS, Source};
use super::raw::{RawDescription, Setting};
use crate::gateway::profile::Capability;
use crate::gateway::profile::ignored::IgnoredField;
use crate::gateway::profile::limits::TimeLimits;
use crate::gateway::spawned::readiness::Readiness;
use crate::scenario::text::TimeSpan;
use openclaw_model::Release;
use serde_json::{Map, Value};
use serde_saphyr::{Location, Spanned};
use std::time::Duration;

/// The maximum nesting of a description. Each level needs stack space of the reader.
const MAX_DEPTH: usize = 32;

fn options() -> serde_saphyr::Options {
    let mut options = serde_saphyr::Options::default();
    if let Some(budget) = &mut options.budget {
        budget.max_depth = MAX_DEPTH;
    }
    options
}

/// Reads a description. `name` is the file name that errors show.
pub(super) fn parse(name: &str, text: &str) -> Result<Description, DescriptionError> {
    let source = Source { name, text };
    let raw: RawDescription =
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| match is_scenario(text) {
            true => {
                DescriptionError::SomethingElse { path: name.into(), is: "a scenario", help: PLAY_SCENARIOS.to_owned() }
            }
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
        pip: raw.pip,
        cargo: raw.cargo,
        command: raw.command,
        args: raw.args,
        flags: raw.flags,
        env: raw.env,
        pass_env: raw.pass_env,
        config: word(raw.config, Config::OpenClaw, |word| config(&source, word))?,
        defaults: Value::Object(raw.defaults),
        files: raw.files,
        before: raw.before,
        stop: raw.stop,
        ready: word(raw.ready, readiness_unsaid, |word| readiness(&source, word))?,
        path: raw.path.unwrap_or_else(|| replace(&Location::UNKNOWN, "/".to_owned())),
        store: raw.store,
        snapshots: raw.snapshots,
        proof: raw.proof,
        timeouts: TimeLimits {
            answer: time_limit(&source, raw.timeouts.answer.as_ref())?,
            start: time_limit(&source, raw.timeouts.start.as_ref())?,
            stop: time_limit(&source, raw.timeouts.stop.as_ref())?,
        },
        ignore: raw.ignore.iter().map(|field| ignored(&source, field)).collect::<Result<_, _>>()?,
    };
    check(&source, &description)?;
    Ok(description)
}

/// Whether the file is a scenario: it has a title or steps, and no command.
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

/// A time limit of at least one millisecond. No gateway could meet a shorter limit.
fn time_limit(source: &Source<'_>, limit: Option<&Spanned<TimeSpan>>) -> Result<Option<Duration>, DescriptionError> {
    match limit {
        Some(limit) if limit.value.milliseconds == 0 => {
            Err(source.error_at(limit.referenced, "a timeout must be greater than 0", None))
        }
        limit => Ok(limit.map(|limit| Duration::from_millis(limit.value.milliseconds))),
    }
}

fn ignored(source: &Source<'_>, field: &Spanned<String>) -> Result<IgnoredField, DescriptionError> {
    field.value.parse().map_err(|error: String| source.error_at(field.referenced, error, None))
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
        Setting::With(key, path) if key == "http" && path.starts_with('/') => Readiness::Http(path.clone()),
        Setting::With(key, path) if key == "http" => {
            let message = format!("the path `{path}` must start with `/`");
            return Err(source.error_at(word.referenced, message, None));
        }
        Setting::Plain(other) | Setting::With(other, _) => {
            let message = format!("unknown readiness check `{other}`");
            let help = "expected challenge, connect, websocket, tcp, log: with a part of a log line, or http: with a path such as /health";
            return Err(source.error_at(word.referenced, message, Some(help.to_owned())));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::described::Store;
    use crate::scenario::connect::ProofVersion;
    use rstest::rstest;

    const GOOD: &str = "gateway: x\nabout: y\nclaims: 2026.4.2\ncommand: z\n";

    #[test]
    fn minimal_description_has_defaults() {
        let description = parse("x.yaml", GOOD).unwrap();
        assert_eq!(description.ready.value, Readiness::Challenge);
        assert_eq!(description.config.value, Config::OpenClaw);
        assert!(matches!(description.store, Store::OpenClaw));
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
    fn parses_files_commands_and_ports() {
        let more = "args: [\"{port+1}\", \"{port+9}\"]\nfiles: { \"{home}/.x/a.json\": '{\"port\": {port}, \"x\": {y}}' }\n\
                    before: [z, init]\nstop: [z, stop]\nready: { http: /health }\npass-env: [KEY]\nproof: v2\n";
        let description = parse("x.yaml", &format!("{GOOD}{more}")).unwrap();
        assert_eq!(description.ready.value, Readiness::Http("/health".to_owned()));
        assert_eq!((description.before.len(), description.stop.len(), description.pass_env.len()), (2, 2, 1));
        assert_eq!(description.proof, Some(ProofVersion::V2));
    }

    #[test]
    fn readiness_without_challenge() {
        let description = parse("x.yaml", &format!("{GOOD}lacks: [challenge]\n")).unwrap();
        assert_eq!(description.ready.value, Readiness::WebSocket);
    }

    #[rstest]
    #[case("arguments: [a]", "arguments", "unknown key")]
    #[case("args: [\"--dir={state_dir}\"]", "\"--dir={state_dir}\"", "unknown placeholder")]
    #[case("args: [\"{package}/x.js\"]", "\"{package}/x.js\"", "needs a package")]
    #[case("ready: soon", "soon", "unknown readiness check")]
    #[case("ready: {log: a, tcp: b}", "", "unexpected second key `tcp`")]
    #[case("ignore: [payload.a, type]", "type", "not a field inside")]
    #[case("config: toml", "toml", "unknown configuration")]
    #[case("path: ws", "ws", "must start with `/`")]
    #[case("lacks: [pairings]", "pairings", "unknown value")]
    #[case("gateway: again", "gateway", "gateway")]
    #[case("lacks: [challenge]\nready: connect", "connect", "sends none")]
    #[case("timeouts: { answer: 5 }", "5", "not a duration")]
    #[case("timeouts: { start: 0s }", "0s", "greater than 0")]
    #[case("timeouts: { answers: 5s }", "answers", "unknown key")]
    #[case("env: { HOME: /x }", "/x", "`env` cannot set `HOME`")]
    #[case("env: { A: b, TMPDIR: \"{temp}\" }", "\"{temp}\"", "`env` cannot set `TMPDIR`")]
    #[case("pass-env: [KEY, HOME]", "HOME", "`pass-env` cannot pass `HOME`")]
    #[case("pass-env: [\"A=b\"]", "\"A=b\"", "not the name of a variable")]
    #[case("env: { KEY: a }\npass-env: [KEY]", "KEY", "`env` already sets `KEY`")]
    #[case("args: [\"{port+10}\"]", "\"{port+10}\"", "unknown placeholder `{port+10}`")]
    #[case("args: [\"{port+0}\"]", "\"{port+0}\"", "unknown placeholder `{port+0}`")]
    #[case("args: [\"{Port}\"]", "\"{Port}\"", "unknown placeholder `{Port}`")]
    #[case("before: [x, \"{dir}\"]", "\"{dir}\"", "unknown placeholder")]
    #[case("before: [\" \"]", "\" \"", "`before` must name a program")]
    #[case("stop: [\"\"]", "\"\"", "`stop` must name a program")]
    #[case("files: { x/y: text }", "text", "must start with")]
    #[case("files: { \"{home}/../y\": text }", "text", "must not contain `..`")]
    #[case("files: { \"{home}/a\": \"{prot}\" }", "\"{prot}\"", "did you mean `{port}`?")]
    #[case("config: { text: \"p = {prot}\" }", "", "did you mean `{port}`?")]
    #[case("ready: { http: health }", "", "must start with `/`")]
    #[case("proof: v4", "v4", "unknown value")]
    #[case("flags: { gateway.bind: [--host, \"{value}\"] }", "gateway.bind", "needs no `flags`")]
    #[case(
        "config: none\nflags: { gateway.bnd: [--host, \"{value}\"] }",
        "gateway.bnd",
        "did you mean `gateway.bind`?"
    )]
    #[case(
        "config: none\nflags: { trustedProxies: [\"{value}\"] }",
        "trustedProxies",
        "unknown setting `trustedProxies`"
    )]
    #[case("config: none\nflags: { gateway.port: [\"{value}\"] }", "gateway.port", "pass `{port}` in `args`")]
    #[case("config: none\nflags: { gateway.bind: [--host] }", "--host", "{ auto: [...], lan: [...] }")]
    #[case("config: none\nflags: { gateway.auth.token: [--token] }", "--token", "[--token, \"{value}\"]")]
    #[case("config: none\nflags: { gateway.allowRealIpFallback: [] }", "gateway.allow", "has no arguments")]
    #[case("config: none\nflags: { gateway.bind: { lna: [x] } }", "lna", "did you mean `lan`?")]
    #[case("config: none\nflags: { gateway.allowRealIpFallback: { yes: [x] } }", "yes", "expected one of true, false")]
    #[case("config: none\nflags: { gateway.bind: {} }", "gateway.bind", "`gateway.bind` has no values")]
    #[case("config: none\nflags: { gateway.auth.token: { a: [x] } }", "gateway.auth.token", "can have any value")]
    #[case("config: none\nflags: { gateway.bind: [\"{vlaue}\"] }", "\"{vlaue}\"", "did you mean `{value}`?")]
    #[case("args: [\"{vlaue}\"]", "\"{vlaue}\"", "unknown placeholder `{vlaue}` expected one of {")]
    #[case("config: none\nflags: { gateway.bind: [\"{value}\", \"{node}\"] }", "\"{node}\"", "needs an npm package")]
    #[case("config: none\nflags: { gateway.bind: \"--host {value}\" }", "gateway.bind", "a list of arguments")]
    #[case("args: [\"{value}\"]", "\"{value}\"", "unknown placeholder `{value}`")]
    #[case("snapshots: \" \"", "\" \"", "`snapshots` must name a folder")]
    fn error_with_position(#[case] line: &str, #[case] at: &str, #[case] says: &str) {
        let text = format!("{GOOD}{line}\n");
        let error = parse("x.yaml", &text).unwrap_err();
        let DescriptionError::Invalid(error) = &error else { panic!("{error}") };
        let (message, span) = (&error.message, error.span);
        let shown = format!("{message} {}", error.help.as_deref().unwrap_or_default());
        assert!(shown.contains(says), "{shown}");
        let marked = &text[span.offset()..span.offset() + span.len()];
        assert!(marked.starts_with(at), "{message}: {marked:?}");
    }

    #[rstest]
    #[case("clams: 2026.4.2", "did you mean `claims`?")]
    #[case("lacks: [pairng]", "did you mean `pairing`?")]
    #[case("npm: { package: a, verson: 1 }", "did you mean `version`?")]
    #[case("store: opnclaw", "did you mean `openclaw`?")]
    fn suggests_intended_key(#[case] line: &str, #[case] asks: &str) {
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
    #[case("config: none\nflags: { gateway.bind: [--host, {value}] }", "quote it: \"{value}\"")]
    #[case("path: {port}", "quote it: \"{port}\"")]
    fn unquoted_placeholder_hint(#[case] line: &str, #[case] help: &str) {
        let error = parse("x.yaml", &format!("{GOOD}{line}\n")).unwrap_err();
        let DescriptionError::Invalid(error) = &error else { panic!("{error}") };
        assert_eq!(error.help.as_deref(), Some(help), "{error}: {:?}", error.span);
    }

    #[rstest]
    #[case("scenario: x\nsteps: []\n", true)]
    #[case("steps: []\ngateway: { bind: lan }\n", true)]
    #[case("gateway: x\nabout: y\nclaims: 2026.4.2\ncommand: z\nsteps: []\n", false)]
    #[case("steps: [\n", false)]
    fn recognizes_scenario(#[case] text: &str, #[case] scenario: bool) {
        let error = parse("x.yaml", text).unwrap_err();
        assert_eq!(matches!(error, DescriptionError::SomethingElse { .. }), scenario, "{error}");
    }

    #[test]
    fn missing_key_and_unknown_release() {
        assert!(
            parse("x.yaml", "gateway: x\nabout: y\nclaims: 2026.4.2\n").unwrap_err().to_string().contains("command")
        );
        let error = parse("x.yaml", &GOOD.replace("2026.4.2", "latest")).unwrap_err();
        assert!(error.to_string().contains("latest"));
    }
}
