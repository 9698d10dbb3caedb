//! The members of a key as they were published, and what must hold of them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::tolerance::{Deviation, Tolerated};
use super::{Jwk, SkipReason};
use crate::algorithm::{Algorithm, AlgorithmSet};
use crate::base64url::{self, Spelling};
use crate::header::Header;
use crate::json::{self, IgnoredUnique, Members, Shallow, Text};
use crate::key_material::{Curve, EcKey, Ed25519Key, KeyMaterial, RsaKey};

/// The members of a key that have a meaning here, whatever their types. One that is `null` counts as absent.
#[derive(Default)]
pub(crate) struct RawJwk<'j> {
    kty: Option<Shallow<'j>>,
    pub(crate) kid: Option<Shallow<'j>>,
    pub(crate) usage: Option<Shallow<'j>>,
    key_ops: Option<&'j RawValue>,
    alg: Option<Shallow<'j>>,
    crv: Option<Shallow<'j>>,
    n: Option<Shallow<'j>>,
    e: Option<Shallow<'j>>,
    x: Option<Shallow<'j>>,
    y: Option<Shallow<'j>>,
    private: bool,
    tolerated: Tolerated,
}

impl<'j> RawJwk<'j> {
    pub(crate) fn parse(json: &'j [u8]) -> Result<Self, SkipReason> {
        let mut raw: Self = json::from_slice(json).map_err(SkipReason::Json)?;
        let members = [
            ("kty", &mut raw.kty),
            ("kid", &mut raw.kid),
            ("use", &mut raw.usage),
            ("alg", &mut raw.alg),
            ("crv", &mut raw.crv),
            ("n", &mut raw.n),
            ("e", &mut raw.e),
            ("x", &mut raw.x),
            ("y", &mut raw.y),
        ];
        for (name, member) in members {
            if *member == Some(Shallow::Null) {
                *member = None;
                raw.tolerated.add(Deviation::Null { name });
            }
        }
        if raw.key_ops.is_some_and(|value| value.get() == "null") {
            raw.key_ops = None;
            raw.tolerated.add(Deviation::Null { name: "key_ops" });
        }
        Ok(raw)
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

    pub(crate) fn check(mut self) -> Result<Jwk<'j>, SkipReason> {
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
            tolerated: self.tolerated,
        })
    }

    fn check_use(&mut self) -> Result<(), SkipReason> {
        let operations = self.operations()?;
        if self.is_for_encryption(operations.as_deref()) {
            return Err(SkipReason::Encryption);
        }
        match &self.usage {
            None => {}
            Some(Shallow::Text(usage)) if usage == "sig" => {}
            Some(Shallow::Text(_)) => return Err(SkipReason::OtherUse),
            Some(_) => return Err(SkipReason::Malformed { name: "use" }),
        }
        if operations.is_some_and(|operations| !operations.iter().any(|it| it.0 == "verify")) {
            return Err(SkipReason::OtherOperations);
        }
        Ok(())
    }

    /// What `key_ops` lists (RFC 7517 §4.3). An empty list says nothing, like an absent one.
    pub(crate) fn operations(&mut self) -> Result<Option<Vec<Text<'j>>>, SkipReason> {
        let Some(key_ops) = self.key_ops else {
            return Ok(None);
        };
        let operations: Vec<Text<'j>> = json::from_slice(key_ops.get().as_bytes())
            .map_err(|_| SkipReason::Malformed { name: "key_ops" })?;
        if operations.is_empty() {
            self.tolerated.add(Deviation::EmptyKeyOps);
            return Ok(None);
        }
        Ok(Some(operations))
    }

    /// Whether the key is published for encryption: it is of no use here, and no fault of the set. A symmetric one is,
    /// since its secret is published.
    fn is_for_encryption(&self, operations: Option<&[Text<'_>]>) -> bool {
        let is = |member: &Option<Shallow<'_>>, of: &[&str]| matches!(member, Some(Shallow::Text(text)) if of.contains(&&**text));
        if is(&self.kty, &["oct"]) {
            return false;
        }
        is(&self.usage, &["enc"])
            || is(&self.crv, &["X25519", "X448"])
            || matches!(&self.alg, Some(Shallow::Text(alg)) if is_key_management(alg))
            || operations.is_some_and(|operations| {
                operations.iter().all(|operation| {
                    matches!(
                        &*operation.0,
                        "encrypt"
                            | "decrypt"
                            | "wrapKey"
                            | "unwrapKey"
                            | "deriveKey"
                            | "deriveBits"
                    )
                })
            })
    }

    pub(crate) fn material(&mut self) -> Result<KeyMaterial, SkipReason> {
        match text("kty", &self.kty)? {
            "RSA" => Ok(KeyMaterial::Rsa(RsaKey::new(
                &bytes("n", &self.n, &mut self.tolerated)?,
                &bytes("e", &self.e, &mut self.tolerated)?,
            )?)),
            "EC" => {
                let curve = Curve::from_name(text("crv", &self.crv)?)
                    .ok_or(SkipReason::UnsupportedCurve)?;
                Ok(KeyMaterial::Ec(EcKey::new(
                    curve,
                    &coordinate("x", &self.x, curve, &mut self.tolerated)?,
                    &coordinate("y", &self.y, curve, &mut self.tolerated)?,
                )?))
            }
            "OKP" if text("crv", &self.crv)? == "Ed25519" => Ok(KeyMaterial::Ed25519(
                Ed25519Key::new(&bytes("x", &self.x, &mut self.tolerated)?)?,
            )),
            "OKP" => Err(SkipReason::UnsupportedCurve),
            "oct" => Err(SkipReason::Symmetric),
            _ => Err(SkipReason::UnsupportedType),
        }
    }

    pub(crate) fn algorithms(&self, material: &KeyMaterial) -> Result<AlgorithmSet, SkipReason> {
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

/// Whether `alg` names a way to agree on or encrypt a key (RFC 7518 §4.1).
fn is_key_management(alg: &str) -> bool {
    ["RSA1_5", "dir"].contains(&alg)
        || ["RSA-OAEP", "ECDH-ES", "PBES2-"]
            .iter()
            .any(|prefix| alg.starts_with(prefix))
        || (alg.starts_with('A') && alg.ends_with("KW"))
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

fn bytes(
    name: &'static str,
    value: &Option<Shallow<'_>>,
    tolerated: &mut Tolerated,
) -> Result<Vec<u8>, SkipReason> {
    let (bytes, spelling) = base64url::decode_lenient(text(name, value)?)
        .map_err(|_| SkipReason::Malformed { name })?;
    if spelling == Spelling::Other {
        tolerated.add(Deviation::Base64 { name });
    }
    Ok(bytes)
}

/// A coordinate in the full length of the curve. Some issuers write it as a number: with a zero in front as a sign, or
/// without the zero that it begins with.
fn coordinate(
    name: &'static str,
    value: &Option<Shallow<'_>>,
    curve: Curve,
    tolerated: &mut Tolerated,
) -> Result<Vec<u8>, SkipReason> {
    let mut bytes = bytes(name, value, tolerated)?;
    let length = curve.coordinate_bytes();
    let before = bytes.len();
    if before + 1 == length {
        bytes.insert(0, 0);
    } else if before > length && bytes[..before - length].iter().all(|byte| *byte == 0) {
        bytes.drain(..before - length);
    }
    if bytes.len() != before {
        tolerated.add(Deviation::CoordinateLength { name });
    }
    Ok(bytes)
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
                        "d" | "p" | "q" | "dp" | "dq" | "qi" | "oth" | "k" | "priv" => {
                            jwk.private |= map.next_value::<Shallow<'_>>()? != Shallow::Null;
                        }
                        _ => {
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
