//! Validates frames against the JSON Schema that OpenClaw publishes for its protocol (`protocol.schema.json` of
//! `@openclaw/gateway-protocol`).
//!
//! The root of the schema gives the definition for each `type` of frame, but does not restrict `payload` and
//! `details`. The names of the definitions show which one belongs to which payload (in 2026.8.1-beta.3 and 2026.9.1):
//!
//! | frame | definition |
//! |---|---|
//! | any | the one of its `type` in the root's `discriminator` |
//! | payload with a `type` (`hello-ok`) | the `HelloOk` whose `type` is that constant |
//! | payload of the event `device.pair.requested` | `DevicePairRequestedEvent` |
//! | payload of the answer to `device.token.rotate` | `DeviceTokenRotateResult` |
//! | `error.details` with a `code` | the `...ErrorDetails` whose `code` is that constant |
//!
//! If there is no such definition (`connect.challenge`, `health`, most pairing answers), only the frame itself is
//! validated, and the payload counts as not described.

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// The URI by which references name the published document, whatever its own `$id` is.
const BASE: &str = "urn:clawcheck:protocol";

/// A part of a pattern that matches any character in JavaScript, which reads text in surrogate halves: a character
/// that is not a surrogate, or a pair of surrogates. Here, text consists of complete characters.
const JAVASCRIPT_CHARACTER: &str = r"(?:[^\uD800-\uDFFF]|[\uD800-\uDBFF][\uDC00-\uDFFF])";
const CHARACTER: &str = r"[\s\S]";

/// A text that is not usable as the protocol's schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{package} cannot be used as a schema: {reason}")]
pub struct FrameSchemaError {
    /// The origin of the text.
    pub package: String,
    /// The error.
    pub reason: String,
}

/// The published schema, compiled.
#[derive(Debug)]
pub struct FrameSchema {
    package: String,
    /// Name of the definition by a frame's `type`.
    frames: BTreeMap<String, String>,
    /// Name of the definition by a payload's `type`.
    payload_types: BTreeMap<String, String>,
    /// Name of the definition by the `code` of an error's details.
    details: BTreeMap<String, String>,
    definitions: HashMap<String, Validator>,
}

/// A violation of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The violated definition.
    pub definition: String,
    /// The JSON pointer to the invalid position in the frame.
    pub pointer: String,
    /// The message of the validator, with `value` in place of the actual value.
    pub message: String,
}

/// The result of the validation of one frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// The violations in the frame, in the order of the validator.
    pub violations: Vec<Violation>,
    /// Whether the schema does not describe the payload of the frame.
    pub payload_not_described: bool,
}

impl FrameSchema {
    /// Reads the published document.
    ///
    /// # Errors
    /// Returns an error if the document has another form than the known versions, or is not a JSON Schema.
    pub fn parse(package: &str, text: &str) -> Result<Self, FrameSchemaError> {
        let fault = |reason: String| FrameSchemaError { package: package.to_owned(), reason };
        let mut document: Value = serde_json::from_str(text).map_err(|error| fault(error.to_string()))?;
        with_whole_characters(&mut document);
        let Some(all) = document.get("definitions").and_then(Value::as_object) else {
            return Err(fault("it has no `definitions`".to_owned()));
        };
        let mapping = document.pointer("/discriminator/mapping").and_then(Value::as_object);
        let frames = mapping.into_iter().flatten().filter_map(|(kind, reference)| {
            Some((kind.clone(), reference.as_str()?.strip_prefix("#/definitions/")?.to_owned()))
        });
        let frames = frames.collect::<BTreeMap<_, _>>();
        if let Some(kind) = ["res", "event"].into_iter().find(|kind| !frames.contains_key(*kind)) {
            return Err(fault(format!("its `discriminator` does not say which frame is a `{kind}`")));
        }
        let constant = |definition: &Value, name: &str| {
            definition.pointer(&format!("/properties/{name}/const")).and_then(Value::as_str).map(str::to_owned)
        };
        let mut payload_types = BTreeMap::new();
        let mut details = BTreeMap::new();
        for (name, definition) in all {
            if let Some(kind) = constant(definition, "type").filter(|kind| pascal(kind) == *name) {
                payload_types.insert(kind, name.clone());
            }
            if let Some(code) = constant(definition, "code").filter(|_| name.ends_with("ErrorDetails")) {
                details.insert(code, name.clone());
            }
        }
        let wanted = all.keys().filter(|name| {
            name.ends_with("Result")
                || name.ends_with("Event")
                || [&frames, &payload_types, &details].iter().any(|names| names.values().any(|other| other == *name))
        });
        let wanted = wanted.cloned().collect::<Vec<_>>();
        let dialect = document.get("$schema").cloned();
        let registry = Registry::new().add(BASE, document).and_then(jsonschema::RegistryBuilder::prepare);
        let registry = registry.map_err(|error| fault(error.to_string()))?;
        let compile = |name: &String| {
            let mut schema = json!({ "$ref": format!("{BASE}#/definitions/{name}") });
            if let (Some(dialect), Some(schema)) = (&dialect, schema.as_object_mut()) {
                schema.insert("$schema".to_owned(), dialect.clone());
            }
            let validator = jsonschema::options().with_registry(&registry).offline().build(&schema);
            Ok((name.clone(), validator.map_err(|error| fault(format!("{name}: {error}")))?))
        };
        let definitions = wanted.iter().map(compile).collect::<Result<_, FrameSchemaError>>()?;
        Ok(Self { package: package.to_owned(), frames, payload_types, details, definitions })
    }

