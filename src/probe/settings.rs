//! How a gateway is asked.

use crate::client::connect::Auth;
use std::net::IpAddr;
use std::time::Duration;

/// The known information about the shared secret of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Secret {
    /// The token of the gateway.
    Token(String),
    /// The password of the gateway.
    Password(String),
    /// Nothing is known.
    Unknown,
}

impl Secret {
    /// The `auth` object with the secret. Empty if the secret is unknown.
    pub(super) fn auth(&self) -> Auth {
        match self {
            Self::Token(token) => Auth { token: Some(token.clone()), ..Auth::default() },
            Self::Password(password) => Auth { password: Some(password.clone()), ..Auth::default() },
            Self::Unknown => Auth::default(),
        }
    }

    /// The variable that contains the secret of a gateway at a URL. If the secret is unknown, the variable to set.
    pub(crate) fn variable(&self) -> &'static str {
        match self {
            Self::Password(_) => "CLAWCHECK_PASSWORD",
            Self::Token(_) | Self::Unknown => "CLAWCHECK_TOKEN",
        }
    }

    /// The credentials with the secret in the wrong field: a token as a password, or a password as a token.
    pub(super) fn swapped(&self) -> Auth {
        match self {
            Self::Token(token) => Self::Password(token.clone()).auth(),
            Self::Password(password) => Self::Token(password.clone()).auth(),
            Self::Unknown => Auth::default(),
        }
    }
}

/// Whether the proofs of a probe are sent with the shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ProofSecret {
    /// They are sent with it.
    Sent,
    /// They are sent without it, because a gateway that accepts a proof with the secret pairs the device. The variable
    /// contains the secret.
    Withheld(&'static str),
    /// The secret is unknown.
    #[default]
    Unknown,
}

/// The default maximum wait for the gateway to close the connection of a silent client. It is longer than the shortest
/// handshake timeout of the known releases. An option of `probe` sets a longer wait.
pub(crate) const SILENCE_WAIT: Duration = Duration::from_secs(4);

/// How a gateway is asked.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The shared secret of the gateway, as far as it is known.
    pub(crate) secret: Secret,
    /// Whether questions may leave records in the gateway's pairing store.
    pub(crate) writes: bool,
    /// The address that the gateway sees. `None`: loopback.
    pub(crate) peer: Option<IpAddr>,
    /// The maximum wait for the gateway to give up on a silent client.
    pub(crate) silence: Duration,
    /// The maximum wait for one answer.
    pub(crate) answer: Duration,
    /// The maximum time for all questions together.
    pub(crate) total: Duration,
}

impl Settings {
    /// Whether proofs are sent with the secret.
    pub(super) fn proof_secret(&self) -> ProofSecret {
        match &self.secret {
            Secret::Unknown => ProofSecret::Unknown,
            _ if self.writes => ProofSecret::Sent,
            secret => ProofSecret::Withheld(secret.variable()),
        }
    }

    /// Settings for a gateway with this secret.
    pub(crate) fn new(secret: Secret, writes: bool) -> Self {
        Self {
            secret,
            writes,
            peer: None,
            silence: SILENCE_WAIT,
            answer: Duration::from_secs(5),
            total: Duration::from_secs(60),
        }
    }
}
