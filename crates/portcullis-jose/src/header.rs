//! The protected header (RFC 7515 §4), read strictly and without following what it points at.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::algorithm::Algorithm;
use crate::json::{self, IgnoredUnique, Members, Shallow};
use crate::jws::JwsError;

/// What a token says about itself, before anything of it is trusted.
///
/// `jku`, `x5u`, `jwk` and `x5c` would let a token bring its own key; they are skipped like any unknown member
/// (RFC 8725 §3.10) and cannot be reached from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'b> {
    algorithm: Algorithm,
    kid: Option<Cow<'b, str>>,
    typ: Option<Cow<'b, str>>,
    cty: Option<Cow<'b, str>>,
}

impl<'b> Header<'b> {
    /// The longest `kid`, in bytes. Longer ones name no key: in a token they are an error, in a set they are skipped.
    pub const MAX_KID_BYTES: usize = 256;

    /// The algorithm the token claims to be signed with. It is the key that decides which it may be.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The name of the key (RFC 7515 §4.1.4). Chosen by whoever sent the token.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The media type of the token, as it was sent (RFC 7515 §4.1.9); compare with [`is_media_type`](Self::is_media_type).
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// The media type of the payload (RFC 7515 §4.1.10). Never `JWT`: nested tokens are refused.
    #[must_use]
    pub fn cty(&self) -> Option<&str> {
        self.cty.as_deref()
    }

    /// Whether `typ` is the media type `application/{subtype}`, with or without the prefix and in any case
    /// (RFC 7515 §4.1.9, RFC 8725 §3.11).
    #[must_use]
    pub fn is_media_type(&self, subtype: &str) -> bool {
        self.typ().is_some_and(|typ| is_application(typ, subtype))
    }

    /// The same, kept beyond what it was read from.
    #[doc(hidden)]
    pub fn into_owned(self) -> Header<'static> {
        let owned = |text: Option<Cow<'b, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Header {
            algorithm: self.algorithm,
            kid: owned(self.kid),
            typ: owned(self.typ),
            cty: owned(self.cty),
        }
    }

    /// Parses a header that is decoded from base64url.
    ///
    /// # Errors
    /// If it is not one this crate accepts; see [`JwsError`].
    pub fn parse(json: &'b [u8]) -> Result<Self, JwsError> {
        let raw: RawHeader<'b> = json::from_slice(json).map_err(JwsError::Header)?;
        if raw.enc {
            return Err(JwsError::Encrypted);
        }
        if raw.crit {
            return Err(JwsError::CriticalExtensions);
        }
        if raw.b64.is_some_and(|b64| b64 != Shallow::Bool(true)) {
            return Err(JwsError::UnencodedPayload);
        }
        let algorithm = text("alg", raw.alg)?.ok_or(JwsError::AlgorithmMissing)?;
        let algorithm = Algorithm::from_name(&algorithm).ok_or_else(|| {
            if algorithm.eq_ignore_ascii_case("none") {
                JwsError::AlgorithmNone
            } else {
                let name = unsupported_algorithm(&algorithm);
                name.map_or(JwsError::AlgorithmUnknown, JwsError::AlgorithmUnsupported)
            }
        })?;
        let kid = text("kid", raw.kid)?;
        if kid
            .as_ref()
            .is_some_and(|kid| kid.len() > Self::MAX_KID_BYTES)
        {
            return Err(JwsError::KidTooLong);
        }
        let typ = text("typ", raw.typ)?;
        let cty = text("cty", raw.cty)?;
        if cty.as_ref().is_some_and(|cty| is_application(cty, "jwt")) {
            return Err(JwsError::Nested);
        }
        Ok(Self {
            algorithm,
            kid,
            typ,
            cty,
        })
    }
}

/// The name itself, where it is that of an algorithm which is registered for `alg` but has no place here.
fn unsupported_algorithm(name: &str) -> Option<&'static str> {
    const UNSUPPORTED: [&str; 28] = [
        // Signatures (RFC 8812, RFC 9864 and drafts).
        "ES256K",
        "Ed448",
        "ESP256",
        "ESP384",
        "ESP512",
        "ESB256",
        "ESB320",
        "ESB384",
        "ESB512",
        "ML-DSA-44",
        "ML-DSA-65",
        "ML-DSA-87",
        // Encryption (RFC 7518 §4.1).
        "RSA1_5",
        "RSA-OAEP",
        "RSA-OAEP-256",
        "A128KW",
        "A192KW",
        "A256KW",
        "dir",
        "ECDH-ES",
        "ECDH-ES+A128KW",
        "ECDH-ES+A192KW",
        "ECDH-ES+A256KW",
        "A128GCMKW",
        "A192GCMKW",
        "A256GCMKW",
        "PBES2-HS256+A128KW",
        "PBES2-HS512+A256KW",
    ];
    UNSUPPORTED.into_iter().find(|known| *known == name)
}

