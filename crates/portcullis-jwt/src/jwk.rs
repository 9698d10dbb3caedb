//! One JSON Web Key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2), checked for the one use it can have here.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::algorithm::{Algorithm, AlgorithmSet};
use crate::base64url;
use crate::header::Header;
use crate::json::{self, IgnoredUnique, JsonError, Members, Shallow, Text};
use crate::key_material::{Curve, EcKey, Ed25519Key, KeyMaterial, KeyRejected, RsaKey};

/// Why a key of a set is not used. The rest of the set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// Not a JSON object with unique members.
    #[error("the key {0}")]
    Json(JsonError),
    /// A member that the key needs is absent.
    #[error("`{name}` is absent")]
    Missing {
        /// The member.
        name: &'static str,
    },
    /// A member has the wrong type, or is not strict base64url where it should be.
    #[error("`{name}` is ill-formed")]
    Malformed {
        /// The member.
        name: &'static str,
    },
    /// `kty` is none of `RSA`, `EC` and `OKP`.
    #[error("`kty` is not supported")]
    UnsupportedType,
    /// `kty` is `oct`: a secret that is published is none.
    #[error("the key is symmetric; secrets are configured, not published")]
    Symmetric,
    /// `crv` is none of `P-256`, `P-384`, `P-521` and `Ed25519`.
    #[error("`crv` is not supported")]
    UnsupportedCurve,
    /// `use` is not `sig` (RFC 7517 §4.2).
    #[error("`use` is not `sig`")]
    OtherUse,
    /// `key_ops` does not list `verify` (RFC 7517 §4.3).
    #[error("`key_ops` does not list `verify`")]
    OtherOperations,
    /// `alg` is not supported, or does not go with `kty` and `crv` (RFC 7517 §4.4).
    #[error("`alg` is not supported or does not go with the key")]
    OtherAlgorithm,
    /// `kid` is longer than [`Header::MAX_KID_BYTES`].
    #[error("`kid` is longer than {} bytes", Header::MAX_KID_BYTES)]
    KidTooLong,
    /// The numbers are not those of a key that can be used.
    #[error(transparent)]
    Rejected(#[from] KeyRejected),
    /// The set has the same key under the same `kid` already, for the same algorithms.
    #[error("the key is in the set already")]
    Duplicate,
}

/// A key that may be used to verify signatures.
#[derive(Debug)]
pub(crate) struct Jwk<'j> {
    kid: Option<Cow<'j, str>>,
    algorithms: AlgorithmSet,
    material: KeyMaterial,
}

impl<'j> Jwk<'j> {
    #[cfg(test)]
    pub(crate) fn parse(json: &'j [u8]) -> Result<Self, SkipReason> {
        RawJwk::parse(json)?.check()
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithms the key may be used with: its `alg`, or without one all that its numbers allow.
    pub(crate) fn algorithms(&self) -> AlgorithmSet {
        self.algorithms
    }

    pub(crate) fn material(&self) -> &KeyMaterial {
        &self.material
    }
}

/// The members of a key that have a meaning here, whatever their types.
#[derive(Default)]
pub(crate) struct RawJwk<'j> {
    kty: Option<Shallow<'j>>,
    kid: Option<Shallow<'j>>,
    usage: Option<Shallow<'j>>,
    key_ops: Option<&'j RawValue>,
    alg: Option<Shallow<'j>>,
    crv: Option<Shallow<'j>>,
    n: Option<Shallow<'j>>,
    e: Option<Shallow<'j>>,
    x: Option<Shallow<'j>>,
    y: Option<Shallow<'j>>,
    private: bool,
}

impl<'j> RawJwk<'j> {
    pub(crate) fn parse(json: &'j [u8]) -> Result<Self, SkipReason> {
        json::from_slice(json).map_err(SkipReason::Json)
    }

    /// Whether the key was published with members that must stay secret. They are not read.
    pub(crate) fn has_private_members(&self) -> bool {
        self.private
    }

