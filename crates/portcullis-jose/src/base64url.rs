//! Base64url without padding, as in JWS (RFC 7515 §2). Strict: each sequence of bytes has one encoding.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig, Simd};

/// Rejects padding, trailing bits that are not zero, and characters outside the URL-safe alphabet.
static STRICT: LazyLock<Simd> = LazyLock::new(|| {
    Simd::url_safe(
        GeneralPurposeConfig::new()
            .with_encode_padding(false)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone)
            .with_decode_allow_trailing_bits(false),
    )
});

/// Not strict base64url, or too long for the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidBase64Url;

pub(crate) fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, InvalidBase64Url> {
    STRICT.decode(text).map_err(|_| InvalidBase64Url)
}

/// As [`decode`], and also accepts padding and the standard alphabet, in which some issuers publish keys.
pub(crate) fn decode_lenient(text: &str) -> Result<Vec<u8>, InvalidBase64Url> {
    let bare = text.trim_end_matches('=');
    let padding = text.len() - bare.len();
    if padding > 2 || (padding > 0 && !text.len().is_multiple_of(4)) {
        return Err(InvalidBase64Url);
    }
    decode(bare.replace('+', "-").replace('/', "_"))
}

/// As [`decode`], into `buffer`. Returns the filled part of it.
pub(crate) fn decode_into<'b>(
    text: &[u8],
    buffer: &'b mut [u8],
) -> Result<&'b [u8], InvalidBase64Url> {
    let length = STRICT
        .decode_slice(text, buffer)
        .map_err(|_| InvalidBase64Url)?;
    buffer.get(..length).ok_or(InvalidBase64Url)
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    STRICT.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j1_other_encodings_are_rejected() {
        assert_eq!(decode("AQAB"), Ok(vec![1, 0, 1]));
        assert_eq!(decode("_-8"), Ok(vec![0xff, 0xef]));
        assert_eq!(decode(""), Ok(vec![]));
        for text in [
            "AQAB=", "AQ==", "_-9", "/+8", "AR", "A", "AQ AB", "AQ\nAB", "AQAB ", "AQ.B", "AQäB",
            "AQ?B",
        ] {
            assert_eq!(decode(text), Err(InvalidBase64Url), "{text:?}");
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
            assert_eq!(decode_lenient(text), Ok(bytes.to_vec()), "{text}");
        }
        for text in [
            "AQAB=", "AQ=", "AQ===", "====", "=", "AR==", "A", "AQ AB", "AQ\nAB", "A=Q=",
            "AQ==AQ==", "AQ.B",
        ] {
            assert_eq!(decode_lenient(text), Err(InvalidBase64Url), "{text:?}");
        }
    }

    #[test]
    fn text_longer_than_the_buffer_is_rejected() {
        let mut buffer = [0; 3];
        assert_eq!(decode_into(b"AQAB", &mut buffer), Ok(&[1, 0, 1][..]));
        assert_eq!(decode_into(b"AQABAQ", &mut buffer), Err(InvalidBase64Url));
    }

    #[test]
    fn encoding_round_trips() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(encode(&bytes)), Ok(bytes));
    }
}