    /// `@openclaw/gateway-protocol@2026.9.1`.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// Validates a frame from a gateway. `method` is the method of the request that the frame answers.
    pub fn check(&self, frame: &Value, method: Option<&str>) -> Checked {
        let text = |pointer: &str| frame.pointer(pointer).and_then(Value::as_str);
        let Some(name) = text("/type").and_then(|kind| self.frames.get(kind)) else {
            let (definition, pointer) = ("GatewayFrame".to_owned(), String::new());
            let message = "value has no `type` of a frame".to_owned();
            return Checked {
                violations: vec![Violation { definition, pointer, message }],
                payload_not_described: false,
            };
        };
        let mut violations = self.violations(name, frame, "");
        let owner = match (text("/payload/type"), text("/event"), method) {
            (Some(kind), None, _) if self.payload_types.contains_key(kind) => self.payload_types.get(kind).cloned(),
            (_, Some(event), _) => Some(format!("{}Event", pascal(event))),
            (_, None, Some(method)) => Some(format!("{}Result", pascal(method))),
            (_, None, None) => None,
        };
        let owner = owner.filter(|name| self.definitions.contains_key(name));
        let payload = frame.get("payload");
        if let (Some(payload), Some(name)) = (payload, &owner) {
            violations.extend(self.violations(name, payload, "/payload"));
        }
        if let Some(details) = frame.pointer("/error/details")
            && let Some(name) = text("/error/details/code").and_then(|code| self.details.get(code))
        {
            violations.extend(self.violations(name, details, "/error/details"));
        }
        Checked { violations, payload_not_described: payload.is_some() && owner.is_none() }
    }

    fn violations(&self, name: &str, value: &Value, at: &str) -> Vec<Violation> {
        let Some(validator) = self.definitions.get(name) else { return Vec::new() };
        let violation = |error: jsonschema::ValidationError<'_>| Violation {
            definition: name.to_owned(),
            pointer: format!("{at}{}", error.instance_path()),
            message: error.masked().to_string(),
        };
        validator.iter_errors(value).map(violation).collect()
    }
}

/// Replaces the surrogate parts of a pattern by equivalents for complete characters.
fn with_whole_characters(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(pattern) if name == "pattern" => {
                        *pattern = pattern.replace(JAVASCRIPT_CHARACTER, CHARACTER);
                    }
                    other => with_whole_characters(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(with_whole_characters),
        _ => {}
    }
}

