//! Device identity: an Ed25519 key, the id derived from it, and the proof of possession.

use super::public_key;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

pub use super::public_key::device_id;

/// A device's key pair.
#[derive(Clone)]
pub struct DeviceKey(SigningKey);

impl DeviceKey {
    /// The key that belongs to a name. The same name always results in the same key, and different names in different
    /// keys.
    pub fn from_name(name: &str) -> Self {
        Self(SigningKey::from_bytes(&Sha256::digest(name.as_bytes()).into()))
    }

    /// The key from a PKCS #8 PEM, as in `identity/device.json`. `None` if it contains no Ed25519 key.
    pub fn from_pem(pem: &str) -> Option<Self> {
        let body = pem.trim().strip_prefix("-----BEGIN PRIVATE KEY-----")?.strip_suffix("-----END PRIVATE KEY-----")?;
        let der = STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;
        SigningKey::from_pkcs8_der(&der).ok().map(Self)
    }

    /// The raw public key in unpadded base64url, as in `device.publicKey`.
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.verifying_key().as_bytes())
    }

    /// The public key as an SPKI PEM, which gateways also accept.
    pub fn public_key_pem(&self) -> String {
        let der = [&public_key::SPKI_PREFIX[..], self.0.verifying_key().as_bytes()].concat();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
    }

    /// The device id: the lower-case hex SHA-256 of the raw public key.
    pub fn device_id(&self) -> String {
        device_id(self.0.verifying_key().as_bytes())
    }

    /// The signature of a proof payload, in unpadded base64url.
    pub fn sign(&self, payload: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.0.sign(payload.as_bytes()).to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::DeviceKey;

    /// The key of RFC 8410, section 10.3, and its public key according to OpenSSL.
    const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";

    #[test]
    fn reads_private_key_from_pem() {
        let key = DeviceKey::from_pem(PEM).unwrap();
        assert_eq!(key.public_key(), "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
        assert_eq!(DeviceKey::from_pem(&PEM.replace("MC4C", "MC4D")).map(|key| key.public_key()), None);
        assert_eq!(DeviceKey::from_pem(&key.public_key_pem()).map(|key| key.public_key()), None);
    }
}
