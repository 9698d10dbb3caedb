//! The compact serialization of a JSON Web Signature (RFC 7515 §3.1, §7.1).

use crate::base64url;
use crate::header::Header;
use crate::jws_error::JwsError;

/// The longest token and header that are accepted, in bytes as they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLimits {
    /// The whole token.
    pub token_bytes: usize,
    /// The header, in base64url.
    pub header_bytes: usize,
}

impl TokenLimits {
    /// The largest value of either limit: reading a token before its signature is verified costs time.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// [`MAX_BYTES`](Self::MAX_BYTES) for both.
    pub const LARGEST: Self = Self {
        token_bytes: Self::MAX_BYTES,
        header_bytes: Self::MAX_BYTES,
    };
    /// The longest token by default: 8 KiB, the longest header line that most servers accept.
    pub const DEFAULT_TOKEN_BYTES: usize = 8 * 1024;
    /// The longest header by default: 4 KiB, enough for a certificate chain (`x5c`).
    pub const DEFAULT_HEADER_BYTES: usize = 4 * 1024;

    /// Checks that `jws` is within the limits.
    ///
    /// # Errors
    ///
    /// If it is too long, or its header is.
    pub fn check(&self, jws: &CompactJws<'_>) -> Result<(), JwsError> {
        let token_bytes = jws.signing_input.len() + 1 + jws.signature.len();
        self.check_lengths(token_bytes, jws.header.len())
    }

    /// The larger value of each limit.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            token_bytes: self.token_bytes.max(other.token_bytes),
            header_bytes: self.header_bytes.max(other.header_bytes),
        }
    }

    fn check_lengths(&self, token_bytes: usize, header_bytes: usize) -> Result<(), JwsError> {
        for (part, bytes, limit) in [
            ("token", token_bytes, self.token_bytes),
            ("header", header_bytes, self.header_bytes),
        ] {
            if bytes > limit {
                return Err(JwsError::TooLong { part, bytes, limit });
            }
        }
        Ok(())
    }
}

impl Default for TokenLimits {
    fn default() -> Self {
        Self {
            token_bytes: Self::DEFAULT_TOKEN_BYTES,
            header_bytes: Self::DEFAULT_HEADER_BYTES,
        }
    }
}

/// A token split into its three parts, which are not decoded or verified yet. [`KeySet`](crate::KeySet) has an example.
#[derive(Clone, Copy)]
pub struct CompactJws<'t> {
    signing_input: &'t [u8],
    header: &'t [u8],
    payload: &'t [u8],
    signature: &'t [u8],
}

impl<'t> CompactJws<'t> {
    /// Splits `token` within the default limits, without allocating.
    ///
    /// # Errors
    ///
    /// If it is too long, or does not have exactly three parts. Encrypted tokens and the JSON serialization have errors
    /// of their own.
    pub fn parse(token: &'t str) -> Result<Self, JwsError> {
        Self::parse_within(token.as_bytes(), &TokenLimits::default())
    }

