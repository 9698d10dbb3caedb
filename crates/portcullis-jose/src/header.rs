//! The protected header (RFC 7515 §4). Keys and URLs in it are never followed.

use crate::algorithm::Algorithm;
use crate::json::{self, Value};
use crate::jws_error::JwsError;

/// What a token says about itself. Nothing of it is trusted before the signature is verified.
///
/// `jku`, `x5u`, `jwk` and `x5c` would let a token bring its own key; they are ignored like unknown members
/// (RFC 8725 §3.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
}

impl Header {
    /// The longest `kid`, in bytes. A longer one is an error in a token, and its key is skipped in a key set.
    pub const MAX_KID_BYTES: usize = 256;

    /// Parses a header that is decoded from base64url.
    ///
    /// # Errors
    ///
    /// If the header is not accepted; see [`JwsError`].
    pub fn parse(json: &[u8]) -> Result<Self, JwsError> {
        let members = json::object(json).map_err(JwsError::Header)?;
        let text = |name| match members.member(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(&**text)),
            Some(_) => Err(JwsError::HeaderMember(name)),
        };
        if members.member("enc").is_some() {
            return Err(JwsError::Encrypted);
        }
        if members.member("crit").is_some() {
            return Err(JwsError::CriticalExtensions);
        }
        if !matches!(members.member("b64"), None | Some(Value::Bool(true))) {
            return Err(JwsError::UnencodedPayload);
        }
        let algorithm = text("alg")?.ok_or(JwsError::AlgorithmMissing)?;
        let algorithm = algorithm
            .parse()
            .map_err(|_| unsupported_algorithm(algorithm))?;
        let kid = text("kid")?;
        if kid.is_some_and(|kid| kid.len() > Self::MAX_KID_BYTES) {
            return Err(JwsError::KidTooLong);
        }
        let typ = text("typ")?;
        if text("cty")?.is_some_and(|cty| is_application(cty, "jwt")) {
            return Err(JwsError::Nested);
        }
        Ok(Self {
            algorithm,
            kid: kid.map(str::to_owned),
            typ: typ.map(str::to_owned),
        })
    }

    /// The algorithm the token claims to be signed with (RFC 7515 §4.1.1).
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The name of the key (RFC 7515 §4.1.4). Chosen by the sender of the token.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The media type of the token, as it was sent (RFC 7515 §4.1.9); compare with [`is_media_type`](Self::is_media_type).
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// Whether `typ` is the media type `application/{subtype}`, with or without the prefix and in any case
    /// (RFC 7515 §4.1.9, RFC 8725 §3.11).
    #[must_use]
    pub fn is_media_type(&self, subtype: &str) -> bool {
        self.typ().is_some_and(|typ| is_application(typ, subtype))
    }
}

fn unsupported_algorithm(name: &str) -> JwsError {
    // RFC 8812, RFC 9864 and ML-DSA. Only registered names reach a message.
    const SIGNATURES: &str = "ES256K Ed448 ESP256 ESP384 ESP512 ESB256 ESB320 ESB384 ESB512 \
                              ML-DSA-44 ML-DSA-65 ML-DSA-87";
    if name.eq_ignore_ascii_case("none") {
        return JwsError::AlgorithmNone;
    }
    let mut registered = SIGNATURES.split(' ').chain(KEY_MANAGEMENT.split(' '));
    match registered.find(|known| *known == name) {
        Some(known) => JwsError::AlgorithmUnsupported(known),
        None => JwsError::AlgorithmUnknown,
    }
}

const KEY_MANAGEMENT: &str = "RSA1_5 RSA-OAEP RSA-OAEP-256 RSA-OAEP-384 RSA-OAEP-512 A128KW A192KW A256KW dir ECDH-ES \
                              ECDH-ES+A128KW ECDH-ES+A192KW ECDH-ES+A256KW A128GCMKW A192GCMKW A256GCMKW \
                              PBES2-HS256+A128KW PBES2-HS384+A192KW PBES2-HS512+A256KW";

pub(crate) fn is_key_management(alg: &str) -> bool {
    KEY_MANAGEMENT.split(' ').any(|known| known == alg)
}

fn is_application(media_type: &str, subtype: &str) -> bool {
    let bare = match media_type.split_once('/') {
        Some((tree, bare)) if tree.eq_ignore_ascii_case("application") => bare,
        _ => media_type,
    };
    bare.eq_ignore_ascii_case(subtype)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonError;

    fn parse(json: &str) -> Result<Header, JwsError> {
        Header::parse(json.as_bytes())
    }

    fn error(json: &str) -> JwsError {
        parse(json).expect_err(json)
    }

    #[test]
    fn members_are_read() {
        let header = parse(r#" { "alg" : "ES384", "kid":"k/1", "typ":"at+jwt", "cty":"json" } "#)
            .expect("a good header");
        assert_eq!(header.algorithm(), Algorithm::ES384);
        assert_eq!(header.kid(), Some("k/1"));
        assert_eq!(header.typ(), Some("at+jwt"));
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
    fn p1_missing_unknown_and_none_algorithms_are_rejected() {
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
        for registered in ["ES256K", "Ed448", "ML-DSA-44", "RSA-OAEP"] {
            assert_eq!(
                error(&format!(r#"{{"alg":"{registered}"}}"#)),
                JwsError::AlgorithmUnsupported(registered)
            );
        }
        assert_eq!(error("{}"), JwsError::AlgorithmMissing);
        for value in ["null", "1", "true", r#"["RS256"]"#, r#"{"alg":"RS256"}"#] {
            assert_eq!(
                error(&format!(r#"{{"alg":{value}}}"#)),
                JwsError::HeaderMember("alg")
            );
        }
    }

    #[test]
    fn j2_duplicate_header_members_are_rejected() {
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
    fn j3_critical_extensions_are_rejected_and_others_ignored() {
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
    fn j4_unencoded_payload_is_rejected() {
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
    fn p2_encrypted_and_nested_tokens_are_rejected() {
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
    fn p5_keys_in_the_header_are_ignored() {
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
    fn kid_typ_and_cty_must_be_strings_and_kid_short() {
        for name in ["kid", "typ", "cty"] {
            for value in ["1", "null", "[]", "{}", "true"] {
                assert_eq!(
                    error(&format!(r#"{{"alg":"RS256","{name}":{value}}}"#)),
                    JwsError::HeaderMember(name)
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
    fn p7_header_must_be_one_json_object() {
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
