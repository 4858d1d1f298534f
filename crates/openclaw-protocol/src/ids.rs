//! Random values of the protocol in their text forms.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A version 4 UUID from sixteen random bytes, for nonces, request ids, connection ids and approval ids.
pub fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    bytes.iter().enumerate().fold(String::with_capacity(36), |mut text, (at, byte)| {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.extend(hex(*byte));
        text
    })
}

/// The two lower-case hexadecimal digits of a byte.
pub(super) fn hex(byte: u8) -> impl Iterator<Item = char> {
    [byte >> 4, byte & 0x0f].into_iter().filter_map(|digit| char::from_digit(digit.into(), 16))
}

/// A device, node or bootstrap token from thirty-two random bytes, in unpadded base64url.
pub fn token(bytes: [u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn uuid_version_and_variant() {
        assert_eq!(super::uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(super::token([0; 32]).len(), 43);
    }
}
