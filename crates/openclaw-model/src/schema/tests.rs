//! Values, and their errors from AJV 8.20 with the releases' `formatValidationErrors`.

use super::*;
use rstest::rstest;
use serde_json::Value;

#[rstest]
#[case(r##"null"##, r##"must be object"##)]
#[case(r##"3"##, r##"must be object"##)]
#[case(r##""x""##, r##"must be object"##)]
#[case(r##"[]"##, r##"must be object"##)]
#[case(r##"{}"##, r##"must have required property 'minProtocol'; must have required property 'maxProtocol'; must have required property 'client'"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}, "foo": 1}"##, r##"at root: unexpected property 'foo'"##)]
#[case(r##"{"minProtocol": 0, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}}"##, r##"at /minProtocol: must be >= 1"##)]
#[case(r##"{"minProtocol": "3", "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}}"##, r##"at /minProtocol: must be integer"##)]
#[case(r##"{"minProtocol": 3.5, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}}"##, r##"at /minProtocol: must be integer"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {}}"##, r##"at /client: must have required property 'id'; at /client: must have required property 'version'; at /client: must have required property 'platform'; at /client: must have required property 'mode'"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "zz", "version": "", "platform": 1, "mode": "q", "bad\"k": 1}}"##, r##"at /client: unexpected property 'bad"k'; at /client/id: must be equal to constant; at /client/id: must match a schema in anyOf; at /client/version: must NOT have fewer than 1 characters; at /client/platform: must be string; at /client/mode: must be equal to constant; at /client/mode: must match a schema in anyOf"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": 5, "version": "1", "platform": "linux", "mode": "cli"}}"##, r##"at /client/id: must be string; at /client/id: must be equal to constant; at /client/id: must match a schema in anyOf"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}, "caps": [1, ""], "scopes": "x"}"##, r##"at /caps/0: must be string; at /caps/1: must NOT have fewer than 1 characters; at /scopes: must be array"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}, "permissions": {"a": 1, "": true, "b": "x"}}"##, r##"at /permissions/a: must be boolean; at /permissions/b: must be boolean"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}, "permissions": []}"##, r##"at /permissions: must be object"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}, "device": {}}"##, r##"at /device: must have required property 'id'; at /device: must have required property 'publicKey'; at /device: must have required property 'signature'; at /device: must have required property 'signedAt'; at /device: must have required property 'nonce'"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}, "device": {"id": "", "publicKey": 1, "signature": null, "signedAt": -1.5, "nonce": "a", "x": 1}}"##, r##"at /device: unexpected property 'x'; at /device/id: must NOT have fewer than 1 characters; at /device/publicKey: must be string; at /device/signature: must be string; at /device/signedAt: must be integer; at /device/signedAt: must be >= 0"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}, "auth": {"token": 1, "zz": 2}}"##, r##"at /auth: unexpected property 'zz'; at /auth/token: must be string"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}, "role": ""}"##, r##"at /role: must NOT have fewer than 1 characters"##)]
#[case(r##"{"minProtocol": 0.5, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}}"##, r##"at /minProtocol: must be integer; at /minProtocol: must be >= 1"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli", "": 1}, "a/b~c": 1}"##, r##"at root: unexpected property 'a/b~c'; at /client: must NOT have additional properties"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}, "signedAt": 1e+300}"##, r##"at root: unexpected property 'signedAt'"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}, "auth": null}"##, r##"at /auth: must be object"##)]
#[case(r##"{"minProtocol": true, "maxProtocol": -2, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}}"##, r##"at /minProtocol: must be integer; at /maxProtocol: must be >= 1"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}, "permissions": {"x/y~z": 1}}"##, r##"at /permissions/x~1y~0z: must be boolean"##)]
#[case(r##"{"minProtocol": 3, "maxProtocol": 3, "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}, " ": 1}"##, r##"must NOT have additional properties"##)]
fn rejects_invalid_connects(#[case] value: &str, #[case] sentence: &str) {
    assert_eq!(checked(frames::connect(frames::ConnectForm::Literals), value), Err(sentence.to_owned()));
}

