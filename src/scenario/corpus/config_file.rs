//! The `openclaw.json` next to a scenario file that `gateway.from` names.

use super::files::Origin;
use crate::scenario::check::stays_below;
use crate::scenario::check::trust::{self, Trust};
use crate::scenario::model::gateway::{Auth, GatewaySettings};
use crate::scenario::syntax::nodes;
use crate::scenario::syntax::problems::{ScenarioError, SpannedError, within};
use crate::scenario::syntax::source::Source;
use crate::scenario::syntax::spans::Spanned;
use openclaw_emulator::settings::{masked, read_config_with_text};
use serde_json::{Map, Value, json};
use std::path::Path;

/// The configuration cannot be used.
pub(super) enum ConfigError {
    /// The scenario names a wrong file.
    InScenario(SpannedError),
    /// The file has errors.
    InFile(Vec<ScenarioError>),
}

/// Reads the file of `from`, if there is one, into the settings.
///
/// The token and the password of the file are replaced by the secrets `shared` and `second`, unless the scenario has
/// its own `auth`.
pub(super) fn read(settings: &mut GatewaySettings, origin: &Origin, trust: Trust) -> Result<(), ConfigError> {
    let Some(from) = &settings.from else { return Ok(()) };
    let wrong = |message: String| ConfigError::InScenario(SpannedError::at(from.span, message, "expected a file"));
    let Origin::Disk(folder) = origin else {
        return Err(wrong("the built-in scenarios have no configuration files".to_owned()));
    };
    if !stays_below(from) {
        return Err(wrong(format!("`{}` is not a file next to the scenario", from.value)));
    }
    let path = folder.join(&from.value);
    check_link(&path, folder, from, trust)?;
    let whole = |message: String, help: Option<String>| {
        ConfigError::InFile(vec![ScenarioError::with_file(&path, message, help)])
    };
    let (config, text) = match read_config_with_text(&path) {
        Ok(Some((Value::Object(config), text))) => (config, text),
        Ok(Some(_)) => return Err(whole("this is not an openclaw.json: expected a map".to_owned(), None)),
        Ok(None) => return Err(wrong(format!("there is no file `{}` next to the scenario", from.value))),
        Err(error) => return Err(ConfigError::InFile(vec![error_at(&path, &error)])),
    };
    if trust == Trust::Withheld {
        check_trust(&path, &config, &text).map_err(ConfigError::InFile)?;
    }
    take(settings, config);
    Ok(())
}

/// A symbolic link to a place outside the scenario's folder needs trust.
fn check_link(path: &Path, folder: &Path, from: &Spanned<String>, trust: Trust) -> Result<(), ConfigError> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (Ok(real), Ok(root)) = (path.canonicalize(), folder.canonicalize()) else { return Ok(()) };
    match trust == Trust::Given || real.starts_with(root) {
        true => Ok(()),
        false => {
            let message =
                format!("`{}` is a symbolic link to {}, outside the scenario's folder", from.value, real.display());
            Err(ConfigError::InScenario(trust::needs_trust(from.span, message)))
        }
    }
}

/// A syntax error, with its position in the file. The text is not shown, because it can contain secrets.
fn error_at(path: &Path, error: &openclaw_emulator::settings::ConfigFileError) -> ScenarioError {
    let help = "openclaw.json is JSON5: JSON that may contain comments, trailing commas and unquoted keys";
    match error.place() {
        Some((message, (line, column))) => {
            let message = format!("line {line}, column {column}: invalid JSON5: {message}");
            ScenarioError::with_file(path, message, Some(help.to_owned()))
        }
        None => ScenarioError::with_file(path, error.to_string(), None),
    }
}

/// The errors for settings that need trust. Values that can be secrets are masked.
///
/// An error has a caret if the file is also valid YAML within the limits of a scenario, as most files are.
fn check_trust(path: &Path, config: &Map<String, Value>, text: &str) -> Result<(), Vec<ScenarioError>> {
    let errors = trust::check_config(config, None);
    if errors.is_empty() {
        return Ok(());
    }
    let errors = nodes::parse(text).map_or(errors, |node| trust::check_config(config, Some(&node)));
    let source = Source { path: path.to_owned(), embedded: false, text: masked(text).into() };
    Err(within(errors, &source))
}

/// Moves the configuration into the settings, with the secrets of the case in place of its own.
fn take(settings: &mut GatewaySettings, mut config: Map<String, Value>) {
    let own = settings.auth == Auth::default();
    if let Some(Value::Object(gateway)) = config.get_mut("gateway") {
        // clawcheck selects the port.
        gateway.shift_remove("port");
        let mut auth = match gateway.get("auth") {
            Some(Value::Object(auth)) => auth.clone(),
            _ => Map::new(),
        };
        let named = secrets(&mut auth);
        if own && let Ok(auth) = serde_json::from_value(named) {
            settings.auth = auth;
        }
        if gateway.contains_key("auth") {
            gateway.insert("auth".to_owned(), Value::Object(auth));
        }
    } else if own {
        settings.auth = serde_json::from_value(json!({ "mode": "unset" })).unwrap_or_default();
    }
    settings.base = config;
}

