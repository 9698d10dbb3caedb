//! The members of a JWK as they were published, and the checks on them.

use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::{Deviation, Jwk, SkipReason};
use crate::algorithm::Algorithm;
use crate::base64url;
use crate::header::Header;
use crate::json::{self, FromMembers, Shallow, Text};
use crate::key_material::{Curve, EcKey, Ed25519Key, KeyMaterial, RsaKey};

/// The members of a JWK before their types are checked. A member that is `null` counts as absent.
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
    /// In the order of [`PRIVATE`]. Not unescaped, since the buffer for that would not be wiped.
    private: [Option<&'j RawValue>; PRIVATE.len()],
    tolerated: Vec<Deviation>,
}

/// The private members (RFC 7518 §6.2.2, §6.3.2, §6.4.1; `priv` is that of ML-DSA).
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

impl<'j> RawJwk<'j> {
    pub(crate) fn parse(json: &'j [u8]) -> Result<Self, SkipReason> {
        json::object(json).map_err(SkipReason::Json)
    }

    /// Whether the JWK has members that must stay secret.
    pub(crate) fn has_private_members(&self) -> bool {
        self.private.iter().any(Option::is_some)
    }

    /// The JSON of a private member.
    pub(crate) fn private(&self, name: &str) -> Option<&'j str> {
        let position = PRIVATE.iter().position(|private| *private == name)?;
        self.private[position].map(RawValue::get)
    }

    /// The `kid`, if it is well-formed.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.checked_kid().ok().flatten()
    }

    /// The `kid`.
    pub(crate) fn checked_kid(&self) -> Result<Option<&str>, SkipReason> {
        match optional_text("kid", &self.kid)? {
            Some(kid) if kid.len() > Header::MAX_KID_BYTES => Err(SkipReason::KidTooLong),
            kid => Ok(kid),
        }
    }

    /// Checks that the key is for verifying signatures, and reads it.
    pub(crate) fn check(mut self) -> Result<Jwk, SkipReason> {
        let operations = self.operations()?;
        if self.is_for_encryption(operations.as_deref()) {
            return Err(SkipReason::Encryption);
        }
        self.check_use()?;
        if operations.is_some_and(|operations| !operations.iter().any(|it| it.0 == "verify")) {
            return Err(SkipReason::OtherOperations);
        }
        let material = self.material()?;
        Ok(Jwk {
            algorithms: self.algorithms(&material)?,
            kid: self.checked_kid()?.map(str::to_owned),
            material,
            tolerated: self.tolerated,
        })
    }

    /// Checks that `use` is absent or `sig` (RFC 7517 §4.2).
    pub(crate) fn check_use(&self) -> Result<(), SkipReason> {
        match optional_text("use", &self.usage)? {
            None | Some("sig") => Ok(()),
            Some(_) => Err(SkipReason::OtherUse),
        }
    }

    /// The items of `key_ops` (RFC 7517 §4.3). An empty list counts as absent.
    pub(crate) fn operations(&mut self) -> Result<Option<Vec<Text<'j>>>, SkipReason> {
        let Some(key_ops) = self.key_ops else {
            return Ok(None);
        };
        let operations: Vec<Text<'j>> = json::from_slice(key_ops.get().as_bytes())
            .map_err(|_| SkipReason::Malformed { name: "key_ops" })?;
        if operations.is_empty() {
            self.tolerated.push(Deviation::EmptyKeyOps);
            return Ok(None);
        }
        Ok(Some(operations))
    }

    /// Whether the key is for encryption, which is not a mistake of the issuer. A published symmetric key always is one.
    fn is_for_encryption(&self, operations: Option<&[Text<'_>]>) -> bool {
        const OPERATIONS: [&str; 6] = [
            "encrypt",
            "decrypt",
            "wrapKey",
            "unwrapKey",
            "deriveKey",
            "deriveBits",
        ];
        let text = |member| optional_text("", member).ok().flatten().unwrap_or_default();
        if text(&self.kty) == "oct" {
            return false;
        }
        text(&self.usage) == "enc"
            || ["X25519", "X448"].contains(&text(&self.crv))
            || is_key_management(text(&self.alg))
            || operations
                .is_some_and(|operations| operations.iter().all(|it| OPERATIONS.contains(&&*it.0)))
    }

    pub(crate) fn material(&mut self) -> Result<KeyMaterial, SkipReason> {
        let tolerated = &mut self.tolerated;
        match text("kty", &self.kty)? {
            "RSA" => Ok(KeyMaterial::Rsa(RsaKey::new(
                &bytes("n", &self.n, tolerated)?,
                &bytes("e", &self.e, tolerated)?,
            )?)),
            "EC" => {
                let curve = Curve::from_name(text("crv", &self.crv)?)
                    .ok_or(SkipReason::UnsupportedCurve)?;
                Ok(KeyMaterial::Ec(EcKey::new(
                    curve,
                    &coordinate("x", &self.x, curve, tolerated)?,
                    &coordinate("y", &self.y, curve, tolerated)?,
                )?))
            }
            "OKP" if text("crv", &self.crv)? == "Ed25519" => Ok(KeyMaterial::Ed25519(
                Ed25519Key::new(&bytes("x", &self.x, tolerated)?)?,
            )),
            "OKP" => Err(SkipReason::UnsupportedCurve),
            "oct" => Err(SkipReason::Symmetric),
            _ => Err(SkipReason::UnsupportedType),
        }
    }

    /// The algorithm in `alg`, or without `alg` all that fit the key.
    pub(crate) fn algorithms(&self, material: &KeyMaterial) -> Result<Vec<Algorithm>, SkipReason> {
        let Some(alg) = optional_text("alg", &self.alg)? else {
            let all = Algorithm::ASYMMETRIC.into_iter();
            return Ok(all.filter(|algorithm| algorithm.fits(material)).collect());
        };
        match alg.parse::<Algorithm>() {
            Ok(algorithm) if algorithm.fits(material) => Ok(vec![algorithm]),
            _ => Err(SkipReason::OtherAlgorithm),
        }
    }
}