#[test]
fn connect_params_must_be_object() {
    assert_eq!(frames::connect(frames::ConnectForm::Literals).check(None), Err("must be object".to_owned()));
}

#[rstest]
#[case(r#"{"minProtocol":3.0,"maxProtocol":3,"client":{"id":"cli","version":"1","platform":"linux","mode":"cli"}}"#)]
#[case(r#"{"minProtocol":1,"maxProtocol":3e2,"client":{"id":"node-host","version":"1","platform":"l","mode":"node","displayName":"d","deviceFamily":"f","modelIdentifier":"m","instanceId":"i"},"caps":[],"commands":["a"],"permissions":{"":true},"pathEnv":"","role":"x","scopes":[],"device":{"id":"a","publicKey":"b","signature":"c","signedAt":0,"nonce":"d"},"auth":{"token":"","bootstrapToken":"","deviceToken":"","password":""},"locale":"","userAgent":""}"#)]
fn accepts_valid_connects(#[case] value: &str) {
    assert_eq!(checked(frames::connect(frames::ConnectForm::Literals), value), Ok(()));
}

#[rstest]
#[case(r##"null"##, r##"must be object"##)]
#[case(r##"1"##, r##"must be object"##)]
#[case(
    r##"{}"##,
    r##"must have required property 'type'; must have required property 'id'; must have required property 'method'"##
)]
#[case(r##"{"type": "req"}"##, r##"must have required property 'id'; must have required property 'method'"##)]
#[case(r##"{"type": "res", "id": 1, "method": ""}"##, r##"at /type: must be equal to constant; at /id: must be string; at /method: must NOT have fewer than 1 characters"##)]
#[case(r##"{"type": "req", "id": "1", "method": "m", "x": 1}"##, r##"at root: unexpected property 'x'"##)]
#[case(r##"[]"##, r##"must be object"##)]
#[case(r##"{"type": "req", "id": "", "method": "m"}"##, r##"at /id: must NOT have fewer than 1 characters"##)]
fn rejects_invalid_frames(#[case] value: &str, #[case] sentence: &str) {
    assert_eq!(checked(&frames::REQUEST, value), Err(sentence.to_owned()));
}

/// Every kind of schema at once.
static EVERY_KIND: Schema = object(&[
    optional(
        "a",
        Schema::String(Text {
            min_length: 2,
            max_length: 3,
            pattern: Some(Pattern {
                source: "^[a-z]+$",
                matches: |text| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase()),
            }),
        }),
    ),
    optional("e", Schema::Enum(&["x", "y"])),
    optional("n", Schema::Number(Bounds { minimum: Some(1), maximum: Some(5) })),
    optional("u", Schema::Union(&[NON_EMPTY, Schema::Null])),
    optional("arr", Schema::Array { items: &NON_EMPTY, min_items: 1, max_items: 2 }),
    optional("lit", Schema::Literal("env")),
    optional("b", Schema::Boolean),
    optional("nul", Schema::Null),
    optional("i", within(1, 10)),
    optional(
        "uo",
        Schema::Union(&[object(&[required("s", Schema::Literal("env")), required("p", NON_EMPTY)]), array(&NON_EMPTY)]),
    ),
    optional("r", Schema::Record(&STRING)),
]);