/// Removes the secrets of the configuration's `auth` section, and describes it as in a scenario.
fn secrets(auth: &mut Map<String, Value>) -> Value {
    let mode = match auth.get("mode").and_then(Value::as_str) {
        Some("none" | "token" | "password" | "trusted-proxy") => auth.shift_remove("mode").unwrap_or_default(),
        _ => json!("unset"),
    };
    let mut named = Map::from_iter([("mode".to_owned(), mode)]);
    let mut first: Option<Value> = None;
    for field in ["token", "password"] {
        let is_text =
            auth.get(field).and_then(Value::as_str).is_some_and(|text| !text.is_empty() && !text.contains("${"));
        let secret = if is_text { auth.shift_remove(field) } else { None };
        let name = match (&secret, &first) {
            (None, _) => "none",
            (Some(secret), Some(first)) if secret != first => "second",
            (Some(_), _) => "shared",
        };
        first = first.or(secret);
        named.insert(field.to_owned(), json!(name));
    }
    Value::Object(named)
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Case, Corpus, ScenarioErrors};
    use rstest::rstest;
    use serde_json::json;

    fn read(config: &str, gateway: &str, trusting: bool) -> Result<Case, ScenarioErrors> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("openclaw.json"), config).unwrap();
        let file = folder.path().join("name.yaml");
        let steps = "steps:\n  - connect: { device: me }\n";
        std::fs::write(&file, format!("scenario: Title\ngateway: {gateway}\n{steps}")).unwrap();
        let corpus = if trusting { Corpus::trusting(&[file]) } else { Corpus::load(&[file]) };
        corpus.map(|corpus| corpus.cases()[0].clone())
    }

    #[test]
    fn file_is_base_of_settings() {
        let config = "{ gateway: { port: 1999, bind: 'lan', auth: { mode: 'password', password: 'hunter2', token: 'hunter3', allowTailscale: true } } } // mine";
        let case = read(config, "{ from: openclaw.json }", false).unwrap();
        let settings = &case.scenario.gateway;
        assert_eq!(settings.base["gateway"], json!({"bind": "lan", "auth": {"allowTailscale": true}}));
        assert_eq!((settings.auth.token_secret(), settings.auth.password_secret()), (Some("shared"), Some("second")));
        assert!(!format!("{settings:?}").contains("hunter"));
    }

    #[test]
    fn scenario_auth_overrides_file() {
        let config = r#"{"gateway": {"auth": {"mode": "token", "token": "hunter2"}}}"#;
        let case = read(config, "{ from: openclaw.json, auth: { mode: none } }", false).unwrap();
        assert_eq!(case.scenario.gateway.auth.token_secret(), None);
        assert_eq!(case.scenario.gateway.base["gateway"]["auth"], json!({}));
    }

    #[rstest]
    #[case::missing("{}", "{ from: other.json }", "there is no file `other.json` next to the scenario")]
    #[case::outside("{}", "{ from: ../openclaw.json }", "`../openclaw.json` is not a file next to the scenario")]
    #[case::no_map("[]", "{ from: openclaw.json }", "expected a map")]
    #[case::syntax("{ gateway: {", "{ from: openclaw.json }", "the file ends inside an object")]
    #[case::trust(
        r#"{"channels": {"telegram": {}}}"#,
        "{ from: openclaw.json }",
        "the setting `channels` may run code"
    )]
    #[case::json5("{ channels: {}, } // mine", "{ from: openclaw.json }", "the setting `channels` may run code")]
    fn names_unusable_file(#[case] config: &str, #[case] gateway: &str, #[case] says: &str) {
        let error = read(config, gateway, false).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }

    #[rstest]
    #[case::deep(format!("{{ plugins: {{}}, meta: {}1{} }}", "{ a: ".repeat(100), " }".repeat(100)))]
    #[case::many_keys(format!("{{ meta: {{ {} }}, plugins: {{}} }}", (0..60_000).map(|n| format!("k{n}: 1, ")).collect::<String>()))]
    #[case::duplicate("{ plugins: null, plugins: {} }".to_owned())]
    fn any_file_is_checked_for_trust(#[case] config: String) {
        let error = read(&config, "{ from: openclaw.json }", false).unwrap_err();
        let plugins = error.0.iter().find(|error| error.message().starts_with("the setting `plugins` may run code"));
        assert_eq!(plugins.unwrap().position(), None, "{error}");
        assert!(read(&config, "{ from: openclaw.json }", true).is_ok());
    }

    #[test]
    fn caret_in_configuration_file() {
        let error = read("{\n  \"gateway\": {},\n  \"plugins\": {}\n}", "{ from: openclaw.json }", false).unwrap_err();
        assert_eq!(error.0[0].position(), Some((3, 3)), "{error}");
        assert!(error.0[0].path().ends_with("openclaw.json"), "{error}");
        assert!(read(r#"{"plugins": {}}"#, "{ from: openclaw.json }", true).is_ok());
    }
}