/// Whether `alg` is a key management algorithm (RFC 7518 §4.1).
fn is_key_management(alg: &str) -> bool {
    ["RSA1_5", "dir"].contains(&alg)
        || ["RSA-OAEP", "ECDH-ES", "PBES2-"]
            .iter()
            .any(|prefix| alg.starts_with(prefix))
        || (alg.starts_with('A') && alg.ends_with("KW"))
}

fn text<'a>(name: &'static str, value: &'a Option<Shallow<'_>>) -> Result<&'a str, SkipReason> {
    optional_text(name, value)?.ok_or(SkipReason::Missing { name })
}

fn optional_text<'a>(
    name: &'static str,
    value: &'a Option<Shallow<'_>>,
) -> Result<Option<&'a str>, SkipReason> {
    match value {
        None => Ok(None),
        Some(Shallow::Text(text)) => Ok(Some(text)),
        Some(_) => Err(SkipReason::Malformed { name }),
    }
}

fn bytes(
    name: &'static str,
    value: &Option<Shallow<'_>>,
    tolerated: &mut Vec<Deviation>,
) -> Result<Vec<u8>, SkipReason> {
    let text = text(name, value)?;
    if let Ok(bytes) = base64url::decode(text) {
        return Ok(bytes);
    }
    let bytes = base64url::decode_lenient(text).map_err(|_| SkipReason::Malformed { name })?;
    tolerated.push(Deviation::Base64 { name });
    Ok(bytes)
}

/// A coordinate in the full length of the curve. Some issuers add zero bytes in front or omit a leading zero byte.
fn coordinate(
    name: &'static str,
    value: &Option<Shallow<'_>>,
    curve: Curve,
    tolerated: &mut Vec<Deviation>,
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
        tolerated.push(Deviation::CoordinateLength { name });
    }
    Ok(bytes)
}

impl<'de> FromMembers<'de> for RawJwk<'de> {
    fn read_member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        if let Some(position) = PRIVATE.iter().position(|private| *private == name) {
            // Some libraries write `null` for each member that a key does not have.
            self.private[position] = map.next_value()?;
            return Ok(());
        }
        if name == "key_ops" {
            self.key_ops = map.next_value()?;
            if self.key_ops.is_none() {
                self.tolerated.push(Deviation::Null { name: "key_ops" });
            }
            return Ok(());
        }
        let value: Shallow<'_> = map.next_value()?;
        let (name, member) = match name {
            "kty" => ("kty", &mut self.kty),
            "kid" => ("kid", &mut self.kid),
            "use" => ("use", &mut self.usage),
            "alg" => ("alg", &mut self.alg),
            "crv" => ("crv", &mut self.crv),
            "n" => ("n", &mut self.n),
            "e" => ("e", &mut self.e),
            "x" => ("x", &mut self.x),
            "y" => ("y", &mut self.y),
            _ => return Ok(()),
        };
        if value == Shallow::Null {
            self.tolerated.push(Deviation::Null { name });
        } else {
            *member = Some(value);
        }
        Ok(())
    }
}
