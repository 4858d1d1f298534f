//! The headers that proxies add to a connect.

/// Headers that name the user, and the address or the origin of the client. They contain no secrets.
const WITHOUT_SECRETS: [&str; 17] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-real-ip",
    "remote-user",
    "x-auth-request-email",
    "x-auth-request-user",
    "x-authentik-username",
    "x-pomerium-claim-email",
    "tailscale-user-login",
    "tailscale-user-name",
    "cf-access-authenticated-user-email",
    "cf-connecting-ip",
];
/// Headers with a signed token.
const WITH_SECRETS: [&str; 1] = ["cf-access-jwt-assertion"];

/// Whether proxies add a header of this name. The case of the letters does not matter.
pub(crate) fn is_known(name: &str) -> bool {
    WITH_SECRETS.iter().any(|known| known.eq_ignore_ascii_case(name)) || has_no_secret(name)
}

/// Whether proxies add a header of this name, and its value is no secret.
pub(crate) fn has_no_secret(name: &str) -> bool {
    WITHOUT_SECRETS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("X-Forwarded-User", true, true)]
    #[case("Cf-Access-Jwt-Assertion", true, false)]
    #[case("X-Openclaw-Token", false, false)]
    fn recognizes_secret_headers(#[case] name: &str, #[case] known: bool, #[case] without: bool) {
        assert_eq!((is_known(name), has_no_secret(name)), (known, without));
    }
}