/// Room for a decoded header: on the stack, unless it is long.
#[derive(Clone, Debug)]
pub struct HeaderBuffer {
    short: [u8; Self::SHORT],
    long: Vec<u8>,
}

impl HeaderBuffer {
    /// Headers of more bytes carry certificates, and are rare.
    const SHORT: usize = 1536;

    /// An empty buffer.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            short: [0; Self::SHORT],
            long: Vec::new(),
        }
    }

    /// Room for what `encoded` bytes of base64url stand for.
    pub(crate) fn room_for(&mut self, encoded: usize) -> &mut [u8] {
        let decoded = encoded.div_ceil(4) * 3;
        if decoded <= Self::SHORT {
            return &mut self.short;
        }
        self.long.resize(decoded, 0);
        &mut self.long
    }
}

impl Default for HeaderBuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// The members that have a meaning here, whatever their types.
#[derive(Default)]
struct RawHeader<'b> {
    alg: Option<Shallow<'b>>,
    kid: Option<Shallow<'b>>,
    typ: Option<Shallow<'b>>,
    cty: Option<Shallow<'b>>,
    b64: Option<Shallow<'b>>,
    crit: bool,
    enc: bool,
}

impl<'de> Deserialize<'de> for RawHeader<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeaderVisitor;

        impl<'de> Visitor<'de> for HeaderVisitor {
            type Value = RawHeader<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut header = RawHeader::default();
                let mut members = Members::new();
                while let Some(name) = members.next(&mut map)? {
                    match name {
                        "alg" => header.alg = Some(map.next_value()?),
                        "kid" => header.kid = Some(map.next_value()?),
                        "typ" => header.typ = Some(map.next_value()?),
                        "cty" => header.cty = Some(map.next_value()?),
                        "b64" => header.b64 = Some(map.next_value()?),
                        other => {
                            header.crit |= other == "crit";
                            header.enc |= other == "enc";
                            map.next_value::<IgnoredUnique>()?;
                        }
                    }
                }
                Ok(header)
            }
        }

        deserializer.deserialize_map(HeaderVisitor)
    }
}

fn text<'b>(
    name: &'static str,
    value: Option<Shallow<'b>>,
) -> Result<Option<Cow<'b, str>>, JwsError> {
    match value {
        None => Ok(None),
        Some(Shallow::Text(text)) => Ok(Some(text)),
        Some(_) => Err(JwsError::HeaderMember { name }),
    }
}

