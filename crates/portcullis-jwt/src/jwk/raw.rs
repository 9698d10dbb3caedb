//! The members of a key as they were published, and what must hold of them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Jwk, SkipReason};
use crate::algorithm::{Algorithm, AlgorithmSet};
use crate::base64url;
use crate::header::Header;
use crate::json::{self, IgnoredUnique, Members, Shallow, Text};
use crate::key_material::{Curve, EcKey, Ed25519Key, KeyMaterial, RsaKey};

/// The members of a key that have a meaning here, whatever their types.
#[derive(Default)]
pub(crate) struct RawJwk<'j> {
    kty: Option<Shallow<'j>>,
    pub(crate) kid: Option<Shallow<'j>>,
    pub(crate) usage: Option<Shallow<'j>>,
    pub(crate) key_ops: Option<&'j RawValue>,
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

    pub(crate) fn material(&self) -> Result<KeyMaterial, SkipReason> {
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
