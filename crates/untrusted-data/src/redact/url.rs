//! Finds the secrets in a URL.

use super::names::{is_secret_name, words};
use percent_encoding::percent_decode_str;

/// Parts of the names of parameters that contain secrets, next to those of [`is_secret_name`].
const SECRET_PARTS: [&str; 3] = ["session", "ticket", "oauth"];
/// Shorter names. They count only as separate words, because they are parts of other words (`design`, `decode`,
/// `author`).
const SECRET_WORDS: [&str; 8] = ["auth", "authkey", "authcode", "key", "sig", "cred", "creds", "code"];
/// Minimum length of a random word.
const MIN_DRAWN_LENGTH: usize = 16;

/// A secret of a URL.
pub(super) struct Secret {
    /// The secret.
    pub(super) value: String,
    /// The secret with the name and the separators around it, as in the URL: `token=SECRET`.
    pub(super) with_name: String,
}

/// The user and the password, the values of secret parameters in query and fragment, and all random words in these and
/// in the path. Each is returned unchanged and decoded.
pub(super) fn secrets(url: &str) -> Vec<Secret> {
    let Some((_, rest)) = url.split_once("://") else { return Vec::new() };
    let mut found = Vec::new();
    // A password can contain a slash.
    let authority_end = rest.rfind('@').map_or(0, |at| at + 1);
    if authority_end > 0 {
        let info = &rest[..authority_end - 1];
        match info.split_once(':') {
            Some((_, password)) => found.push((password, format!("{info}@"))),
            None => found.push((info, format!("{info}@"))),
        }
    }
    let rest = &rest[authority_end..];
    let path_end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (path, parameters) = rest.split_at(path_end);
    let drawn = path.split('/').skip(1).filter(|segment| looks_random(segment));
    found.extend(drawn.map(|segment| (segment, segment.to_owned())));
    for parameter in parameters.split(['?', '#', '&', ';']) {
        let (name, value) = parameter.split_once('=').unwrap_or(("", parameter));
        if is_secret(name) || looks_random(value) {
            found.push((value, parameter.to_owned()));
        }
    }
    // An empty value is not a secret, and neither is its name.
    found.retain(|(value, _)| !value.is_empty());
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let as_written_and_decoded = |(value, with_name): (&str, String)| {
        let decoded = Secret { value: decoded(value), with_name: decoded(&with_name) };
        [Secret { value: value.to_owned(), with_name }, decoded]
    };
    found.into_iter().flat_map(as_written_and_decoded).collect()
}

/// Whether a parameter with this name contains a secret.
fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    is_secret_name(name)
        || SECRET_PARTS.iter().any(|part| lower.contains(part))
        || words(name).iter().any(|word| SECRET_WORDS.contains(&word.as_str()))
}

/// Whether a word looks random: long, with letters and digits, and not the name of a file or host.
fn looks_random(word: &str) -> bool {
    word.len() >= MIN_DRAWN_LENGTH
        && !word.contains('.')
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::secrets;
    use rstest::rstest;

    #[rstest]
    #[case("ws://h:1/ws", &[])]
    #[case("not a url?token=abcd", &[])]
    #[case("ws://me:se/cr@t@h/", &["se/cr@t"])]
    #[case("ws://lonetoken@h/", &["lonetoken"])]
    #[case("ws://h/?profile=dev&access_token=a%62cd", &["a%62cd", "abcd"])]
    #[case("wss://h#token=abcd", &["abcd"])]
    #[case("ws://h/?design=abcd&author=abcd&decode=abcd&monkey=abcd", &[])]
    #[case("ws://h/?X-Amz-Sig=abcd", &["abcd"])]
    #[case("ws://h/?sessionKey=abcd", &["abcd"])]
    #[case("ws://h/?apikey=abcd", &["abcd"])]
    #[case("ws://h/?auth_code=abcd", &["abcd"])]
    #[case("ws://h/?token=&code=#key=", &[])]
    #[case("ws://me:@h/", &[])]
    #[case("ws://h/t/a1b2c3d4e5f6a7b8/ws", &["a1b2c3d4e5f6a7b8"])]
    fn finds_secrets_in_url(#[case] url: &str, #[case] expected: &[&str]) {
        let mut found = secrets(url).into_iter().map(|secret| secret.value).collect::<Vec<_>>();
        found.dedup();
        assert_eq!(found, expected);
    }
}