    /// Splits `token` within `limits`. Base64url is checked when a part is decoded.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_within(token: &'t [u8], limits: &TokenLimits) -> Result<Self, JwsError> {
        limits.check_lengths(token.len(), 0)?; // the length of the header is not known yet
        if token.starts_with(b"{") {
            return Err(JwsError::JsonSerialisation);
        }
        let mut dots = memchr::memchr_iter(b'.', token);
        let (Some(first), Some(second)) = (dots.next(), dots.next()) else {
            return Err(JwsError::WrongNumberOfParts);
        };
        let further_dots = dots.take(3).count();
        match further_dots {
            0 => {}
            2 => return Err(JwsError::Encrypted),
            _ => return Err(JwsError::WrongNumberOfParts),
        }
        limits.check_lengths(token.len(), first)?;
        Ok(Self {
            signing_input: &token[..second],
            header: &token[..first],
            payload: &token[first + 1..second],
            signature: &token[second + 1..],
        })
    }

    /// Whether `text` looks like a signed JWT: three parts of base64url, the first of which begins a JSON object.
    #[must_use]
    pub fn looks_like_one(text: &'t [u8]) -> bool {
        // `{` and a quotation mark or white space, in base64url, as in `log/mask.rs` of `portcullis-core`.
        let begins_object = |part: &[u8]| part.starts_with(b"ey") || part.starts_with(b"ew");
        let is_base64url =
            |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        Self::parse_within(text, &TokenLimits::LARGEST).is_ok_and(|jws| {
            let parts = [jws.header, jws.payload, jws.signature];
            begins_object(jws.header) && parts.iter().all(|part| part.iter().all(is_base64url))
        })
    }

    /// Decodes and parses the header.
    ///
    /// # Errors
    ///
    /// If the header is not accepted; see [`JwsError`].
    pub fn header(&self) -> Result<Header, JwsError> {
        // Most headers fit into the buffer, which saves an allocation.
        let mut buffer = [0; 2048];
        match base64url::decode_into(self.header, &mut buffer) {
            Some(json) => Header::parse(json),
            None => Header::parse(&decode("JOSE header", self.header)?),
        }
    }

    /// The signed bytes: header and payload as they were sent, joined by a dot.
    pub fn signing_input(&self) -> &'t [u8] {
        self.signing_input
    }

    /// Decodes the payload.
    ///
    /// # Errors
    ///
    /// If it is not base64url.
    pub fn payload(&self) -> Result<Vec<u8>, JwsError> {
        decode("payload", self.payload)
    }

    /// Decodes the signature.
    ///
    /// # Errors
    ///
    /// If it is not base64url, or longer than the signature of an RSA key of 8192 bits.
    pub fn signature(&self) -> Result<Vec<u8>, JwsError> {
        const MAX_ENCODED: usize = (1024_usize * 4).div_ceil(3);
        if self.signature.len() > MAX_ENCODED {
            return Err(JwsError::SignatureTooLong);
        }
        decode("signature", self.signature)
    }
}

fn decode(part: &'static str, encoded: &[u8]) -> Result<Vec<u8>, JwsError> {
    base64url::decode(encoded).ok_or(JwsError::NotBase64Url(part))
}

