//! The JSON Schema of a scenario file, for editors. It is generated from the types, so the two always agree.

use super::model::document::Scenario;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The JSON Schema of a scenario file (draft 2020-12).
pub(crate) fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<Scenario>().to_value();
    schema["title"] = json!("A clawcheck scenario");
    schema["$comment"] = json!("Made by `clawcheck schema` from the types of the language; not to be edited.");
    let definitions = schema.get("$defs").and_then(Value::as_object).cloned().unwrap_or_default();
    adapt(&mut schema, &definitions);
    schema["$defs"]["Reference"] = json!({
        "description": "A reference to an axis of the matrix.",
        "type": "string",
        "pattern": r"\$\{[a-z][a-z0-9-]*(\.[^}]+)?\}"
    });
    schema
}

/// The schema as `clawcheck schema` prints it and as it is committed.
pub(crate) fn text() -> String {
    format!("{:#}\n", schema())
}

/// Adapts the schema from schemars to the rules of the scenario reader.
fn adapt(schema: &mut Value, definitions: &Map<String, Value>) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| adapt(item, definitions)),
        Value::Object(object) => {
            object.values_mut().for_each(|value| adapt(value, definitions));
            join_lines(object);
            allow_bare_words(object, definitions);
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                properties.values_mut().for_each(property);
            }
            if let Some(Value::Object(values)) = object.get_mut("patternProperties") {
                values.values_mut().for_each(allow_reference);
            }
            for key in ["items", "additionalProperties"] {
                object.get_mut(key).into_iter().for_each(allow_reference);
            }
        }
        _ => {}
    }
}

/// Joins the lines of a doc comment, because editors wrap descriptions themselves.
pub(crate) fn join_lines(object: &mut Map<String, Value>) {
    if let Some(Value::String(description)) = object.get_mut("description") {
        *description = description.replace("\n\n", "\u{0}").replace('\n', " ").replace('\u{0}', "\n\n");
    }
}

/// Accepts a word for a variant whose fields are all optional.
fn allow_bare_words(object: &mut Map<String, Value>, definitions: &Map<String, Value>) {
    let Some(Value::Array(variants)) = object.get_mut("oneOf") else { return };
    let words: Vec<_> = variants.iter().filter_map(|variant| bare_word(variant, definitions)).collect();
    if !words.is_empty() {
        variants.push(json!({ "description": "The bare word: no more is asked for.", "enum": words }));
    }
}

fn bare_word(variant: &Value, definitions: &Map<String, Value>) -> Option<String> {
    let (word, value) = variant.get("properties")?.as_object()?.iter().next()?;
    // The reference is the only alternative, or it is added to an existing `${axis}`.
    let reference = value.get("$ref").or_else(|| value.pointer("/anyOf/0/$ref"))?.as_str()?;
    let fields = definitions.get(reference.strip_prefix("#/$defs/")?)?;
    let optional = fields.get("properties").is_some() && fields.get("required").is_none();
    optional.then(|| word.clone())
}

/// An optional property is absent, not null, and `${axis}` can replace it.
fn property(schema: &mut Value) {
    if let Value::Object(object) = schema {
        without_null(object);
    }
    allow_reference(schema);
}

/// An optional property is absent, not null.
pub(crate) fn without_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(alternatives)) = object.get_mut("anyOf") {
        alternatives.retain(|alternative| alternative != &json!({ "type": "null" }));
    }
    // The description states the default in words.
    object.remove("default");
}

/// Accepts `${axis}` in place of a value. The scenario reader checks the value itself.
fn allow_reference(schema: &mut Value) {
    let reference = json!({ "$ref": "#/$defs/Reference" });
    let Value::Object(object) = schema else { return };
    let any_text = object.get("type") == Some(&json!("string"))
        && !["pattern", "enum", "const", "contentEncoding"].iter().any(|key| object.contains_key(*key));
    if any_text || object.is_empty() {
        return;
    }
    if let Some(Value::Array(alternatives)) = object.get_mut("anyOf") {
        if !alternatives.contains(&reference) {
            alternatives.push(reference);
        }
        return;
    }
    // Keep the description where editors look for it.
    let description = object.remove("description");
    let inner = std::mem::take(object);
    object.insert("anyOf".to_owned(), json!([inner, reference]));
    object.extend(description.map(|description| ("description".to_owned(), description)));
}

#[cfg(test)]
mod tests {
    use super::{schema, text};
    use rstest::rstest;
    use serde_json::{Value, json};
    use std::path::Path;

    fn is_valid(document: &Value) -> bool {
        jsonschema::draft202012::new(&schema()).unwrap().is_valid(document)
    }

    /// To update the file, run `clawcheck schema > schema/scenario.json`.
    #[test]
    fn the_committed_schema_is_the_one_that_is_made() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/scenario.json");
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(committed == text(), "schema/scenario.json is not what `clawcheck schema` prints");
    }

    #[test]
    fn every_scenario_meets_the_schema() {
        let validator = jsonschema::draft202012::new(&schema()).unwrap();
        for (source, _) in crate::scenario::corpus::files::embedded().into_iter().map(Result::unwrap) {
            let document: Value = serde_saphyr::from_str(&source.text).unwrap();
            let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", source.path.display());
        }
    }

    #[rstest]
    #[case::nothing_but_this(json!({}), true)]
    #[case::bare_word(json!({ "expect": "hello" }), true)]
    #[case::word_with_fields(json!({ "expect": { "hello": { "role": "operator" } } }), true)]
    #[case::word_that_needs_a_value(json!({ "expect": "http" }), false)]
    #[case::unknown_word(json!({ "expect": "helo" }), false)]
    #[case::unknown_key(json!({ "expects": "hello" }), false)]
    #[case::two_acts(json!({ "kill": {} }), false)]
    #[case::reference_for_a_number(json!({ "repeat": "${times}" }), true)]
    #[case::null(json!({ "repeat": null }), false)]
    fn steps_meet_the_schema_as_they_meet_the_reader(#[case] more: Value, #[case] valid: bool) {
        let mut step = json!({ "connect": { "device": "laptop" } });
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(is_valid(&json!({ "scenario": "Title", "steps": [step] })), valid);
    }

    #[test]
    fn null_tokens_are_no_mistake() {
        let store = json!({ "paired": { "laptop": { "tokens": null }, "phone": { "tokens": { "node": null } } } });
        assert!(is_valid(&json!({ "scenario": "Title", "store": store, "steps": [] })));
    }
}
