//! The key `store` of a description: where the gateway keeps its pairing store, and the commands that convert it.

use super::error::{DescriptionError, Source};
use super::placeholder::known_placeholder;
use crate::gateway::profile::Capability;
use crate::gateway::spawned::StoreAccess;
use crate::gateway::spawned::StoreCommand;
use crate::gateway::spawned::store_commands::is_known_before_a_start;
use crate::gateway::template::words_in_braces;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};
use std::borrow::Cow;

/// The form of the commands, for errors.
const COMMANDS: &str = "{ read: [CMD, \"{store}\"], write: [CMD, \"{store}\"] }";

/// The place and the format of the gateway's pairing store.
#[derive(Debug, Clone, Default)]
pub(super) enum Store {
    /// The store is in `{state-dir}`, in the layout of OpenClaw.
    #[default]
    OpenClaw,
    /// The store is in another place or has another layout. clawcheck does not read or write it.
    None,
    /// Commands convert it.
    Commands(Commands),
}

/// The commands that convert the store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Commands {
    #[serde(default)]
    read: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    write: Option<Vec<Spanned<String>>>,
}

impl Commands {
    /// The commands that are there, with their keys.
    fn present(&self) -> impl Iterator<Item = (&'static str, &Vec<Spanned<String>>)> {
        let both = [("store.read", &self.read), ("store.write", &self.write)];
        both.into_iter().filter_map(|(key, words)| Some((key, words.as_ref()?)))
    }
}

impl Store {
    /// The words of all commands.
    pub(super) fn words(&self) -> impl Iterator<Item = &Spanned<String>> {
        let commands = match self {
            Self::Commands(commands) => Some(commands),
            Self::OpenClaw | Self::None => None,
        };
        commands.into_iter().flat_map(Commands::present).flat_map(|(_, words)| words)
    }

    /// The operations on the store that clawcheck cannot perform.
    pub(super) fn unsupported(&self) -> Vec<Capability> {
        let commands = match self {
            Self::OpenClaw => return Vec::new(),
            Self::None => &Commands { read: None, write: None },
            Self::Commands(commands) => commands,
        };
        let read = commands.read.is_none().then_some(Capability::StoreRead);
        let write = commands.write.is_none().then_some(Capability::StoreWrite);
        read.into_iter().chain(write).chain([Capability::StoreFiles]).collect()
    }

    /// How clawcheck accesses the store. `name` is the name of the description.
    pub(super) fn access(&self, name: &str) -> StoreAccess {
        let command = |key, words: &Option<Vec<Spanned<String>>>| {
            let words = words.as_ref().filter(|words| !words.is_empty())?;
            let line = words.first().map_or(0, |word| word.referenced.line());
            let words = words.iter().map(|word| word.value.clone()).collect();
            Some(StoreCommand { words, key, place: format!("{name}:{line}") })
        };
        match self {
            Self::OpenClaw => StoreAccess::StateDirectory,
            Self::None => StoreAccess::None,
            Self::Commands(Commands { read, write }) => {
                StoreAccess::Commands { read: command("store.read", read), write: command("store.write", write) }
            }
        }
    }
}

/// What the directory `{store}` is to `read` and to `write`.
const STORE_DIRECTORY: [&str; 2] = [
    "to which the command writes the store of the gateway",
    "from which the command reads the store that the gateway gets",
];

/// Checks the commands: each names a program and `{store}`, and contains only placeholders that have a value while the gateway is stopped.
pub(super) fn check(source: &Source<'_>, store: &Store) -> Result<(), DescriptionError> {
    let Store::Commands(commands) = store else { return Ok(()) };
    for (key, words) in commands.present() {
        // The reader refuses an empty list, so there is a first word.
        if let Some(program) = words.first().filter(|program| program.value.trim().is_empty()) {
            return Err(source.error_at(program.referenced, format!("`{key}` must name a program"), None));
        }
        let names_store = |word: &Spanned<String>| words_in_braces(&word.value).any(|name| name == "store");
        if let Some(first) = words.first().filter(|_| !words.iter().any(names_store)) {
            let (message, does) =
                (format!("`{key}` does not contain `{{store}}`"), STORE_DIRECTORY[usize::from(key == "store.write")]);
            let help = format!("add the argument \"{{store}}\": the directory {does}");
            return Err(source.error_at(first.referenced, message, Some(help)));
        }
    }
    for word in store.words() {
        for name in words_in_braces(&word.value).filter(|name| *name != "store") {
            check_placeholder(source, word.referenced, name)?;
        }
    }
    Ok(())
}

fn check_placeholder(source: &Source<'_>, at: Location, name: &str) -> Result<(), DescriptionError> {
    let (message, help) = if !known_placeholder(name) {
        let help = "expected {store}, {state-dir}, {home}, {temp}, {config}, {here}, {package} or {node}";
        (format!("unknown placeholder `{{{name}}}`"), help)
    } else if !is_known_before_a_start(name) {
        let help = "read and write the files of the gateway; clawcheck also reads the store after a stop";
        (format!("`{{{name}}}` has no value while the gateway is stopped"), help)
    } else {
        return Ok(());
    };
    Err(source.error_at(at, message, Some(help.to_owned())))
}

impl<'de> Deserialize<'de> for Store {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Store;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "openclaw, none, or {COMMANDS}")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Store, E> {
                match text {
                    "openclaw" => Ok(Store::OpenClaw),
                    "none" => Ok(Store::None),
                    other => Err(E::unknown_variant(other, &["openclaw", "none", COMMANDS])),
                }
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Store, A::Error> {
                let commands = Commands::deserialize(MapAccessDeserializer::new(map))?;
                if commands.present().next().is_none() {
                    return Err(serde::de::Error::custom("`store` needs `read`, `write` or both"));
                }
                if let Some((key, _)) = commands.present().find(|(_, words)| words.is_empty()) {
                    return Err(serde::de::Error::custom(format!("`{key}` must name a program")));
                }
                Ok(Store::Commands(commands))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Store {
    fn schema_name() -> Cow<'static, str> {
        "Store".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let command = |description: &str| {
            json_schema!({
                "type": "array", "items": { "type": "string" }, "minItems": 1,
                "contains": { "type": "string", "pattern": "\\{store\\}" }, "description": description,
            })
        };
        json_schema!({ "oneOf": [
            { "enum": ["openclaw", "none"] },
            { "type": "object", "minProperties": 1, "additionalProperties": false, "properties": {
                "read": command("A command that writes the store to `{store}`, in the layout of OpenClaw."),
                "write": command("A command that replaces the store with the one in `{store}`."),
            } },
        ] })
    }
}
