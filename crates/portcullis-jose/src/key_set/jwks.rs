//! Reads a JWK Set (RFC 7517 §5) key by key.

use std::{collections::HashSet, fmt};

use serde::de::{Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Finding, KeySet, VerificationKey};
use crate::backend::{AwsLc, SignatureBackend};
use crate::json::{self, JsonError, Text, Value};
use crate::jwk::{Deviation, RawJwk, SkipReason};

/// Why a JWK Set as a whole cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// Larger than [`KeySet::MAX_BYTES`].
    #[error("the key set is larger than {} bytes", KeySet::MAX_BYTES)]
    TooLarge,
    /// Not a JSON object with unique members, or `keys` is not an array.
    #[error("the key set {0}")]
    Json(JsonError),
    /// The metadata of an issuer, which contains the URL of its key set (RFC 8414 §2).
    #[error("this is the metadata of an issuer, not a key set: use the URL in its `jwks_uri`")]
    IssuerMetadata,
    /// No member `keys`.
    #[error("the key set has no `keys`")]
    NoKeysMember,
    /// `keys` is empty.
    #[error("the key set is empty")]
    Empty,
    /// Every key was skipped.
    #[error("none of the {skipped} keys of the set can be used; the first: {first}")]
    NothingUsable {
        /// The number of keys.
        skipped: usize,
        /// Why the first key was skipped.
        first: SkipReason,
    },
    /// More than [`KeySet::MAX_KEYS`] are usable.
    #[error("the key set has more than {} usable keys", KeySet::MAX_KEYS)]
    TooManyKeys,
}

portcullis_core::debug_as_report!(KeySetError);

impl KeySet {
    /// Reads a JWK Set (RFC 7517 §5) key by key. The [`report`](Self::report) lists unusable keys, which are skipped, and
    /// common mistakes of issuers that are accepted; see [`Deviation`](crate::Deviation).
    ///
    /// Symmetric keys are skipped, and private members are ignored. Different keys may share a `kid`; the same key for
    /// the same algorithms is kept once.
    ///
    /// # Errors
    ///
    /// If the set is too large, is not a JSON object with an array `keys`, has no usable key, or has too many. Such a
    /// set must not replace a good one.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        Self::parse_with(json, &AwsLc)
    }

    /// As [`parse`](Self::parse), with another backend.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(json: &[u8], backend: &dyn SignatureBackend) -> Result<Self, KeySetError> {
        if json.len() > KeySet::MAX_BYTES {
            return Err(KeySetError::TooLarge);
        }
        let mut set = KeySet::new(Vec::new());
        let without_mark = json::without_byte_order_mark(json);
        if without_mark.len() < json.len() {
            set.report.tolerated.push(Finding {
                kid: None,
                what: Deviation::ByteOrderMark,
            });
        }
        let document = json::visit_object(without_mark, Document::default());
        let document = document.map_err(KeySetError::Json)?;
        let entries = document.keys.ok_or(if document.has_jwks_uri {
            KeySetError::IssuerMetadata
        } else {
            KeySetError::NoKeysMember
        })?;
        for entry in entries {
            let jwk = RawJwk::parse(entry.get().as_bytes());
            let kid = jwk.as_ref().map_or(Ok(None), RawJwk::kid);
            let kid = kid.ok().flatten().map(Box::from);
            if let Err(reason) = jwk.and_then(|jwk| set.add(jwk, backend)) {
                let report = &mut set.report;
                report.skipped_count += 1;
                report.encryption_count += usize::from(reason == SkipReason::Encryption);
                if report.skipped.len() < KeySet::MAX_KEYS {
                    report.skipped.push(Finding { kid, what: reason });
                }
            }
            if set.keys.len() > KeySet::MAX_KEYS {
                return Err(KeySetError::TooManyKeys);
            }
        }
        match set.report.skipped.first() {
            _ if !set.keys.is_empty() => Ok(set),
            None => Err(KeySetError::Empty),
            Some(first) => Err(KeySetError::NothingUsable {
                skipped: set.report.skipped_count,
                first: first.what,
            }),
        }
    }

    fn add(
        &mut self,
        mut jwk: RawJwk<'_>,
        backend: &dyn SignatureBackend,
    ) -> Result<(), SkipReason> {
        self.report.keys_with_private_members += usize::from(jwk.has_private_members());
        let (material, algorithms) = jwk.check()?;
        let key = VerificationKey::prepare(jwk.kid()?, &material, &algorithms, backend)?;
        let is_duplicate = self.keys.iter().any(|other| {
            let mut algorithms = key.algorithms().iter();
            other.kid() == key.kid()
                && other.thumbprint() == key.thumbprint()
                && algorithms.all(|algorithm| other.algorithms().contains(algorithm))
        });
        if is_duplicate {
            return Err(SkipReason::Duplicate);
        }
        let of_key = |what| Finding {
            kid: key.kid().map(Box::from),
            what,
        };
        let tolerated = jwk.tolerated.into_iter().map(of_key);
        self.report.tolerated.extend(tolerated);
        self.keys.push(key);
        Ok(())
    }
}