#[rstest]
#[case(r##"{"a": "A"}"##, r##"at /a: must NOT have fewer than 2 characters; at /a: must match pattern "^[a-z]+$""##)]
#[case(r##"{"a": "ABCD"}"##, r##"at /a: must NOT have more than 3 characters; at /a: must match pattern "^[a-z]+$""##)]
#[case(r##"{"e": "z"}"##, r##"at /e: must be equal to one of the allowed values"##)]
#[case(r##"{"e": 3}"##, r##"at /e: must be string; at /e: must be equal to one of the allowed values"##)]
#[case(r##"{"n": 0}"##, r##"at /n: must be >= 1"##)]
#[case(r##"{"n": 9}"##, r##"at /n: must be <= 5"##)]
#[case(r##"{"n": "x"}"##, r##"at /n: must be number"##)]
#[case(
    r##"{"u": ""}"##,
    r##"at /u: must NOT have fewer than 1 characters; at /u: must be null; at /u: must match a schema in anyOf"##
)]
#[case(r##"{"u": 3}"##, r##"at /u: must be string; at /u: must be null; at /u: must match a schema in anyOf"##)]
#[case(r##"{"arr": []}"##, r##"at /arr: must NOT have fewer than 1 items"##)]
#[case(r##"{"arr": ["a", "b", "c"]}"##, r##"at /arr: must NOT have more than 2 items"##)]
#[case(r##"{"arr": {}}"##, r##"at /arr: must be array"##)]
#[case(r##"{"lit": "x"}"##, r##"at /lit: must be equal to constant"##)]
#[case(r##"{"lit": 3}"##, r##"at /lit: must be string; at /lit: must be equal to constant"##)]
#[case(r##"{"b": 1}"##, r##"at /b: must be boolean"##)]
#[case(r##"{"nul": 1}"##, r##"at /nul: must be null"##)]
#[case(r##"{"i": 11}"##, r##"at /i: must be <= 10"##)]
#[case(r##"{"i": 0.5}"##, r##"at /i: must be integer; at /i: must be >= 1"##)]
#[case(r##"{"i": 11.5}"##, r##"at /i: must be integer; at /i: must be <= 10"##)]
#[case(r##"{"uo": {}}"##, r##"at /uo: must have required property 's'; at /uo: must have required property 'p'; at /uo: must be array; at /uo: must match a schema in anyOf"##)]
#[case(r##"{"uo": {"s": "x", "q": 1}}"##, r##"at /uo: must have required property 'p'; at /uo: unexpected property 'q'; at /uo/s: must be equal to constant; at /uo: must be array; at /uo: must match a schema in anyOf"##)]
#[case(r##"{"uo": 3}"##, r##"at /uo: must be object; at /uo: must be array; at /uo: must match a schema in anyOf"##)]
#[case(r##"{"r": {"a": 1}}"##, r##"at /r/a: must be string"##)]
#[case(r##"{"r": 3}"##, r##"at /r: must be object"##)]
#[case(r##"{"a": 5}"##, r##"at /a: must be string"##)]
#[case(r##"{"a": "é😀z"}"##, r##"at /a: must match pattern "^[a-z]+$""##)]
#[case(r##"{"a": "😀"}"##, r##"at /a: must NOT have fewer than 2 characters; at /a: must match pattern "^[a-z]+$""##)]
fn rejects_invalid_values(#[case] value: &str, #[case] sentence: &str) {
    assert_eq!(checked(&EVERY_KIND, value), Err(sentence.to_owned()));
}

fn checked(schema: &Schema, value: &str) -> Result<(), String> {
    schema.check(Some(&serde_json::from_str::<Value>(value).unwrap()))
}

#[test]
fn repeated_choice_failure_counts() {
    static CHOICES: Schema = Schema::Union(&[NON_EMPTY, text(3, 5)]);
    assert_eq!(checked(&CHOICES, "1"), Err("must be string; must match a schema in anyOf".to_owned()));
}

#[test]
fn reports_first_missing_property() {
    let sentence = frames::connect(frames::ConnectForm::WithRuntimeToken)
        .check(Some(&serde_json::json!({"client": {}})))
        .unwrap_err();
    let first = "must have required property 'minProtocol'; at /client: must have required property 'id'";
    assert_eq!(super::Wording::TypeBox.of(sentence), first);
    let empty = super::NON_EMPTY.check(Some(&serde_json::json!(""))).unwrap_err();
    assert_eq!(super::Wording::TypeBox.of(empty), "must not have fewer than 1 characters");
}
