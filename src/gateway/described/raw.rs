//! The types of a description file, before validation. The doc comments are the descriptions in the JSON Schema.

use super::flags::FlagEntries;
use super::foreign::{Cargo, Pip};
use super::store::Store;
use crate::gateway::profile::Capability;
use crate::scenario::connect::ProofVersion;
use crate::scenario::text::TimeSpan;
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How clawcheck starts a gateway, which release the gateway claims to implement, and which features it does not have.
/// clawcheck replaces placeholders such as `{port}` in most texts at each start.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Description")]
pub(super) struct RawDescription {
    /// The name in reports.
    #[schemars(with = "String")]
    pub(super) gateway: Spanned<String>,
    /// A description of the gateway in one sentence.
    pub(super) about: String,
    /// Pages about the gateway.
    #[serde(default)]
    pub(super) links: Vec<String>,
    /// The OpenClaw release that the gateway claims to implement, such as 2026.4.2.
    #[schemars(with = "String")]
    pub(super) claims: Spanned<String>,
    /// Features that the gateway does not have. The cases that need them are not applicable.
    #[serde(default)]
    pub(super) lacks: Vec<Capability>,
    /// Whether clawcheck was run with this description. If false, a run prints a note. Default: true.
    #[serde(default = "yes")]
    pub(super) ran: bool,
    /// A package that clawcheck installs into its cache before the first start.
    #[serde(default)]
    pub(super) npm: Option<Npm>,
    /// Python packages that clawcheck installs into its cache before the first start.
    #[serde(default)]
    pub(super) pip: Option<Pip>,
    /// A Rust program that clawcheck installs into its cache before the first start.
    #[serde(default)]
    pub(super) cargo: Option<Cargo>,
    /// A program on PATH, or a path such as `{here}/my-gateway`.
    #[schemars(with = "String")]
    pub(super) command: Spanned<String>,
    /// The arguments of the command.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) args: Vec<Spanned<String>>,
    /// Settings of openclaw.json that the gateway gets as arguments, after `args`. The keys are paths, such as
    /// `gateway.auth.token`. Only for a gateway that does not read openclaw.json.
    #[serde(default)]
    pub(super) flags: FlagEntries,
    /// Environment variables of the gateway. clawcheck sets HOME and TMPDIR itself.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(super) env: IndexMap<String, Spanned<String>>,
    /// Names of environment variables that the gateway gets from the caller of clawcheck, such as an API key.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) pass_env: Vec<Spanned<String>>,
    /// The configuration file at `{config}`: `openclaw` (the scenario's openclaw.json), `none`, or a text. Default:
    /// `openclaw`.
    #[serde(default)]
    #[schemars(schema_with = "config_schema")]
    pub(super) config: Option<Spanned<Setting>>,
    /// Default settings for openclaw.json. The settings of a scenario override them.
    #[serde(default)]
    pub(super) defaults: Map<String, Value>,
    /// Text files by path, such as `{home}/.x/config.json`. They are written before each start.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(super) files: IndexMap<String, Spanned<String>>,
    /// A command with its arguments that clawcheck runs before each start. It must exit with code 0.
    #[serde(default)]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub(super) before: Vec<Spanned<String>>,
    /// A command and its arguments that stop the gateway. Default: the signal SIGTERM.
    #[serde(default)]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub(super) stop: Vec<Spanned<String>>,
    /// How clawcheck detects that the gateway is ready. Default: `challenge`, or `websocket` if `lacks` contains
    /// `challenge`.
    #[serde(default)]
    #[schemars(schema_with = "ready_schema")]
    pub(super) ready: Option<Spanned<Setting>>,
    /// The URL path for WebSockets. Default: `/`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) path: Option<Spanned<String>>,
    /// Where the gateway keeps its pairing store: `openclaw` (in `{state-dir}`, in the layout of OpenClaw), `none`
    /// (clawcheck does not read or write it), or commands that convert it. Default: `openclaw`.
    #[serde(default)]
    pub(super) store: Store,
    /// A folder with snapshots of this gateway, relative to the description. A snapshot in it comes before the one of the
    /// claimed release, and new observations are saved in it.
    #[serde(default)]
    #[schemars(with = "Option<String>", length(min = 1))]
    pub(super) snapshots: Option<Spanned<String>>,
    /// The version of the device proofs that clients send. Default: the version of the claimed release.
    #[serde(default)]
    pub(super) proof: Option<ProofVersion>,
    /// Maximum waits.
    #[serde(default)]
    pub(super) timeouts: Timeouts,
    /// Fields inside `payload` or `error` of a frame that are not compared, such as `payload.traceId`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) ignore: Vec<Spanned<String>>,
    // The module `known` reads these two, with the reader of the files that `run --known` takes.
    /// Known deviations of the gateway, in the form of `schema/known.json`.
    #[serde(default, rename = "known")]
    #[schemars(with = "Vec<Map<String, Value>>")]
    pub(super) _known: Option<IgnoredAny>,
    /// Digests of whole observations by case, in the form of `schema/known.json`.
    #[serde(default, rename = "observations")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(super) _observations: Option<IgnoredAny>,
}

fn yes() -> bool {
    true
}

/// Maximum waits, such as 500ms, 30s or 2m. The command line overrides them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Timeouts {
    /// The maximum wait for an answer. Default: 30s.
    #[serde(default)]
    #[schemars(with = "Option<TimeSpan>")]
    pub(super) answer: Option<Spanned<TimeSpan>>,
    /// The maximum wait for the start. Default: 2m.
    #[serde(default)]
    #[schemars(with = "Option<TimeSpan>")]
    pub(super) start: Option<Spanned<TimeSpan>>,
    /// The maximum wait for the exit after SIGTERM or the `stop` command. Default: 30s.
    #[serde(default)]
    #[schemars(with = "Option<TimeSpan>")]
    pub(super) stop: Option<Spanned<TimeSpan>>,
}

/// An npm package. `{package}` is the directory of the package, and `{node}` is a Node.js executable that can run it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Npm {
    /// The name of the package.
    pub(super) package: String,
    /// The version of the package.
    #[schemars(with = "String")]
    pub(super) version: Spanned<String>,
    /// The npm `overrides`: versions of transitive dependencies.
    #[serde(default)]
    pub(super) overrides: BTreeMap<String, String>,
    /// Other packages to install next to the package.
    #[serde(default)]
    pub(super) beside: Vec<String>,
}

/// One word, or one key with a text.
#[derive(Debug, Clone)]
pub(super) enum Setting {
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

fn config_schema(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<ConfigSchema>()
}

fn ready_schema(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<ReadySchema>()
}

/// The schema of `config`.
struct ConfigSchema;

impl JsonSchema for ConfigSchema {
    fn schema_name() -> Cow<'static, str> {
        "Config".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [
            { "enum": ["openclaw", "none"] },
            { "type": "object", "required": ["text"], "additionalProperties": false, "properties": {
                "text": { "type": "string", "description": "The text of the file." },
            } },
        ] })
    }
}

/// The schema of `ready`.
struct ReadySchema;

impl JsonSchema for ReadySchema {
    fn schema_name() -> Cow<'static, str> {
        "Ready".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [
            { "enum": ["challenge", "connect", "websocket", "tcp"] },
            { "type": "object", "required": ["log"], "additionalProperties": false, "properties": {
                "log": { "type": "string", "minLength": 1, "description": "A part of a log line." },
            } },
            { "type": "object", "required": ["http"], "additionalProperties": false, "properties": {
                "http": { "type": "string", "pattern": "^/", "description": "A URL path that answers with a status from 200 to 299." },
            } },
        ] })
    }
}