    /// The `kid`, if it is one, for a report on the key.
    pub(crate) fn kid(&self) -> Option<&str> {
        match &self.kid {
            Some(Shallow::Text(kid)) if kid.len() <= Header::MAX_KID_BYTES => Some(kid),
            _ => None,
        }
    }

    pub(crate) fn check(self) -> Result<Jwk<'j>, SkipReason> {
        self.check_use()?;
        let material = self.material()?;
        let algorithms = self.algorithms(&material)?;
        let kid = optional_text("kid", self.kid)?;
        if kid
            .as_ref()
            .is_some_and(|kid| kid.len() > Header::MAX_KID_BYTES)
        {
            return Err(SkipReason::KidTooLong);
        }
        Ok(Jwk {
            kid,
            algorithms,
            material,
        })
    }

    fn check_use(&self) -> Result<(), SkipReason> {
        match &self.usage {
            None => {}
            Some(Shallow::Text(usage)) if usage == "sig" => {}
            Some(Shallow::Text(_)) => return Err(SkipReason::OtherUse),
            Some(_) => return Err(SkipReason::Malformed { name: "use" }),
        }
        if let Some(key_ops) = self.key_ops {
            let operations: Vec<Text<'_>> = json::from_slice(key_ops.get().as_bytes())
                .map_err(|_| SkipReason::Malformed { name: "key_ops" })?;
            if !operations.iter().any(|operation| operation.0 == "verify") {
                return Err(SkipReason::OtherOperations);
            }
        }
        Ok(())
    }

    fn material(&self) -> Result<KeyMaterial, SkipReason> {
        match text("kty", &self.kty)? {
            "RSA" => Ok(KeyMaterial::Rsa(RsaKey::new(
                &bytes("n", &self.n)?,
                &bytes("e", &self.e)?,
            )?)),
            "EC" => {
                let curve = Curve::from_name(text("crv", &self.crv)?)
                    .ok_or(SkipReason::UnsupportedCurve)?;
                Ok(KeyMaterial::Ec(EcKey::new(
                    curve,
                    &bytes("x", &self.x)?,
                    &bytes("y", &self.y)?,
                )?))
            }
            "OKP" if text("crv", &self.crv)? == "Ed25519" => Ok(KeyMaterial::Ed25519(
                Ed25519Key::new(&bytes("x", &self.x)?)?,
            )),
            "OKP" => Err(SkipReason::UnsupportedCurve),
            "oct" => Err(SkipReason::Symmetric),
            _ => Err(SkipReason::UnsupportedType),
        }
    }

    fn algorithms(&self, material: &KeyMaterial) -> Result<AlgorithmSet, SkipReason> {
        let family = material.family();
        if self.alg.is_none() {
            return Ok(Algorithm::ASYMMETRIC
                .into_iter()
                .filter(|algorithm| algorithm.family() == family)
                .collect());
        }
        Algorithm::from_name(text("alg", &self.alg)?)
            .filter(|algorithm| algorithm.family() == family)
            .map(|algorithm| AlgorithmSet::from_iter([algorithm]))
            .ok_or(SkipReason::OtherAlgorithm)
    }
}

fn text<'a>(name: &'static str, value: &'a Option<Shallow<'_>>) -> Result<&'a str, SkipReason> {
    match value {
        None => Err(SkipReason::Missing { name }),
        Some(Shallow::Text(text)) => Ok(text),
        Some(_) => Err(SkipReason::Malformed { name }),
    }
}

fn optional_text<'j>(
    name: &'static str,
    value: Option<Shallow<'j>>,
) -> Result<Option<Cow<'j, str>>, SkipReason> {
    match value {
        None => Ok(None),
        Some(Shallow::Text(text)) => Ok(Some(text)),
        Some(_) => Err(SkipReason::Malformed { name }),
    }
}

fn bytes(name: &'static str, value: &Option<Shallow<'_>>) -> Result<Vec<u8>, SkipReason> {
    base64url::decode(text(name, value)?).map_err(|_| SkipReason::Malformed { name })
}

