//! Base64url without padding, as in JWS (RFC 7515 §2). Strict: each sequence of bytes has one encoding.

use std::sync::LazyLock;

use base64::engine::general_purpose::{NO_PAD, URL_SAFE};
use base64::{Engine as _, engine::Simd};

/// Rejects padding, trailing bits that are not zero, and characters outside the URL-safe alphabet.
static STRICT: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

pub(crate) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    STRICT.decode(text).ok()
}

/// As [`decode`], and also accepts padding and the standard alphabet, in which some issuers publish keys.
pub(crate) fn decode_lenient(text: &str) -> Option<Vec<u8>> {
    let url_safe = text.replace('+', "-").replace('/', "_");
    decode(&url_safe).or_else(|| URL_SAFE.decode(url_safe).ok())
}

/// As [`decode`], into `buffer`: returns its filled part, and `None` also if it is too short.
pub(crate) fn decode_into<'b>(text: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let length = STRICT.decode_slice(text, buffer).ok()?;
    buffer.get(..length)
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    STRICT.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j1_other_encodings_are_rejected() {
        assert_eq!(decode("AQAB"), Some(vec![1, 0, 1]));
        assert_eq!(decode("_-8"), Some(vec![0xff, 0xef]));
        assert_eq!(decode(""), Some(vec![]));
        for text in [
            "AQAB=", "AQ==", "_-9", "/+8", "AR", "A", "AQ AB", "AQ\nAB", "AQAB ", "AQ.B", "AQäB",
            "AQ?B",
        ] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }

    #[test]
    fn lenient_decoding_accepts_padding_and_standard_alphabet() {
        for (text, bytes) in [
            ("AQAB", &[1, 0, 1][..]),
            ("AQ==", &[1]),
            ("_-8=", &[0xff, 0xef]),
            ("/+8=", &[0xff, 0xef]),
            ("/+8", &[0xff, 0xef]),
        ] {
            assert_eq!(decode_lenient(text), Some(bytes.to_vec()), "{text}");
        }
        for text in [
            "AQAB=", "AQ=", "AQ===", "====", "=", "AR==", "A", "AQ AB", "AQ\nAB", "A=Q=",
            "AQ==AQ==", "AQ.B",
        ] {
            assert_eq!(decode_lenient(text), None, "{text:?}");
        }
    }

    #[test]
    fn text_longer_than_the_buffer_is_rejected() {
        let mut buffer = [0; 3];
        assert_eq!(decode_into(b"AQAB", &mut buffer), Some(&[1, 0, 1][..]));
        assert_eq!(decode_into(b"AQABAQ", &mut buffer), None);
    }

    #[test]
    fn encoding_round_trips() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(encode(&bytes)), Some(bytes));
    }
}