/// The document. Its keys are parsed one by one later, since a broken one is skipped.
#[derive(Default)]
struct Document<'j> {
    keys: Option<Vec<&'j RawValue>>,
    /// Only the metadata of an issuer has a `jwks_uri`.
    has_jwks_uri: bool,
}

impl<'de> Visitor<'de> for Document<'de> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JWK Set")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some(Text(name)) = map.next_key()? {
            json::check_name(&name)?;
            if name == "keys" {
                self.keys = Some(map.next_value()?);
            } else {
                self.has_jwks_uri |= name == "jwks_uri";
                map.next_value::<Value<'_>>()?;
            }
            if !names.insert(name) {
                return Err(A::Error::custom(json::DUPLICATE));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Algorithm;
    use crate::testing::{Signer, jwks};

    fn good(kid: &str) -> String {
        Signer::new(Algorithm::ES256).jwk(&format!(r#","kid":"{kid}""#))
    }

    fn kids(set: &KeySet) -> Vec<&str> {
        set.keys().filter_map(VerificationKey::kid).collect()
    }

    fn error(json: &str) -> KeySetError {
        KeySet::parse(json.as_bytes()).expect_err(json)
    }

    #[test]
    fn w1_unusable_keys_are_skipped_and_counted() {
        let off_curve = r#"{"kty":"EC","crv":"P-256","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY","y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgnw","kid":"off"}"#;
        let noise = [
            ("null", None),
            ("7", None),
            (r#""key""#, None),
            ("[]", None),
            ("{}", None),
            (r#"{"kid":"dup","kty":"EC","kty":"EC"}"#, None),
            (r#"{"kid":"\ud800"}"#, None),
            (r#"{"kid":"oct","kty":"oct","k":"AAAA"}"#, Some("oct")),
            (r#"{"kid":"new","kty":"AKP","pub":"AAAA"}"#, Some("new")),
            (
                r#"{"kid":"448","kty":"OKP","crv":"Ed448","x":"AAAA"}"#,
                Some("448"),
            ),
            (
                r#"{"kid":"short","kty":"OKP","crv":"Ed25519","x":"AAAA"}"#,
                Some("short"),
            ),
            (
                r#"{"kid":"small","kty":"RSA","n":"AQAB","e":"AQAB"}"#,
                Some("small"),
            ),
            (off_curve, Some("off")),
        ];
        let mut all = vec![good("first")];
        all.extend(noise.iter().map(|(key, _)| (*key).to_owned()));
        all.push(good("last"));
        let set = KeySet::parse(jwks(&all).as_bytes()).expect("two keys are good");
        assert_eq!(kids(&set), ["first", "last"]);
        assert_eq!(set.report().skipped_count, noise.len());
        let skipped: Vec<_> = set
            .report()
            .skipped
            .iter()
            .map(|key| key.kid.as_deref())
            .collect();
        assert_eq!(skipped, noise.map(|(_, kid)| kid));
        assert_eq!(
            set.report().skipped.last().map(|key| key.what),
            Some(crate::KeyRejected::NotOnCurve.into())
        );
    }

    #[test]
    fn set_must_be_a_json_object_with_keys() {
        for json in [
            "",
            "<html></html>",
            r#"{"keys":["#,
            "{}{}",
            r#"{"keys":[]} x"#,
            "\u{feff}",
            "\u{feff}\u{feff}{}",
            " \u{feff}{}",
        ] {
            assert!(
                matches!(error(json), KeySetError::Json(JsonError::Syntax { .. })),
                "{json}"
            );
        }
        for json in [
            "null",
            "[]",
            "1",
            r#""keys""#,
            r#"[[{"kty":"EC"}]]"#,
            r#"{"keys":{}}"#,
            r#"{"keys":null}"#,
            r#"{"keys":"[]"}"#,
        ] {
            assert!(
                matches!(
                    error(json),
                    KeySetError::Json(JsonError::UnexpectedType { .. })
                ),
                "{json}"
            );
        }
        let twice = format!(r#"{{"keys":[],"keys":[{}]}}"#, good("a"));
        assert!(matches!(
            error(&twice),
            KeySetError::Json(JsonError::DuplicateMember { .. })
        ));
        assert_eq!(
            KeySet::parse(b"\xff").err(),
            Some(KeySetError::Json(JsonError::NotUtf8))
        );
        assert_eq!(error("{}"), KeySetError::NoKeysMember);
        assert_eq!(error(r#"{"Keys":[]}"#), KeySetError::NoKeysMember);
        assert_eq!(
            error(
                r#"{"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/jwks"}"#
            ),
            KeySetError::IssuerMetadata
        );
        let more = format!(
            r#"{{"issued":[{{"a":1}}],"keys":[{}],"next":null}}"#,
            good("a")
        );
        assert!(
            KeySet::parse(more.as_bytes()).is_ok(),
            "other members are ignored"
        );
    }

    #[test]
    fn w1_deviations_are_reported_by_key() {
        let with = |members: &str| Signer::new(Algorithm::ES256).jwk(members);
        let keys = [
            with(r#","kid":"a","use":null"#),
            with(r#","kid":"b","key_ops":[],"alg":null"#),
            good("c"),
        ];
        let set = format!("\u{feff}{}", jwks(&keys));
        let set = KeySet::parse(set.as_bytes()).expect("three usable keys");
        assert_eq!(kids(&set), ["a", "b", "c"]);
        let tolerated: Vec<_> = set
            .report()
            .tolerated
            .iter()
            .map(|key| (key.kid.as_deref(), key.what))
            .collect();
        assert_eq!(
            tolerated,
            [
                (None, Deviation::ByteOrderMark),
                (Some("a"), Deviation::Null("use")),
                (Some("b"), Deviation::Null("alg")),
                (Some("b"), Deviation::EmptyKeyOps),
            ]
        );
    }

    #[test]
    fn set_without_usable_keys_is_rejected() {
        assert_eq!(error(r#"{"keys":[]}"#), KeySetError::Empty);
        let unusable = jwks(&[r#"{"kty":"oct","k":"AAAA"}"#.into(), "{}".into()]);
        assert_eq!(
            error(&unusable),
            KeySetError::NothingUsable {
                skipped: 2,
                first: SkipReason::Symmetric
            }
        );
    }

    #[test]
    fn p7_size_and_number_of_keys_are_bounded() {
        let numbered =
            |count: usize| jwks(&(0..count).map(|n| good(&n.to_string())).collect::<Vec<_>>());
        assert_eq!(
            KeySet::parse(numbered(64).as_bytes()).map(|set| set.keys().len()),
            Ok(64)
        );
        assert_eq!(error(&numbered(65)), KeySetError::TooManyKeys);
        assert_eq!(error(&numbered(1000)), KeySetError::TooManyKeys);

        let padded = |length: usize| {
            let set = jwks(&[good("a")]);
            format!("{set}{}", " ".repeat(length - set.len()))
        };
        assert!(KeySet::parse(padded(KeySet::MAX_BYTES).as_bytes()).is_ok());
        assert_eq!(error(&padded(KeySet::MAX_BYTES + 1)), KeySetError::TooLarge);

        let mut many = vec!["{}".to_owned(); 80_000];
        many.push(good("a"));
        let set = KeySet::parse(jwks(&many).as_bytes()).expect("one is good");
        assert_eq!(
            (set.report().skipped_count, set.report().skipped.len()),
            (80_000, KeySet::MAX_KEYS)
        );
    }

    #[test]
    fn duplicate_key_is_skipped() {
        let signer = Signer::new(Algorithm::RS256);
        let named = |more: &str| signer.jwk(&format!(r#","kid":"a"{more}"#));
        let twice = [
            named(""),
            named(""),
            named(r#","alg":"PS256""#),
            named(r#","use":"sig""#),
        ];
        let set = KeySet::parse(jwks(&twice).as_bytes()).expect("a usable set");
        assert_eq!((set.keys().len(), set.report().skipped_count), (1, 3));
        assert!(
            set.report()
                .skipped
                .iter()
                .all(|key| key.what == SkipReason::Duplicate)
        );

        let different = [
            named(r#","alg":"RS256""#),
            named(r#","alg":"PS256""#),
            signer.jwk(r#","kid":"b""#),
        ];
        let set = KeySet::parse(jwks(&different).as_bytes()).expect("a usable set");
        assert_eq!((set.keys().len(), set.report().skipped_count), (3, 0));
    }

    #[test]
    fn private_members_are_reported_and_the_key_is_used() {
        let leaked = Signer::new(Algorithm::ES256).jwk(r#","kid":"leaked","d":"c2VjcmV0""#);
        let secret = r#"{"kty":"oct","kid":"secret","k":"c2VjcmV0"}"#;
        let set = KeySet::parse(jwks(&[good("a"), leaked, secret.into()]).as_bytes())
            .expect("a usable set");
        assert_eq!(set.report().keys_with_private_members, 2);
        assert_eq!(kids(&set), ["a", "leaked"]);
        assert!(!format!("{set:?}").contains("c2Vj"));
    }
}
