//! The key `flags` of a description: the settings of `openclaw.json` that the gateway gets as arguments.

use super::error::{DescriptionError, Source};
use crate::gateway::profile::flags::{Arguments, Flag, Flags, VALUE};
use crate::gateway::template::words_in_braces;
use crate::suggestions::{choices, nearest};
use openclaw_emulator::settings::{SettingForm, known_settings};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The setting that clawcheck chooses itself.
const PORT: &str = "gateway.port";
/// The values of a setting that is true or false.
const TRUE_OR_FALSE: [&str; 2] = ["true", "false"];

/// The settings, by path, in the order of the file.
pub(super) type FlagEntries = Entries<FlagForm>;

/// A map that keeps its order and the positions of its keys.
#[derive(Debug, Clone)]
pub(super) struct Entries<T>(Vec<(Spanned<String>, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// The arguments of one setting.
#[derive(Debug, Clone)]
pub(super) enum FlagForm {
    /// For every value.
    List(Vec<Spanned<String>>),
    /// For each value.
    ByValue(Entries<Vec<Spanned<String>>>),
}

impl FlagForm {
    fn words(&self) -> Box<dyn Iterator<Item = &Spanned<String>> + '_> {
        match self {
            Self::List(words) => Box::new(words.iter()),
            Self::ByValue(values) => Box::new(values.0.iter().flat_map(|(_, words)| words)),
        }
    }
}

impl FlagEntries {
    /// The words of all arguments.
    pub(super) fn words(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.0.iter().flat_map(|(_, form)| form.words())
    }

    /// The settings and their arguments.
    pub(super) fn flags(&self) -> Flags {
        let plain = |words: &[Spanned<String>]| words.iter().map(|word| word.value.clone()).collect();
        let flag = |(setting, form): &(Spanned<String>, FlagForm)| {
            let arguments = match form {
                FlagForm::List(words) if contains_value(words) => Arguments::WithValue(plain(words)),
                FlagForm::List(words) => Arguments::IfTrue(plain(words)),
                FlagForm::ByValue(values) => {
                    Arguments::ByValue(values.0.iter().map(|(key, words)| (key.value.clone(), plain(words))).collect())
                }
            };
            Flag { setting: setting.value.clone(), arguments }
        };
        Flags(self.0.iter().map(flag).collect())
    }
}

fn contains_value(words: &[Spanned<String>]) -> bool {
    words.iter().any(|word| words_in_braces(&word.value).any(|name| name == VALUE))
}

/// Checks that the settings exist, and that their arguments express their values. A gateway that reads `openclaw.json`
/// has no flags.
pub(super) fn check(
    source: &Source<'_>,
    flags: &FlagEntries,
    reads_openclaw_json: bool,
) -> Result<(), DescriptionError> {
    let entries = &flags.0;
    if let Some((first, _)) = entries.first().filter(|_| reads_openclaw_json) {
        let message = "a gateway that reads `openclaw.json` needs no `flags`";
        let help = "add `config: none` if the gateway does not read {config}, or else remove `flags`";
        return Err(source.error_at(first.referenced, message, Some(help.to_owned())));
    }
    let known = known_settings();
    for (setting, form) in entries {
        let found = known.iter().find(|(path, _)| *path == setting.value && path != PORT);
        let Some((_, kind)) = found else { return Err(unknown_setting(source, setting, &known)) };
        match form {
            FlagForm::List(words) => check_list(source, setting, words, *kind)?,
            FlagForm::ByValue(values) => check_values(source, setting, values, *kind)?,
        }
    }
    Ok(())
}

fn unknown_setting(
    source: &Source<'_>,
    setting: &Spanned<String>,
    known: &[(String, SettingForm)],
) -> DescriptionError {
    if setting.value == PORT {
        let help = "clawcheck chooses the port; pass `{port}` in `args`".to_owned();
        return source.error_at(setting.referenced, "`gateway.port` is not a setting of a case", Some(help));
    }
    let near = nearest(&setting.value, known.iter().map(|(path, _)| path.as_str()).filter(|path| *path != PORT));
    let question = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let help = format!("{question}Write the path of a setting in openclaw.json, such as `gateway.auth.token`");
    source.error_at(setting.referenced, format!("unknown setting `{}`", setting.value), Some(help))
}

fn check_list(
    source: &Source<'_>,
    setting: &Spanned<String>,
    words: &[Spanned<String>],
    kind: SettingForm,
) -> Result<(), DescriptionError> {
    let path = &setting.value;
    let (message, help) = if words.is_empty() {
        let help = "list at least one argument, or write a map from values to arguments".to_owned();
        (format!("`{path}` has no arguments"), help)
    } else if kind != SettingForm::Flag && !contains_value(words) {
        let help = match kind {
            SettingForm::Words([one, other, ..]) => {
                format!("add `{{value}}`, or list the arguments of each value: {{ {one}: [...], {other}: [...] }}")
            }
            _ => format!("write for example [{}, \"{{value}}\"]", words[0].value),
        };
        (format!("the arguments of `{path}` do not contain `{{value}}`, so they are the same for every value"), help)
    } else {
        return Ok(());
    };
    Err(source.error_at(words.first().unwrap_or(setting).referenced, message, Some(help)))
}

fn check_values(
    source: &Source<'_>,
    setting: &Spanned<String>,
    values: &Entries<Vec<Spanned<String>>>,
    kind: SettingForm,
) -> Result<(), DescriptionError> {
    let path = &setting.value;
    let allowed = match kind {
        SettingForm::Words(words) => words,
        SettingForm::Flag => &TRUE_OR_FALSE[..],
        SettingForm::Text | SettingForm::Number | SettingForm::Texts => {
            let message = format!("`{path}` can have any value, so its arguments cannot be listed by value");
            let help = "write one list of arguments that contains `{value}`".to_owned();
            return Err(source.error_at(setting.referenced, message, Some(help)));
        }
    };
    if values.0.is_empty() {
        let help = format!("list the arguments of each value that the gateway can have: {}", allowed.join(", "));
        return Err(source.error_at(setting.referenced, format!("`{path}` has no values"), Some(help)));
    }
    match values.0.iter().find(|(value, _)| !allowed.contains(&value.value.as_str())) {
        Some((value, _)) => {
            let message = format!("`{path}` cannot be `{}`", value.value);
            Err(source.error_at(value.referenced, message, Some(choices(&value.value, allowed))))
        }
        None => Ok(()),
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
            type Value = Entries<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Visitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for FlagForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = FlagForm;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of arguments such as [--token, \"{value}\"], or a map from values to such lists")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<FlagForm, A::Error> {
                Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(seq)).map(FlagForm::List)
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<FlagForm, A::Error> {
                Entries::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(FlagForm::ByValue)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for FlagEntries {
    fn schema_name() -> Cow<'static, str> {
        "Flags".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (value, flag) =
            (generator.subschema_for::<ArgumentsWithValue>(), generator.subschema_for::<FlagArguments>());
        let settings = known_settings().into_iter().filter(|(path, _)| path != PORT).map(|(path, kind)| {
            let schema = match kind {
                SettingForm::Text | SettingForm::Number | SettingForm::Texts => value.clone(),
                SettingForm::Flag => flag.clone(),
                SettingForm::Words(words) => json_schema!({ "oneOf": [value.clone(), by_value(words)] }),
            };
            (path, schema.to_value())
        });
        let settings: serde_json::Map<_, _> = settings.collect();
        json_schema!({ "type": "object", "additionalProperties": false, "properties": settings })
    }
}

/// The arguments of each value.
fn by_value(values: &[&str]) -> Schema {
    let words = json_schema!({ "type": "array", "items": { "type": "string" } });
    json_schema!({ "type": "object", "minProperties": 1, "propertyNames": { "enum": values }, "additionalProperties": words })
}

/// The schema of arguments that contain `{value}`.
struct ArgumentsWithValue;

impl JsonSchema for ArgumentsWithValue {
    fn schema_name() -> Cow<'static, str> {
        "ArgumentsWithValue".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Arguments that contain {value}. A list has them once for each of its items.",
            "type": "array", "items": { "type": "string" }, "contains": { "type": "string", "pattern": "\\{value\\}" },
        })
    }
}

/// The schema of the arguments of a setting that is true or false.
struct FlagArguments;

impl JsonSchema for FlagArguments {
    fn schema_name() -> Cow<'static, str> {
        "FlagArguments".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Arguments for true (false has none), or the arguments of each value.",
            "oneOf": [{ "type": "array", "items": { "type": "string" }, "minItems": 1 }, by_value(&TRUE_OR_FALSE)],
        })
    }
}
