//! The verdict about a client's credentials: its name in the release, and its sentence in a trace.

use std::fmt;

/// An enum whose variants have a name in the release and words for people.
macro_rules! worded {
    ($(#[$of_enum:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $in_release:literal, $words:literal;)* }) => {
        $(#[$of_enum])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// Every variant.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in the release.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $in_release,)*
                }
            }

            /// Its words, for people.
            pub fn words(self) -> &'static str {
                match self {
                    $(Self::$variant => $words,)*
                }
            }
        }
    };
}

worded! {
    /// The method that admitted a client.
    AuthMethod {
        /// The auth mode `none`.
        None = "none", "auth mode none, which needs no credentials";
        /// The gateway's token.
        Token = "token", "the gateway's token";
        /// The gateway's password.
        Password = "password", "the gateway's password";
        /// A reverse proxy that authenticates users.
        TrustedProxy = "trusted-proxy", "a trusted proxy";
        /// A bootstrap token.
        BootstrapToken = "bootstrap-token", "a bootstrap token";
        /// The token in the record of the device.
        DeviceToken = "device-token", "the device's own token";
    }
}

worded! {
    /// The reason why a client's credentials are refused. The name is `details.authReason`.
    AuthFailure {
        /// The gateway has no token.
        TokenMissingConfig = "token_missing_config", "the gateway requires a token, but has none configured";
        /// The client sent no token.
        TokenMissing = "token_missing", "the client sent no token";
        /// The client sent another token.
        TokenMismatch = "token_mismatch", "the client's token is not the gateway's token";
        /// The gateway has no password.
        PasswordMissingConfig = "password_missing_config", "the gateway requires a password, but has none configured";
        /// The client sent no password.
        PasswordMissing = "password_missing", "the client sent no password";
        /// The client sent another password.
        PasswordMismatch = "password_mismatch", "the client's password is not the gateway's password";
        /// The bootstrap token is refused.
        BootstrapTokenInvalid = "bootstrap_token_invalid", "the bootstrap token is unknown, used or expired";
        /// The device token is refused.
        DeviceTokenMismatch = "device_token_mismatch", "the device token is not valid for this device and role";
        /// The device token does not cover the scopes.
        ScopeMismatch = "scope_mismatch", "the device token has fewer scopes than the client requests";
        /// The address is locked out.
        RateLimited = "rate_limited", "too many failed attempts from this address";
        /// The peer is not a trusted proxy.
        ProxyUntrusted = "trusted_proxy_untrusted_source", "gateway.trustedProxies does not name the peer";
        /// The proxy is on loopback.
        ProxyOnLoopback = "trusted_proxy_loopback_source", "a proxy on loopback cannot authenticate users";
        /// The header of the user is missing.
        ProxyUserMissing = "trusted_proxy_user_missing", "the proxy names no user";
        /// The user is not in the list.
        ProxyUserNotAllowed = "trusted_proxy_user_not_allowed", "gateway.auth.trustedProxy.allowUsers does not list the user";
        /// No proxy is trusted.
        NoTrustedProxies = "trusted_proxy_no_proxies_configured", "gateway.trustedProxies is empty";
        /// The settings of the proxy are missing.
        ProxyConfigMissing = "trusted_proxy_config_missing", "gateway.auth.trustedProxy is not set";
        /// A required header is missing. Its name follows both the name and the words.
        ProxyHeaderMissing = "trusted_proxy_missing_header_", "the proxy does not send the required header ";
        /// A user whose reverse proxy does not name the address of the client.
        NoClientAddress = "proxy_attribution_required", "the proxy names a user, but not the address of the client";
    }
}

impl AuthFailure {
    /// Whether the client sent another secret than the gateway's.
    pub(super) fn is_wrong_secret(self) -> bool {
        matches!(self, Self::TokenMismatch | Self::PasswordMismatch)
    }

    /// Whether the client did not send the gateway's secret.
    pub(super) fn is_missing_secret(self) -> bool {
        matches!(self, Self::TokenMissing | Self::PasswordMissing)
    }

    /// The failure with this name.
    pub fn named(name: &str) -> Option<Self> {
        let begins = name.starts_with(Self::ProxyHeaderMissing.name()).then_some(Self::ProxyHeaderMissing);
        Self::ALL.iter().copied().find(|failure| failure.name() == name).or(begins)
    }
}

/// The words before the method that admitted a client.
const ADMITTED: &str = "admitted by ";
/// The words before the reason why the token is not a device token either.
const NO_DEVICE_TOKEN: &str = "; it is also refused as a device token: ";

/// What a gateway found out about a client's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsFinding {
    /// They are accepted.
    Admitted(AuthMethod),
    /// They are refused.
    Refused {
        /// The reason.
        failure: AuthFailure,
        /// The name of the missing header.
        header: Option<String>,
        /// The reason why the token is not a device token either.
        as_device_token: Option<String>,
    },
}

impl CredentialsFinding {
    /// Reads the sentence of a trace.
    pub fn of_sentence(sentence: &str) -> Option<Self> {
        if let Some(words) = sentence.strip_prefix(ADMITTED) {
            return AuthMethod::ALL.iter().find(|method| method.words() == words).copied().map(Self::Admitted);
        }
        let (words, reason) = sentence.split_once(NO_DEVICE_TOKEN).map_or((sentence, None), |(a, b)| (a, Some(b)));
        let as_device_token = reason.map(str::to_owned);
        let header = words.strip_prefix(AuthFailure::ProxyHeaderMissing.words()).map(str::to_owned);
        let named = AuthFailure::ALL.iter().copied().find(|failure| failure.words() == words);
        let failure = if header.is_some() { Some(AuthFailure::ProxyHeaderMissing) } else { named };
        failure.map(|failure| Self::Refused { failure, header, as_device_token })
    }
}

impl fmt::Display for CredentialsFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admitted(method) => write!(f, "{ADMITTED}{}", method.words()),
            Self::Refused { failure, header, as_device_token } => {
                write!(f, "{}{}", failure.words(), header.as_deref().unwrap_or_default())?;
                as_device_token.iter().try_for_each(|reason| write!(f, "{NO_DEVICE_TOKEN}{reason}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_is_read_back() {
        let admitted = AuthMethod::ALL.iter().copied().map(CredentialsFinding::Admitted);
        let refused = AuthFailure::ALL.iter().flat_map(|failure| {
            let header = (*failure == AuthFailure::ProxyHeaderMissing).then(|| "x-user".to_owned());
            [None, Some("token-mismatch".to_owned())].map(|as_device_token| CredentialsFinding::Refused {
                failure: *failure,
                header: header.clone(),
                as_device_token,
            })
        });
        for finding in admitted.chain(refused) {
            assert_eq!(CredentialsFinding::of_sentence(&finding.to_string()), Some(finding));
        }
        assert_eq!(CredentialsFinding::of_sentence("admitted by a friend"), None);
    }

    #[test]
    fn every_failure_is_found_by_its_name() {
        for failure in AuthFailure::ALL {
            assert_eq!(AuthFailure::named(failure.name()), Some(*failure));
        }
        assert_eq!(AuthFailure::named("trusted_proxy_missing_header_x-user"), Some(AuthFailure::ProxyHeaderMissing));
    }
}