impl<'de> Deserialize<'de> for RawJwk<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct JwkVisitor;

        impl<'de> Visitor<'de> for JwkVisitor {
            type Value = RawJwk<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut jwk = RawJwk::default();
                let mut members = Members::new();
                while let Some(name) = members.next(&mut map)? {
                    match name {
                        "kty" => jwk.kty = Some(map.next_value()?),
                        "kid" => jwk.kid = Some(map.next_value()?),
                        "use" => jwk.usage = Some(map.next_value()?),
                        "key_ops" => jwk.key_ops = Some(map.next_value()?),
                        "alg" => jwk.alg = Some(map.next_value()?),
                        "crv" => jwk.crv = Some(map.next_value()?),
                        "n" => jwk.n = Some(map.next_value()?),
                        "e" => jwk.e = Some(map.next_value()?),
                        "x" => jwk.x = Some(map.next_value()?),
                        "y" => jwk.y = Some(map.next_value()?),
                        other => {
                            jwk.private |= matches!(
                                other,
                                "d" | "p" | "q" | "dp" | "dq" | "qi" | "oth" | "k" | "priv"
                            );
                            map.next_value::<IgnoredUnique>()?;
                        }
                    }
                }
                Ok(jwk)
            }
        }

        deserializer.deserialize_map(JwkVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn ec(more: &str) -> String {
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"{more}}}"#)
    }

    fn skip(json: &str) -> SkipReason {
        Jwk::parse(json.as_bytes()).expect_err(json)
    }

    #[test]
    fn w2_use_and_key_ops_are_honoured() {
        for good in [
            "",
            r#","use":"sig""#,
            r#","key_ops":["verify"]"#,
            r#","key_ops":["sign","verify"],"use":"sig""#,
            r#","key_ops":["\u0076erify"]"#,
        ] {
            assert!(Jwk::parse(ec(good).as_bytes()).is_ok(), "{good}");
        }
        assert_eq!(skip(&ec(r#","use":"enc""#)), SkipReason::OtherUse);
        assert_eq!(skip(&ec(r#","use":"SIG""#)), SkipReason::OtherUse);
        assert_eq!(
            skip(&ec(r#","use":null"#)),
            SkipReason::Malformed { name: "use" }
        );
        assert_eq!(skip(&ec(r#","key_ops":[]"#)), SkipReason::OtherOperations);
        assert_eq!(
            skip(&ec(r#","key_ops":["sign"],"use":"sig""#)),
            SkipReason::OtherOperations
        );
        assert_eq!(
            skip(&ec(r#","key_ops":["verify"],"use":"enc""#)),
            SkipReason::OtherUse
        );
        for malformed in ["null", r#""verify""#, r#"["verify",1]"#, r#"{"verify":1}"#] {
            assert_eq!(
                skip(&ec(&format!(r#","key_ops":{malformed}"#))),
                SkipReason::Malformed { name: "key_ops" }
            );
        }
    }

    #[test]
    fn w2_alg_goes_with_the_key() {
        let algorithms = |more: &str| {
            Jwk::parse(ec(more).as_bytes()).map(|jwk| jwk.algorithms().iter().collect::<Vec<_>>())
        };
        assert_eq!(algorithms(""), Ok(vec![Algorithm::ES256]));
        assert_eq!(algorithms(r#","alg":"ES256""#), Ok(vec![Algorithm::ES256]));
        for other in [
            "ES384", "RS256", "HS256", "ES256K", "none", "ECDH-ES", "es256", "", "ES521",
        ] {
            assert_eq!(
                skip(&ec(&format!(r#","alg":"{other}""#))),
                SkipReason::OtherAlgorithm,
                "{other}"
            );
        }
        assert_eq!(
            skip(&ec(r#","alg":null"#)),
            SkipReason::Malformed { name: "alg" }
        );
    }

    #[test]
    fn w2_without_alg_a_key_has_those_of_its_type() {
        let n = base64url::encode(&[&[0xb5; 255][..], &[1]].concat());
        let rsa = format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB"}}"#);
        let jwk = Jwk::parse(rsa.as_bytes()).expect("a usable key");
        let names: Vec<_> = jwk.algorithms().iter().map(Algorithm::as_str).collect();
        assert_eq!(
            names,
            ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
        );
        let okp = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","alg":"Ed25519"}"#;
        let jwk = Jwk::parse(okp.as_bytes()).expect("a usable key");
        assert_eq!(
            jwk.algorithms().iter().collect::<Vec<_>>(),
            [Algorithm::EdDSA]
        );
    }

    #[test]
    fn w1_other_types_and_curves_are_told_apart() {
        assert_eq!(skip(r#"{"kty":"oct","k":"AAAA"}"#), SkipReason::Symmetric);
        assert_eq!(
            skip(r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}"#),
            SkipReason::UnsupportedType
        );
        assert_eq!(skip(r#"{"kty":"rsa"}"#), SkipReason::UnsupportedType);
        for (kty, crv) in [
            ("OKP", "Ed448"),
            ("OKP", "X25519"),
            ("OKP", "P-256"),
            ("EC", "secp256k1"),
            ("EC", "Ed25519"),
        ] {
            let jwk = format!(r#"{{"kty":"{kty}","crv":"{crv}","x":"AA","y":"AA"}}"#);
            assert_eq!(skip(&jwk), SkipReason::UnsupportedCurve, "{kty} {crv}");
        }
    }

    #[test]
    fn w1_members_are_present_and_well_formed() {
        assert_eq!(skip("{}"), SkipReason::Missing { name: "kty" });
        assert_eq!(
            skip(r#"{"kty":["EC"]}"#),
            SkipReason::Malformed { name: "kty" }
        );
        assert_eq!(
            skip(r#"{"kty":"RSA","n":"AQAB"}"#),
            SkipReason::Missing { name: "e" }
        );
        assert_eq!(
            skip(r#"{"kty":"RSA","n":"AQAB","e":65537}"#),
            SkipReason::Malformed { name: "e" }
        );
        assert_eq!(
            skip(r#"{"kty":"RSA","n":"AQ==","e":"AQAB"}"#),
            SkipReason::Malformed { name: "n" }
        );
        assert_eq!(
            skip(r#"{"kty":"OKP","crv":"Ed25519","x":"AQ"}"#),
            KeyRejected::CoordinateLength.into()
        );
        assert_eq!(
            skip(r#"{"kty":"OKP","crv":"Ed25519"}"#),
            SkipReason::Missing { name: "x" }
        );
        assert!(matches!(
            skip(&ec(r#","kty":"EC""#)),
            SkipReason::Json(JsonError::DuplicateMember { .. })
        ));
        for json in ["null", "1", "[]", r#""EC""#] {
            assert!(
                matches!(
                    skip(json),
                    SkipReason::Json(JsonError::UnexpectedType { .. })
                ),
                "{json}"
            );
        }
    }

    #[test]
    fn a_kid_is_a_short_string() {
        assert_eq!(
            skip(&ec(r#","kid":1"#)),
            SkipReason::Malformed { name: "kid" }
        );
        let with_kid = |length: usize| ec(&format!(r#","kid":"{}""#, "k".repeat(length)));
        assert!(Jwk::parse(with_kid(256).as_bytes()).is_ok());
        assert_eq!(skip(&with_kid(257)), SkipReason::KidTooLong);
    }

    #[test]
    fn private_members_are_seen_but_not_kept() {
        let with = ec(r#","d":"c2VjcmV0LXNlY3JldC1zZWNyZXQ""#);
        let raw = RawJwk::parse(with.as_bytes()).expect("an object");
        assert!(raw.has_private_members());
        let jwk = raw.check().expect("usable all the same");
        assert!(!format!("{jwk:?}").contains("c2Vj"));
        assert!(
            !RawJwk::parse(ec("").as_bytes())
                .expect("an object")
                .has_private_members()
        );
    }
}
