//! Names of members, headers and parameters whose values are secrets.

/// Words in names of members and headers that contain secrets.
const WORDS: [&str; 16] = [
    "token",
    "password",
    "passwd",
    "passcode",
    "passphrase",
    "secret",
    "apikey",
    "authorization",
    "credential",
    "privatekey",
    "accesskey",
    "bearer",
    "cookie",
    "assertion",
    "signature",
    "canvascapability",
];
/// Shorter words. They count only as separate words, because they are parts of other words (`ping`).
const SHORT_WORDS: [&str; 5] = ["pin", "otp", "jwt", "pwd", "pass"];
/// Words of names that count something. Numbers with these names are not secrets: `maxTokens`, `token_limit`.
const COUNTS: [&str; 10] = ["tokens", "count", "limit", "budget", "max", "min", "total", "length", "ttl", "timeout"];

/// Whether a member or a header with this name contains a secret.
pub fn is_secret_name(name: &str) -> bool {
    let plain = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    WORDS.iter().any(|word| plain.contains(word)) || words(name).iter().any(|word| SHORT_WORDS.contains(&word.as_str()))
}

/// The words of a name, in lower case: `userPin`, `user_pin` and `USER-PIN` are two words.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for letter in name.chars() {
        if !letter.is_ascii_alphabetic() || (letter.is_ascii_uppercase() && was_lower) {
            words.push(String::new());
        }
        was_lower = letter.is_ascii_lowercase();
        if let Some(word) = words.last_mut().filter(|_| letter.is_ascii_alphabetic()) {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words
}

/// Whether a number with this name counts something, although the name contains a word for secrets.
pub fn is_count_name(name: &str) -> bool {
    words(name).iter().any(|word| COUNTS.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("botToken", true)]
    #[case("api_key", true)]
    #[case("API-Key", true)]
    #[case("X-Openclaw-Token", true)]
    #[case("Cf-Access-Jwt-Assertion", true)]
    #[case("passcode", true)]
    #[case("userPin", true)]
    #[case("pin", true)]
    #[case("jwt", true)]
    #[case("privateKeyPem", true)]
    #[case("canvasCapability", true)]
    #[case("Sec-WebSocket-Key", false)]
    #[case("authMode", false)]
    #[case("ping", false)]
    #[case("sessionKey", false)]
    #[case("message", false)]
    fn names_of_secrets(#[case] name: &str, #[case] expected: bool) {
        assert_eq!(is_secret_name(name), expected);
    }

    #[rstest]
    #[case("maxTokens", true)]
    #[case("input_tokens", true)]
    #[case("tokenLimit", true)]
    #[case("token", false)]
    #[case("pin", false)]
    #[case("accountToken", false)]
    fn names_of_counts(#[case] name: &str, #[case] expected: bool) {
        assert_eq!(is_count_name(name), expected);
    }
}
