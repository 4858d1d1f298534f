//! What in a URL must not be shown.

use percent_encoding::percent_decode_str;

/// Parts of the names of parameters that hold secrets.
const SECRET_NAMES: [&str; 13] =
    ["token", "secret", "pass", "pwd", "auth", "key", "sig", "cred", "session", "ticket", "code", "jwt", "bearer"];
/// Shorter words are no drawn ones.
const SHORTEST_DRAWN: usize = 16;

/// The user and the password, the values of secret parameters of query and fragment, and whatever of these and of the path
/// looks drawn; each as it stands and decoded.
pub(super) fn secrets(url: &str) -> Vec<String> {
    let Some((_, rest)) = url.split_once("://") else { return Vec::new() };
    let mut found = Vec::new();
    // A password may have a slash in it.
    let authority_end = rest.rfind('@').map_or(0, |at| at + 1);
    if authority_end > 0 {
        let info = &rest[..authority_end - 1];
        match info.split_once(':') {
            Some((_, password)) => found.push(password),
            None => found.push(info),
        }
    }
    let rest = &rest[authority_end..];
    let path_end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (path, parameters) = rest.split_at(path_end);
    found.extend(path.split('/').skip(1).filter(|segment| is_drawn(segment)));
    for parameter in parameters.split(['?', '#', '&', ';']) {
        let (name, value) = parameter.split_once('=').unwrap_or(("", parameter));
        let name = name.to_ascii_lowercase();
        if SECRET_NAMES.iter().any(|secret| name.contains(secret)) || is_drawn(value) {
            found.push(value);
        }
    }
    let decoded = |text: &&str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    found.iter().flat_map(|text| [(*text).to_owned(), decoded(text)]).collect()
}

/// Whether a word has the look of one that a machine drew: long, with letters and digits, and no name of a file or host.
fn is_drawn(word: &str) -> bool {
    word.len() >= SHORTEST_DRAWN
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
    #[case("ws://h/t/a1b2c3d4e5f6a7b8/ws", &["a1b2c3d4e5f6a7b8"])]
    fn finds_what_lets_its_reader_in(#[case] url: &str, #[case] expected: &[&str]) {
        let mut found = secrets(url);
        found.dedup();
        assert_eq!(found, expected);
    }
}