/// The name of a definition: `DevicePairRequested` for `device.pair.requested`, `HelloOk` for `hello-ok`.
fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    name.split(['.', '-']).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// A small schema in the form of the published one.
    fn schema() -> FrameSchema {
        let document = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": "https://example.com/protocol.schema.json",
            "discriminator": { "propertyName": "type", "mapping": {
                "req": "#/definitions/Request", "res": "#/definitions/Response", "event": "#/definitions/EventFrame",
            } },
            "definitions": {
                "Response": { "type": "object", "required": ["id", "ok"], "additionalProperties": false, "properties": {
                    "type": { "const": "res" }, "id": { "type": "string", "minLength": 1 }, "ok": { "type": "boolean" },
                    "payload": {}, "error": {},
                } },
                "EventFrame": { "type": "object", "required": ["event"], "properties": { "event": { "type": "string" } } },
                "HelloOk": { "type": "object", "required": ["protocol"], "properties": {
                    "type": { "type": "string", "const": "hello-ok" }, "auth": { "$ref": "#/definitions/Auth" },
                } },
                "Auth": { "type": "object", "required": ["role"] },
                "TickEvent": { "type": "object", "properties": { "ts": { "type": "integer", "minimum": 0 } } },
                "ApprovalGetResult": { "properties": { "id": { "type": "string",
                    "pattern": r"^(?!\.{1,2}$)(?:[^\uD800-\uDFFF]|[\uD800-\uDBFF][\uDC00-\uDFFF])+$" } } },
                "DeviceTokenRotateResult": { "type": "object", "required": ["deviceId"] },
                "MissingScopeErrorDetails": { "type": "object", "required": ["missingScope"], "properties": {
                    "code": { "type": "string", "const": "MISSING_SCOPE" },
                } },
            },
        });
        FrameSchema::parse("test@1", &document.to_string()).unwrap()
    }

    #[rstest]
    #[case::envelope(json!({"type": "res", "id": "", "ok": true, "more": 1}), None,
        &[("Response", "", "Additional properties are not allowed ('more' was unexpected)"),
          ("Response", "/id", "value is shorter than 1 character")])]
    #[case::event(json!({"type": "event", "event": "tick", "payload": {"ts": -1}}), None,
        &[("TickEvent", "/payload/ts", "value is less than the minimum of 0")])]
    #[case::hello(json!({"type": "res", "id": "1", "ok": true, "payload": {"type": "hello-ok", "protocol": 4, "auth": {}}}),
        Some("connect"), &[("HelloOk", "/payload/auth", "\"role\" is a required property")])]
    #[case::answer(json!({"type": "res", "id": "1", "ok": true, "payload": {}}), Some("device.token.rotate"),
        &[("DeviceTokenRotateResult", "/payload", "\"deviceId\" is a required property")])]
    #[case::details(json!({"type": "res", "id": "1", "ok": false, "error": {"details": {"code": "MISSING_SCOPE"}}}),
        Some("device.token.rotate"),
        &[("MissingScopeErrorDetails", "/error/details", "\"missingScope\" is a required property")])]
    #[case::pattern(json!({"type": "res", "id": "1", "ok": true, "payload": {"id": ".."}}), Some("approval.get"),
        &[("ApprovalGetResult", "/payload/id", r#"value does not match "^(?!\.{1,2}$)[\s\S]+$""#)])]
    #[case::no_frame(json!({"type": "odd"}), None, &[("GatewayFrame", "", "value has no `type` of a frame")])]
    fn rejects_invalid_frame_with_reason(
        #[case] frame: Value,
        #[case] method: Option<&str>,
        #[case] expected: &[(&str, &str, &str)],
    ) {
        let violations = schema().check(&frame, method).violations;
        let mut found = violations
            .iter()
            .map(|found| (found.definition.as_str(), found.pointer.as_str(), found.message.as_str()))
            .collect::<Vec<_>>();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[rstest]
    #[case::described(json!({"type": "event", "event": "tick", "payload": {"ts": 1}}), None, false)]
    #[case::pattern(json!({"type": "res", "id": "1", "ok": true, "payload": {"id": "a\u{1f600}"}}), Some("approval.get"), false)]
    #[case::event(json!({"type": "event", "event": "health", "payload": {"ok": true}}), None, true)]
    #[case::answer(json!({"type": "res", "id": "1", "ok": true, "payload": {}}), Some("device.pair.list"), true)]
    #[case::no_payload(json!({"type": "res", "id": "1", "ok": true}), Some("device.pair.list"), false)]
    #[case::error(json!({"type": "res", "id": "1", "ok": false, "error": {"details": {"code": "OTHER"}}}), None, false)]
    fn valid_and_undescribed_frames(
        #[case] frame: Value,
        #[case] method: Option<&str>,
        #[case] payload_not_described: bool,
    ) {
        assert_eq!(schema().check(&frame, method), Checked { violations: Vec::new(), payload_not_described });
    }

    #[rstest]
    #[case::not_json("{", "EOF")]
    #[case::no_definitions("{}", "it has no `definitions`")]
    #[case::no_frames(r#"{"definitions": {}}"#, "does not say which frame is a `res`")]
    #[case::no_schema(
        r##"{"discriminator": {"mapping": {"res": "#/definitions/A", "event": "#/definitions/A"}}, "definitions": {"A": {"type": 1}}}"##,
        "A: "
    )]
    #[case::reaches_out(
        r##"{"discriminator": {"mapping": {"res": "#/definitions/A", "event": "#/definitions/A"}},
            "definitions": {"A": {"$ref": "https://example.com/x"}}}"##,
        "example.com"
    )]
    fn rejects_invalid_schema(#[case] text: &str, #[case] reason: &str) {
        let error = FrameSchema::parse("test@1", text).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}
