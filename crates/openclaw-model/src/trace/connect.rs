//! The `connect` of a client: the client, its platform, what it requests, its device and its kinds of credentials.

use super::quoted::{Sentence, list, word};
use serde_json::Value;
use std::fmt;

/// The minimum length of a secret that is searched for in the texts of a client. A shorter one occurs everywhere.
const MIN_SECRET: usize = 4;
/// The text in place of a secret.
const HIDDEN: &str = "<secret>";

/// A kind of credential that a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentCredential {
    /// `auth.token`.
    Token,
    /// `auth.password`.
    Password,
    /// `auth.deviceToken`.
    DeviceToken,
    /// `auth.bootstrapToken`.
    BootstrapToken,
}

impl SentCredential {
    const ALL: [Self; 4] = [Self::Token, Self::Password, Self::DeviceToken, Self::BootstrapToken];

    fn words(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Password => "password",
            Self::DeviceToken => "device token",
            Self::BootstrapToken => "bootstrap token",
        }
    }

    /// Its member of `auth`.
    fn member(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Password => "password",
            Self::DeviceToken => "deviceToken",
            Self::BootstrapToken => "bootstrapToken",
        }
    }
}

/// A connect, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectFinding {
    /// `client.id`.
    pub client_id: String,
    /// `client.mode`.
    pub mode: String,
    /// `client.platform`.
    pub platform: String,
    /// The requested role.
    pub role: String,
    /// The requested scopes. `None` if they are too long to be shown.
    pub scopes: Option<Vec<String>>,
    /// The id of the device.
    pub device: Option<String>,
    /// The kinds of the credentials.
    pub credentials: Vec<SentCredential>,
}

impl ConnectFinding {
    /// The connect with these parameters, which can be invalid. `None` if they do not name a client.
    pub(crate) fn of_params(params: &Value) -> Option<Self> {
        let client = params.get("client")?.as_object()?;
        let sent = |kind: &SentCredential| params["auth"][kind.member()].as_str().filter(|sent| !sent.is_empty());
        // A client can repeat its secret in another text.
        let secrets = SentCredential::ALL.iter().filter_map(sent).filter(|secret| secret.len() >= MIN_SECRET);
        let secrets = secrets.collect::<Vec<_>>();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(|text| without(&secrets, text));
        let of_client = |name: &str| text(client.get(name)).unwrap_or_default();
        let scopes = params.get("scopes").and_then(Value::as_array);
        Some(Self {
            client_id: of_client("id"),
            mode: of_client("mode"),
            platform: of_client("platform"),
            role: text(params.get("role")).unwrap_or_else(|| "operator".to_owned()),
            scopes: Some(scopes.into_iter().flatten().filter_map(|scope| text(Some(scope))).collect()),
            device: params.get("device").and_then(|device| text(device.get("id"))),
            credentials: SentCredential::ALL.into_iter().filter(|kind| sent(kind).is_some()).collect(),
        })
    }

    /// Reads the sentence of a trace.
    pub fn of_sentence(sentence: &str) -> Option<Self> {
        let mut rest = Sentence(sentence);
        let client_id = rest.text()?;
        rest.words("/")?;
        let mode = rest.text()?;
        rest.words(" on ")?;
        let platform = rest.text()?;
        rest.words(" as ")?;
        let role = rest.text()?;
        rest.words(" [")?;
        let scopes = rest.list()?;
        let device = match rest.has(", no device") {
            true => None,
            false => Some(rest.words(", device ").and_then(|()| rest.text())?),
        };
        let credentials = read_credentials(&mut rest)?;
        rest.is_at_end().then_some(Self { client_id, mode, platform, role, scopes, device, credentials })
    }
}

/// The text without these secrets. Secrets can overlap: one can be a part of another, or begin where another ends.
fn without(secrets: &[&str], text: &str) -> String {
    let found = secrets.iter().flat_map(|secret| {
        let starts = (0..text.len()).filter(|at| text.as_bytes()[*at..].starts_with(secret.as_bytes()));
        starts.map(|start| (start, start + secret.len()))
    });
    let mut found = found.collect::<Vec<_>>();
    found.sort_unstable();
    let (mut shown, mut end_of_last) = (String::new(), 0);
    for (start, end) in found {
        if start >= end_of_last {
            shown.push_str(&text[end_of_last..start]);
            shown.push_str(HIDDEN);
        }
        end_of_last = end_of_last.max(end);
    }
    shown + &text[end_of_last..]
}

fn read_credentials(rest: &mut Sentence<'_>) -> Option<Vec<SentCredential>> {
    if rest.has(", without credentials") {
        return Some(Vec::new());
    }
    rest.words(", with ")?;
    let words = std::mem::take(&mut rest.0);
    words.split(" and ").map(|words| SentCredential::ALL.into_iter().find(|kind| kind.words() == words)).collect()
}

impl fmt::Display for ConnectFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client_id, mode, platform, role, .. } = self;
        write!(f, "{}/{} on {} as {} [", word(client_id), word(mode), word(platform), word(role))?;
        f.write_str(&list(self.scopes.as_deref()))?;
        match &self.device {
            Some(device) => write!(f, "], device {}", word(device))?,
            None => f.write_str("], no device")?,
        }
        match self.credentials.as_slice() {
            [] => f.write_str(", without credentials"),
            sent => write!(f, ", with {}", sent.iter().map(|kind| kind.words()).collect::<Vec<_>>().join(" and ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::subsequence;
    use serde_json::json;

    const TEXT: &str = "[a-z.]{1,9}|.{0,20}";

    #[test]
    fn overlapping_secrets_are_hidden() {
        let auth = json!({ "token": "abcd", "password": "abcdefgh", "deviceToken": "ghij", "bootstrapToken": "éxyé" });
        let texts = ["abcdefgh abcd", "abcdefghij", "abcabcd-éxyéxyé", "abc"];
        let shown = ["<secret> <secret>", "<secret>", "abc<secret>-<secret>", "abc"];
        let params = json!({ "client": { "platform": "ghijabcd" }, "scopes": texts, "auth": auth });
        let connect = ConnectFinding::of_params(&params).unwrap();
        assert_eq!(connect.scopes, Some(shown.map(str::to_owned).to_vec()));
        assert_eq!(connect.platform, "<secret><secret>");
    }

    proptest! {
        #[test]
        fn connect_is_read_back(
            (client_id, mode, platform, role) in (TEXT, TEXT, TEXT, TEXT),
            scopes in vec(TEXT, 0..12),
            device in proptest::option::of(TEXT),
            credentials in subsequence(SentCredential::ALL.to_vec(), 0..=4),
        ) {
            let sent = ConnectFinding { client_id, mode, platform, role, scopes: Some(scopes), device, credentials };
            let line = sent.to_string();
            let read = ConnectFinding::of_sentence(&line).unwrap();
            let is_cut = line.contains('…');
            prop_assert_eq!(&read.scopes, if is_cut { &None } else { &sent.scopes });
            prop_assert_eq!(ConnectFinding { scopes: sent.scopes.clone(), ..read }, sent);
        }

        #[test]
        fn any_sentence_is_read(sentence in "(cli/cli on linux as operator \\[)?.{0,60}") {
            let _ = ConnectFinding::of_sentence(&sentence);
        }
    }
}
