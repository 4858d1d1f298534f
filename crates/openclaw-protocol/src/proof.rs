//! The proof of possession: one line of text that the device signs (`buildDeviceAuthPayload*` in `device-auth.ts`).

/// The signed contents of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof<'a> {
    /// `device.id`.
    pub device_id: &'a str,
    /// `client.id`.
    pub client_id: &'a str,
    /// `client.mode`.
    pub client_mode: &'a str,
    /// The requested role.
    pub role: &'a str,
    /// The requested scopes, in their order.
    pub scopes: &'a [String],
    /// The time of the signature, in milliseconds since 1970.
    pub signed_at_ms: i64,
    /// The first of `auth.token`, `auth.deviceToken` and `auth.bootstrapToken` that is present. Otherwise empty.
    pub token: &'a str,
    /// The nonce of the challenge.
    pub nonce: &'a str,
    /// `client.platform`.
    pub platform: Option<&'a str>,
    /// `client.deviceFamily`.
    pub device_family: Option<&'a str>,
}

/// The format of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofVersion {
    /// A proof without a nonce. Only the oldest known release accepts such a proof.
    V1,
    /// A proof with the nonce.
    V2,
    /// A proof with the nonce, the platform and the device family. The oldest known release refuses such a proof.
    V3,
}

impl Proof<'_> {
    /// The line to sign.
    pub fn payload(&self, version: ProofVersion) -> String {
        let common = format!(
            "{}|{}|{}|{}|{}|{}|{}",
            self.device_id,
            self.client_id,
            self.client_mode,
            self.role,
            self.scopes.join(","),
            self.signed_at_ms,
            self.token
        );
        match version {
            ProofVersion::V1 => format!("v1|{common}"),
            ProofVersion::V2 => format!("v2|{common}|{}", self.nonce),
            ProofVersion::V3 => {
                let platform = normal_metadata(self.platform);
                let family = normal_metadata(self.device_family);
                format!("v3|{common}|{}|{platform}|{family}", self.nonce)
            }
        }
    }
}

/// Platform and device family in the form in which proofs and pins compare them: trimmed, ASCII letters in lower case,
/// empty if absent.
pub fn normal_metadata(value: Option<&str>) -> String {
    value.map(|value| value.trim().to_ascii_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(ProofVersion::V1, "v1|d|cli|cli|operator|a,b|12|t")]
    #[case(ProofVersion::V2, "v2|d|cli|cli|operator|a,b|12|t|n")]
    #[case(ProofVersion::V3, "v3|d|cli|cli|operator|a,b|12|t|n|linux|")]
    fn proof_payload_is_one_line(#[case] version: ProofVersion, #[case] line: &str) {
        let proof = Proof {
            device_id: "d",
            client_id: "cli",
            client_mode: "cli",
            role: "operator",
            scopes: &["a".to_owned(), "b".to_owned()],
            signed_at_ms: 12,
            token: "t",
            nonce: "n",
            platform: Some(" Linux "),
            device_family: None,
        };
        assert_eq!(proof.payload(version), line);
    }
}
