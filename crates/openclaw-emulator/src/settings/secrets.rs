//! Masks the secrets of a configuration in error messages.

use super::environment::Env;
use super::shape;
use serde_json::Value;
use untrusted_data::Redactions;

/// Parts of the names of members that contain secrets.
const SECRET_NAMES: [&str; 4] = ["token", "password", "secret", "key"];
/// Longer numbers can be passwords. A port has at most five digits.
const MAX_NUMBER_LENGTH: usize = 5;
/// Words of JSON5, and members of many configurations.
const USUAL: [&str; 6] = ["true", "false", "null", "gateway", "//", "/*"];

/// The secrets of a configuration that was read, and those that the environment gives a gateway.
pub fn redactions(document: &Value, environment: &[(String, String)]) -> Redactions {
    let mut redactions = Redactions::default();
    collect(document, false, &mut redactions);
    let env = Env(environment);
    for name in ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"] {
        env.trimmed(name).iter().for_each(|secret| redactions.add(secret, "secret of the environment"));
    }
    redactions
}

/// The values of a configuration that can be secrets.
pub fn secret_values(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    values(document, false, &mut |text| found.push(text.to_owned()));
    found
}

fn collect(value: &Value, secret: bool, redactions: &mut Redactions) {
    values(value, secret, &mut |text| redactions.add(text, "secret of the configuration"));
}

fn values(value: &Value, secret: bool, found: &mut dyn FnMut(&str)) {
    match value {
        // A usual value of a setting is not a secret: `auth.mode` is `token`.
        Value::String(text) if secret && !shape::words().contains(&text.trim()) => {
            found(text.trim());
        }
        Value::Array(items) => items.iter().for_each(|item| values(item, secret, found)),
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| values(member, secret || is_secret(name), found));
        }
        _ => {}
    }
}

fn is_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|name| text.contains(name))
}

/// A configuration in which every word that does not belong to the format is masked, byte for byte. Around a syntax
/// error, secrets cannot be recognized, because the error can be in the name of the member.
pub fn masked(text: &str) -> String {
    let known = shape::words();
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let numbers = !is_secret(line);
        let mut rest = line;
        while let Some(start) = rest.find(|c| !is_delimiter(c)) {
            let (before, word) = rest.split_at(start);
            let length = word.find(is_delimiter).unwrap_or(word.len());
            let (word, after) = word.split_at(length);
            out.push_str(before);
            let number = numbers && word.len() <= MAX_NUMBER_LENGTH && word.bytes().all(|byte| byte.is_ascii_digit());
            if number || USUAL.contains(&word) || known.contains(&word) {
                out.push_str(word);
            } else {
                out.extend(std::iter::repeat_n('*', length));
            }
            rest = after;
        }
        out.push_str(rest);
    }
    out
}

fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || "{}[]:,\"'".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(
        r#"{ gateway: { port: 18789, auth: { mode: "token" } } }"#,
        r#"{ gateway: { port: *****, auth: { mode: "token" } } }"#
    )]
    #[case("port: 18789, bind: lan", "port: 18789, bind: lan")]
    #[case(r#""token" "hunter2-é""#, r#""token" "**********""#)]
    #[case("toekn: hunter2\n// mine\nport: 123456", "*****: *******\n// ****\nport: ******")]
    fn shows_only_known_words(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(masked(text), shown);
        assert_eq!(shown.len(), text.len());
    }

    #[test]
    fn finds_values_of_secret_members() {
        let document = json!({ "gateway": { "bind": "hunter1", "auth": { "mode": "token", "token": " hunter2 " } } });
        let environment = [("OPENCLAW_GATEWAY_PASSWORD".to_owned(), "hunter3".to_owned())];
        let shown = redactions(&document, &environment).apply_known("token hunter1 hunter2 hunter3");
        assert_eq!(shown, "token hunter1 <secret of the configuration> <secret of the environment>");
    }

    /// A secret must stay masked, whatever a typing error did to the file.
    #[test]
    fn configuration_mutants_hide_secrets() {
        let text = "{\n  \"gateway\": {\n    \"port\": 18789,\n    \"auth\": { \"mode\": \"token\", \"token\": \"s3cr3t-canary\" },\n    \"remote\": {\n      password: 's3cr3t-canary',\n    },\n  },\n}\n";
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..3000 {
            let mut mutant = text.chars().collect::<Vec<_>>();
            for _ in 0..random.usize(1..4) {
                if mutant.is_empty() {
                    break;
                }
                let at = random.usize(0..mutant.len());
                match random.u8(0..4) {
                    0 => drop(mutant.remove(at)),
                    1 => mutant.insert(
                        at,
                        random.choice(['{', '}', '[', ':', ',', '"', '\'', '\\', '\n', ' ', 'a', '1']).unwrap(),
                    ),
                    2 => mutant.truncate(at.max(1)),
                    _ => {
                        let end = (at + random.usize(1..12)).min(mutant.len());
                        mutant.drain(at..end);
                    }
                }
            }
            let mutant = mutant.into_iter().collect::<String>();
            let shown = masked(&mutant);
            // The rest of a secret next to a typing error can be a known word, but only a part of the secret.
            assert!(!shown.contains("s3cr3t") && !shown.contains("canary"), "{mutant}\n{shown}");
        }
    }
}
