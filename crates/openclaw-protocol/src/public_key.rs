//! Public keys in every form that the releases accept (`device-identity.ts`).

use super::ids;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING } around the 32 raw bytes (RFC 8410).
pub(super) const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const RAW_LENGTH: usize = 32;

/// A decoded public key. Whether it is a point of the curve is only known at the verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// A key from base64 or base64url, with or without padding, or from an Ed25519 SPKI PEM. `None` if it cannot be
    /// decoded.
    pub fn parse(text: &str) -> Option<Self> {
        let raw = if text.contains("BEGIN") { pem_key(text)? } else { lenient_base64(text) };
        (!raw.is_empty()).then_some(Self(raw))
    }

    /// The device id of the key.
    pub fn device_id(&self) -> String {
        device_id(&self.0)
    }

    /// The form in the store: unpadded base64url.
    pub fn to_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// Whether a signature, in any base64, is valid for the payload. Bytes after the key's 32 are ignored, as in
    /// OpenSSL.
    pub fn verifies(&self, payload: &str, signature: &str) -> bool {
        let key = self.0.first_chunk::<RAW_LENGTH>().and_then(|raw| VerifyingKey::from_bytes(raw).ok());
        let signature = Signature::from_slice(&lenient_base64(signature)).ok();
        key.zip(signature).is_some_and(|(key, signature)| key.verify(payload.as_bytes(), &signature).is_ok())
    }
}

/// A public key in unpadded base64url, from any form that a release accepts. `None` if it cannot be decoded.
pub fn normalise(key: &str) -> Option<String> {
    PublicKey::parse(key).map(|key| key.to_base64url())
}

/// The device id of a raw public key.
pub fn device_id(raw_public_key: &[u8]) -> String {
    Sha256::digest(raw_public_key).iter().fold(String::with_capacity(64), |mut id, byte| {
        id.extend(ids::hex(*byte));
        id
    })
}

/// The raw key in a PEM. Header and footer must be on separate lines.
fn pem_key(text: &str) -> Option<Vec<u8>> {
    let mut lines = text.lines().map(str::trim_end).skip_while(|line| *line != "-----BEGIN PUBLIC KEY-----").skip(1);
    let mut body = String::new();
    loop {
        match lines.next()? {
            "-----END PUBLIC KEY-----" => break,
            line => body.push_str(line),
        }
    }
    let der = STANDARD.decode(body).ok()?;
    der.strip_prefix(&SPKI_PREFIX).and_then(|raw| raw.get(..RAW_LENGTH)).map(<[u8]>::to_vec)
}

/// Decodes like Node.js `Buffer.from(text, 'base64')`: both alphabets, other characters are skipped, the first `=` ends
/// the text, and incomplete bytes are dropped.
fn lenient_base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for digit in text.bytes().take_while(|byte| *byte != b'=').filter_map(base64_digit) {
        bits = (bits << 6 | u32::from(digit)) & 0xff_ffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    bytes
}

fn base64_digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::DeviceKey;
    use rstest::rstest;

    /// The results of Node.js 22.
    #[rstest]
    #[case("QUJD=REVG", b"ABC")]
    #[case("QUJD==", b"ABC")]
    #[case("QU JD", b"ABC")]
    #[case("QUJDR", b"ABC")]
    #[case("QUJD!REVG", b"ABCDEF")]
    #[case("QUI=RA==", b"AB")]
    #[case("====", b"")]
    #[case("Q", b"")]
    fn lenient_base64_like_node(#[case] text: &str, #[case] bytes: &[u8]) {
        assert_eq!(lenient_base64(text), bytes);
    }

    #[test]
    fn key_forms_are_equal() {
        let key = DeviceKey::from_name("a");
        let raw = PublicKey::parse(&key.public_key()).unwrap();
        let padded = format!("{}=", key.public_key().replace('-', "+").replace('_', "/"));
        let pem = key.public_key_pem();
        for form in [padded, pem.clone(), pem.replace('\n', "\r\n"), format!("junk\n{}", pem.trim())] {
            assert_eq!(PublicKey::parse(&form), Some(raw.clone()), "{form}");
        }
        assert_eq!((raw.device_id(), raw.to_base64url()), (key.device_id(), key.public_key()));
    }

    #[rstest]
    #[case("")]
    #[case("!!!")]
    #[case("-----BEGIN PUBLIC KEY-----MCowBQYDK2VwAyEA-----END PUBLIC KEY-----")]
    #[case("  -----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----")]
    fn rejects_invalid_keys(#[case] text: &str) {
        assert_eq!(PublicKey::parse(text), None);
    }

    #[test]
    fn signature_binds_payload_and_key() {
        let key = DeviceKey::from_name("a");
        let public = PublicKey::parse(&key.public_key()).unwrap();
        assert!(public.verifies("payload", &key.sign("payload")));
        assert!(!public.verifies("other", &key.sign("payload")));
        assert!(!public.verifies("payload", &DeviceKey::from_name("b").sign("payload")));
        assert!(!public.verifies("payload", "c2hvcnQ"));
        assert!(!PublicKey::parse("c2hvcnQ").unwrap().verifies("payload", &key.sign("payload")));
    }
}
