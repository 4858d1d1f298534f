//! The lines that `clawcheck serve --verbose` writes: `connection 0: locality: local: the peer 127.0.0.1 is loopback`.

use openclaw_model::Check;
use std::net::IpAddr;

/// The number of characters at which a line cuts off its scopes.
const MAX_SCOPES_LENGTH: usize = 200;
/// The sentences about credentials, and the reasons that a gateway logs for them.
const REFUSED_CREDENTIALS: [(&str, &str); 6] = [
    ("the client sent no token", "token_missing"),
    ("the client sent no password", "password_missing"),
    ("the client's token is not", "token_mismatch"),
    ("the client's password is not", "password_mismatch"),
    ("the device token is not valid", "device_token_mismatch"),
    ("the bootstrap token is unknown", "bootstrap_token_invalid"),
];
/// The sentences about accepted credentials, and their methods.
const ACCEPTED_CREDENTIALS: [(&str, &str); 4] = [
    ("admitted by auth mode none", "none"),
    ("admitted by the gateway's token", "token"),
    ("admitted by the gateway's password", "password"),
    ("admitted by the device's own token", "device-token"),
];

/// A line about a check of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VerboseLine<'a> {
    /// The number of the connection.
    pub(crate) connection: &'a str,
    /// The check.
    pub(crate) check: Check,
    /// The result of the check.
    sentence: &'a str,
}

impl<'a> VerboseLine<'a> {
    /// Recognizes a line, also after a time or the name of a program.
    pub(crate) fn of(line: &'a str) -> Option<Self> {
        let (connection, rest) = line.split_once("connection ")?.1.split_once(": ")?;
        let (name, sentence) = rest.split_once(": ")?;
        let check = Check::ALL.into_iter().find(|check| check.name() == name)?;
        let is_number = !connection.is_empty() && connection.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(Self { connection, check, sentence })
    }

    /// The reason for a refusal, if the line is about one.
    pub(crate) fn refusal(&self) -> Option<&'a str> {
        self.sentence.strip_prefix("refused: ").filter(|_| self.check == Check::Answer)
    }

    /// The fields of the line, under the names that the log of a gateway uses.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        match self.check {
            Check::Frame => self.client().unwrap_or_default(),
            Check::Upgrade | Check::Locality => self.address(),
            Check::Credentials => self.credentials(),
            Check::Origin | Check::Device | Check::Pairing | Check::Answer | Check::Call => Vec::new(),
        }
    }

    /// `cli/cli as operator [operator.read], device 68813922`.
    fn client(&self) -> Option<Vec<(&'static str, String)>> {
        let (client, rest) = self.sentence.split_once(" as ")?;
        let (role, rest) = rest.split_once(" [")?;
        let (scopes, device) = rest.rsplit_once("], ")?;
        let device = device.strip_prefix("device ").unwrap_or("no");
        let mut fields = vec![("client", client.replacen('/', " ", 1)), ("role", role.to_owned())];
        fields.push(("device", device.to_owned()));
        if scopes.chars().count() < MAX_SCOPES_LENGTH {
            fields.push(("scopesTo", scopes.replace(", ", ",")));
        }
        Some(fields)
    }

    /// The address of the client, its host, or the header that marks a proxy.
    fn address(&self) -> Vec<(&'static str, String)> {
        let sentence = self.sentence.trim_start_matches("not ").trim_start_matches("local: ");
        let word = |before: &str| {
            let after = sentence.split_once(before)?.1;
            Some(after.split([' ', ';']).next().unwrap_or_default().trim_matches('`').to_owned())
        };
        let peers = ["the peer ", "the trusted proxy ", "the client's address ", " is present and "];
        let is_address = |text: &String| text.parse::<IpAddr>().is_ok();
        let remote = peers.into_iter().find_map(|before| word(before).filter(is_address));
        let header = sentence.strip_prefix("header ").and_then(|rest| rest.split(' ').next()).map(str::to_lowercase);
        let host = word("Host ").filter(|_| sentence.starts_with("Host "));
        let refused = (self.check == Check::Upgrade).then(|| "HTTP 403".to_owned());
        let fields = [("remote", remote), ("header", header), ("host", host), ("code", refused)];
        fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn credentials(&self) -> Vec<(&'static str, String)> {
        let of = |name, list: &[(&str, &str)]| {
            let found = list.iter().find(|(begin, _)| self.sentence.starts_with(begin));
            found.map(|(_, word)| (name, (*word).to_owned()))
        };
        [of("refused", &REFUSED_CREDENTIALS), of("auth", &ACCEPTED_CREDENTIALS)].into_iter().flatten().collect()
    }
}