/// Hides the token: it is a credential.
impl std::fmt::Debug for CompactJws<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CompactJws([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(token: &str) -> JwsError {
        CompactJws::parse(token).expect_err("not a compact JWS")
    }

    #[test]
    fn parts_are_as_sent() {
        let jws = CompactJws::parse("aGVhZA.cGF5.c2ln").expect("three parts");
        assert_eq!(jws.signing_input(), b"aGVhZA.cGF5");
        assert_eq!(jws.payload(), Ok(b"pay".to_vec()));
        assert_eq!(jws.signature(), Ok(b"sig".to_vec()));
        assert_eq!(format!("{jws:?}"), "CompactJws([redacted])");
    }

    #[test]
    fn p2_other_serializations_are_rejected() {
        assert_eq!(error("a.b.c.d.e"), JwsError::Encrypted);
        assert_eq!(error("...."), JwsError::Encrypted);
        assert_eq!(
            error(r#"{"payload":"","signatures":[]}"#),
            JwsError::JsonSerialisation
        );
        for token in [
            "",
            "a",
            "a.b",
            "a.b.c.d",
            "a.b.c.d.e.f",
            &".".repeat(3),
            &".".repeat(5_000),
        ] {
            assert_eq!(error(token), JwsError::WrongNumberOfParts, "{token:.20}");
        }
    }

    #[test]
    fn jwt_form_is_recognized() {
        for text in ["eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "ewogfQ.ewogfQ."] {
            assert!(CompactJws::looks_like_one(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "eyes",
            "ey.a",
            "a.b.c",
            "eyJ.b+.c",
            "ey.a.b.c.d",
            "acme_a_b",
        ] {
            assert!(!CompactJws::looks_like_one(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn p7_length_is_bounded() {
        let longest = format!("a.{}.b", "A".repeat(TokenLimits::DEFAULT_TOKEN_BYTES - 4));
        assert!(CompactJws::parse(&longest).is_ok());
        assert_eq!(
            error(&format!("{longest}A")),
            JwsError::TooLong {
                part: "token",
                bytes: 8 * 1024 + 1,
                limit: 8 * 1024
            }
        );
        let header = "A".repeat(TokenLimits::DEFAULT_HEADER_BYTES);
        assert!(CompactJws::parse(&format!("{header}.e30.")).is_ok());
        let too_long = error(&format!("{header}A.e30."));
        assert_eq!(
            too_long.to_string(),
            "the token's JOSE header has 4097 bytes; at most 4096 are accepted: shorten it at the issuer, or raise `max_header_bytes` of the verifier"
        );
    }

    #[test]
    fn p7_limits_are_configurable() {
        let limits = TokenLimits {
            token_bytes: 20_000,
            header_bytes: 10_000,
        };
        let header = base64url::encode(
            format!(r#"{{"alg":"RS256","x":"{}"}}"#, "x".repeat(7_000)).as_bytes(),
        );
        let token = format!("{header}.{}.b", "A".repeat(20_000 - header.len() - 3));
        let jws = CompactJws::parse_within(token.as_bytes(), &limits).expect("within the limits");
        assert!(limits.check(&jws).is_ok());
        assert!(jws.header().is_ok());
        assert_eq!(
            TokenLimits::default().check(&jws),
            Err(JwsError::TooLong {
                part: "token",
                bytes: 20_000,
                limit: 8 * 1024
            })
        );
        let longer = format!("{token}A");
        let parsed = CompactJws::parse_within(longer.as_bytes(), &limits);
        assert!(matches!(
            parsed,
            Err(JwsError::TooLong { bytes: 20_001, .. })
        ));
    }

    #[test]
    fn p7_the_longest_header_is_read() {
        let padding = TokenLimits::DEFAULT_HEADER_BYTES / 4 * 3 - r#"{"alg":"RS256","x":""}"#.len();
        let json = format!(r#"{{"alg":"RS256","x":"{}"}}"#, "x".repeat(padding));
        let token = format!("{}.e30.", base64url::encode(json.as_bytes()));
        let jws = CompactJws::parse(&token).expect("not too long");
        assert!(jws.header().is_ok());
    }

    #[test]
    fn j1_each_part_is_strict_base64url() {
        let header = |token| CompactJws::parse(token).and_then(|jws| jws.header().map(|_| ()));
        let payload = |token| CompactJws::parse(token).and_then(|jws| jws.payload().map(|_| ()));
        let signature =
            |token| CompactJws::parse(token).and_then(|jws| jws.signature().map(|_| ()));
        for bad in ["e3=", "e31", "+/8", "!", "e30=", "e 30", "e30\n", "é"] {
            assert_eq!(
                header(&*format!("{bad}.e30.e30").leak()),
                Err(JwsError::NotBase64Url("JOSE header")),
                "{bad:?}"
            );
            assert_eq!(
                payload(&*format!("e30.{bad}.e30").leak()),
                Err(JwsError::NotBase64Url("payload")),
                "{bad:?}"
            );
            assert_eq!(
                signature(&*format!("e30.e30.{bad}").leak()),
                Err(JwsError::NotBase64Url("signature")),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn j7_overlong_signature_is_rejected() {
        let of = |bytes: usize| {
            let token = format!("e30.e30.{}", base64url::encode(&vec![7; bytes]));
            CompactJws::parse(&token)
                .expect("three parts")
                .signature()
                .map(|signature| signature.len())
        };
        assert_eq!(of(1024), Ok(1024));
        assert_eq!(of(1025), Err(JwsError::SignatureTooLong));
        assert_eq!(of(4000), Err(JwsError::SignatureTooLong));
        assert_eq!(of(0), Ok(0));
    }
}