fn is_application(media_type: &str, subtype: &str) -> bool {
    const PREFIX: &str = "application/";
    let bare = match media_type.get(..PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &media_type[PREFIX.len()..],
        _ => media_type,
    };
    bare.eq_ignore_ascii_case(subtype)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonError;

    fn parse(json: &str) -> Result<Header<'_>, JwsError> {
        Header::parse(json.as_bytes())
    }

    fn error(json: &str) -> JwsError {
        parse(json).expect_err(json)
    }

    #[test]
    fn members_are_read_and_borrowed() {
        let header = parse(r#" { "alg" : "ES384", "kid":"k/1", "typ":"at+jwt", "cty":"json" } "#)
            .expect("a good header");
        assert_eq!(header.algorithm(), Algorithm::ES384);
        assert!(matches!(header.kid, Some(Cow::Borrowed("k/1"))));
        assert_eq!((header.typ(), header.cty()), (Some("at+jwt"), Some("json")));
        assert_eq!(
            parse(r#"{"alg":"Ed25519"}"#)
                .expect("also named so")
                .algorithm(),
            Algorithm::EdDSA
        );
        assert_eq!(
            parse(r#"{"\u0061lg":"\u0052S256"}"#)
                .expect("escaped")
                .algorithm(),
            Algorithm::RS256
        );
    }

    #[test]
    fn p1_an_algorithm_is_named_and_known() {
        for none in ["none", "None", "NONE", "nOnE"] {
            assert_eq!(
                error(&format!(r#"{{"alg":"{none}"}}"#)),
                JwsError::AlgorithmNone
            );
        }
        for unknown in ["", "none ", "rs256", "HS1", "es256k", "RS256\\u0000"] {
            assert_eq!(
                error(&format!(r#"{{"alg":"{unknown}"}}"#)),
                JwsError::AlgorithmUnknown,
                "{unknown}"
            );
        }
        for registered in ["ES256K", "RSA-OAEP", "dir"] {
            assert_eq!(
                error(&format!(r#"{{"alg":"{registered}"}}"#)),
                JwsError::AlgorithmUnsupported(registered)
            );
        }
        assert_eq!(error("{}"), JwsError::AlgorithmMissing);
        for value in ["null", "1", "true", r#"["RS256"]"#, r#"{"alg":"RS256"}"#] {
            assert_eq!(
                error(&format!(r#"{{"alg":{value}}}"#)),
                JwsError::HeaderMember { name: "alg" }
            );
        }
    }

    #[test]
    fn j2_members_are_unique() {
        for json in [
            r#"{"alg":"RS256","alg":"RS256"}"#,
            r#"{"alg":"RS256","kid":"a","\u006bid":"b"}"#,
            r#"{"alg":"RS256","jwk":{"n":1,"n":2}}"#,
        ] {
            assert!(
                matches!(
                    error(json),
                    JwsError::Header(JsonError::DuplicateMember { .. })
                ),
                "{json}"
            );
        }
    }

    #[test]
    fn j3_critical_extensions_are_refused_and_others_ignored() {
        for crit in [
            r#"["exp"]"#,
            r#"["b64"]"#,
            "[]",
            "null",
            r#""b64""#,
            "{}",
            "false",
        ] {
            assert_eq!(
                error(&format!(r#"{{"alg":"RS256","crit":{crit}}}"#)),
                JwsError::CriticalExtensions
            );
        }
        let header = parse(r#"{"alg":"RS256","zip":"DEF","apu":[{"a":1}],"x":null,"":"y"}"#);
        assert!(header.is_ok());
    }

    #[test]
    fn j4_never_an_unencoded_payload() {
        for b64 in ["false", "null", r#""false""#, "0", r#""true""#] {
            assert_eq!(
                error(&format!(r#"{{"alg":"RS256","b64":{b64}}}"#)),
                JwsError::UnencodedPayload
            );
        }
        assert_eq!(
            error(r#"{"alg":"RS256","b64":false,"crit":["b64"]}"#),
            JwsError::CriticalExtensions
        );
        assert!(parse(r#"{"alg":"RS256","b64":true}"#).is_ok());
    }

    #[test]
    fn p2_encrypted_and_nested_tokens_are_told_apart() {
        assert_eq!(
            error(r#"{"alg":"dir","enc":"A128GCM"}"#),
            JwsError::Encrypted
        );
        assert_eq!(error(r#"{"alg":"RS256","enc":null}"#), JwsError::Encrypted);
        for cty in ["JWT", "jwt", "application/jwt", "APPLICATION/JWT"] {
            assert_eq!(
                error(&format!(r#"{{"alg":"RS256","cty":"{cty}"}}"#)),
                JwsError::Nested
            );
        }
    }

    #[test]
    fn p5_keys_in_the_header_are_not_kept() {
        let with = parse(
            r#"{"alg":"RS256","jku":"https://evil","x5u":"https://evil","jwk":{"kty":"oct"},"x5c":["MII"]}"#,
        );
        assert_eq!(with, parse(r#"{"alg":"RS256"}"#));
    }

    #[test]
    fn p6_typ_is_a_media_type() {
        for typ in [
            "at+jwt",
            "AT+JWT",
            "application/at+jwt",
            "Application/At+Jwt",
        ] {
            assert!(
                parse(&format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#))
                    .expect(typ)
                    .is_media_type("at+jwt"),
                "{typ}"
            );
        }
        for typ in [
            "",
            "JWT",
            "at+jwtx",
            "xat+jwt",
            "text/at+jwt",
            "application/application/at+jwt",
            "application/",
            "é",
        ] {
            assert!(
                !parse(&format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#))
                    .expect(typ)
                    .is_media_type("at+jwt"),
                "{typ}"
            );
        }
        assert!(
            !parse(r#"{"alg":"RS256"}"#)
                .expect("a header")
                .is_media_type("at+jwt")
        );
    }

    #[test]
    fn kid_typ_and_cty_are_strings_and_kid_is_short() {
        for name in ["kid", "typ", "cty"] {
            for value in ["1", "null", "[]", "{}", "true"] {
                assert_eq!(
                    error(&format!(r#"{{"alg":"RS256","{name}":{value}}}"#)),
                    JwsError::HeaderMember { name }
                );
            }
        }
        let with_kid =
            |length: usize| format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(length));
        assert!(parse(&with_kid(Header::MAX_KID_BYTES)).is_ok());
        assert_eq!(
            error(&with_kid(Header::MAX_KID_BYTES + 1)),
            JwsError::KidTooLong
        );
    }

    #[test]
    fn p7_a_header_is_one_json_object() {
        for json in ["", "null", "[]", "1", r#""alg""#, "true"] {
            assert!(matches!(error(json), JwsError::Header(_)), "{json}");
        }
        for json in [
            r#"{"alg":"RS256"}{}"#,
            r#"{"alg":"RS256"} x"#,
            r#"{"alg":"RS256",}"#,
            r#"{"alg":"RS256"/**/}"#,
        ] {
            assert!(
                matches!(error(json), JwsError::Header(JsonError::Syntax { .. })),
                "{json}"
            );
        }
    }
}
