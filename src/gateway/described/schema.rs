//! The JSON Schema of a description, for editors. It is generated from the types that the reader uses.

use super::raw::Raw;
use crate::scenario::schema::{join_lines, without_null};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The JSON Schema of a gateway description (draft 2020-12).
fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Raw>().to_value();
    schema["title"] = json!("A clawcheck gateway description");
    schema["$comment"] = json!("Made by `clawcheck schema gateway` from the types of the reader; not to be edited.");
    adapt(&mut schema);
    schema
}

/// The schema as `clawcheck schema gateway` prints it and as it is committed.
pub(crate) fn text() -> String {
    format!("{:#}\n", schema())
}

fn adapt(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(adapt),
        Value::Object(object) => {
            object.values_mut().for_each(adapt);
            join_lines(object);
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                properties.values_mut().filter_map(Value::as_object_mut).for_each(without_null);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::{built_in, file};
    use super::*;
    use rstest::rstest;
    use std::path::Path;

    fn errors(text: &str) -> Vec<String> {
        let document: Value = serde_saphyr::from_str(text).unwrap();
        let validator = jsonschema::draft202012::new(&schema()).unwrap();
        validator.iter_errors(&document).map(|error| error.to_string()).collect()
    }

    /// To update the file, run `clawcheck schema gateway > schema/gateway.json`.
    #[test]
    fn the_committed_schema_is_the_one_that_is_made() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/gateway.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == text(), "schema/gateway.json is not what `clawcheck schema gateway` prints");
    }

    #[test]
    fn the_page_about_descriptions_has_every_key_and_every_feature() {
        let page = include_str!("../../../gateways/README.md");
        let schema = schema();
        let keys = schema["properties"].as_object().unwrap().keys();
        for key in keys {
            assert!(page.contains(&format!("\n{key}: ")) || page.contains(&format!("\n{key}:  ")), "{key}");
        }
        for feature in crate::gateway::Capability::ALL {
            assert!(page.contains(&format!("`{feature}`")), "{feature}");
        }
        for placeholder in crate::gateway::spawned::template::AT_LAUNCH {
            assert!(
                placeholder.starts_with("port+") || page.contains(&format!("`{{{placeholder}}}`")),
                "{placeholder}"
            );
        }
    }

    #[test]
    fn every_built_in_description_meets_the_schema() {
        for (name, text) in built_in::ALL {
            assert_eq!(errors(text), [""; 0], "{name}");
        }
    }

    /// The reader and the schema agree about these lines of a description.
    #[rstest]
    #[case::plain("links: [https://example.org]", true)]
    #[case::every_word("config: none\nready: tcp\nstore: none\nproof: v2\nran: false", true)]
    #[case::texts("config: { text: x }\nready: { log: up }", true)]
    #[case::http("ready: { http: /health }", true)]
    #[case::lists("lacks: [pairing, proofs]\npass-env: [KEY]\nbefore: [x]\nstop: [a, b]", true)]
    #[case::maps("files: { \"{home}/a\": text }\nenv: { A: b }\ndefaults: { a: { b: 1 } }", true)]
    #[case::timeouts("timeouts: { answer: 5s, start: 2m }", true)]
    #[case::npm("npm: { package: a, version: \"1\", overrides: { a: b }, beside: [c] }", true)]
    #[case::unknown_key("arguments: [a]", false)]
    #[case::unknown_feature("lacks: [pairings]", false)]
    #[case::unknown_word("config: toml", false)]
    #[case::null("store: null", false)]
    #[case::no_path("ready: { http: health }", false)]
    #[case::number("args: [{ a: b }]", false)]
    #[case::no_length("timeouts: { answer: 5 }", false)]
    #[case::no_version("npm: { package: a }", false)]
    fn the_schema_and_the_reader_agree(#[case] line: &str, #[case] valid: bool) {
        let text = format!("gateway: a\nabout: b\nclaims: 2026.4.2\ncommand: c\n{line}\n");
        assert_eq!(errors(&text).is_empty(), valid, "{:?}", errors(&text));
        assert_eq!(file::parse("x.yaml", &text).is_ok(), valid, "{:?}", file::parse("x.yaml", &text).err());
    }
}
