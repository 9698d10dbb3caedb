//! The members of a JWK as they were published, and the checks on them.

use portcullis_core::log::escape;

use super::{Deviation, SkipReason};
use crate::algorithm::Algorithm;
use crate::base64url;
use crate::header::{Header, is_key_management};
use crate::json::{self, Value};
use crate::key_material::{Curve, KeyMaterial, KeyRejected};

/// The public members that are read. A saved key set keeps exactly these.
pub(crate) const PUBLIC: [&str; 10] = [
    "kty", "kid", "use", "key_ops", "alg", "crv", "n", "e", "x", "y",
];

/// The private members (RFC 7518 §6.2.2, §6.3.2, §6.4.1; `priv` is that of ML-DSA).
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// The members of a JWK before their types are checked. A member that is `null` counts as absent.
pub(crate) struct RawJwk<'j> {
    members: Value<'j>,
    /// Deviations that were accepted so far.
    pub(crate) tolerated: Vec<Deviation>,
}

impl<'j> RawJwk<'j> {
    pub(crate) fn parse(json: &'j [u8]) -> Result<Self, SkipReason> {
        let members = json::object(json).map_err(SkipReason::Json)?;
        let is_null = |name: &&str| members.member(name) == Some(&Value::Null);
        let nulls = PUBLIC.into_iter().filter(is_null);
        let mut tolerated: Vec<_> = nulls.map(Deviation::Null).collect();
        if members.member("key_ops") == Some(&Value::Array(Vec::new())) {
            tolerated.push(Deviation::EmptyKeyOps);
        }
        Ok(Self { members, tolerated })
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Value<'j>> {
        // Some libraries write `null` for each member that a key does not have.
        self.members
            .member(name)
            .filter(|value| **value != Value::Null)
    }

    pub(crate) fn has_private_members(&self) -> bool {
        PRIVATE.iter().any(|name| self.member(name).is_some())
    }

    fn optional_text(&self, name: &'static str) -> Result<Option<&str>, SkipReason> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(SkipReason::Malformed(name)),
        }
    }

    fn text(&self, name: &'static str) -> Result<&str, SkipReason> {
        self.optional_text(name)?.ok_or(SkipReason::Missing(name))
    }

    pub(crate) fn kid(&self) -> Result<Option<&str>, SkipReason> {
        match self.optional_text("kid")? {
            Some(kid) if kid.len() > Header::MAX_KID_BYTES => Err(SkipReason::KidTooLong),
            kid => Ok(kid),
        }
    }

    /// Checks that the key is for verifying signatures, and reads it with its algorithms.
    pub(crate) fn check(&mut self) -> Result<(KeyMaterial, Vec<Algorithm>), SkipReason> {
        let operations = self.operations()?;
        if self.is_for_encryption(operations.as_deref()) {
            return Err(SkipReason::Encryption);
        }
        self.check_use()?;
        if operations.is_some_and(|operations| !operations.contains(&"verify")) {
            return Err(SkipReason::OtherOperations);
        }
        let material = self.material()?;
        let algorithms = self.algorithms(&material)?;
        Ok((material, algorithms))
    }

    /// Checks that `use` is absent or `sig` (RFC 7517 §4.2).
    pub(crate) fn check_use(&self) -> Result<(), SkipReason> {
        match self.optional_text("use")? {
            None | Some("sig") => Ok(()),
            Some(other) => Err(SkipReason::OtherUse(escaped_value(other))),
        }
    }

    /// The items of `key_ops` (RFC 7517 §4.3). An empty list counts as absent.
    pub(crate) fn operations(&self) -> Result<Option<Vec<&str>>, SkipReason> {
        match self.member("key_ops") {
            None => Ok(None),
            Some(list @ Value::Array(items)) if list.is_only_texts() => {
                Ok((!items.is_empty()).then(|| list.texts().collect()))
            }
            Some(_) => Err(SkipReason::Malformed("key_ops")),
        }
    }

    /// Whether the key is for encryption, which is not a mistake. A published symmetric key is always a mistake.
    fn is_for_encryption(&self, operations: Option<&[&str]>) -> bool {
        const OPERATIONS: [&str; 6] = [
            "encrypt",
            "decrypt",
            "wrapKey",
            "unwrapKey",
            "deriveKey",
            "deriveBits",
        ];
        let text = |name| self.text(name).unwrap_or_default();
        if text("kty") == "oct" {
            return false;
        }
        text("use") == "enc"
            || ["X25519", "X448"].contains(&text("crv"))
            || is_key_management(text("alg"))
            || operations
                .is_some_and(|operations| operations.iter().all(|it| OPERATIONS.contains(it)))
    }

    pub(crate) fn material(&mut self) -> Result<KeyMaterial, SkipReason> {
        match self.text("kty")? {
            "RSA" => Ok(KeyMaterial::rsa(&self.bytes("n")?, &self.bytes("e")?)?),
            "EC" => {
                let crv = self.text("crv")?;
                let curve = Curve::find(|curve| curve.name == crv);
                let curve =
                    curve.ok_or_else(|| SkipReason::UnsupportedCurve(escaped_value(crv)))?;
                let (x, y) = (self.coordinate("x", curve)?, self.coordinate("y", curve)?);
                Ok(curve.key(&[&[4], &x[..], &y].concat())?)
            }
            "OKP" if self.text("crv")? == "Ed25519" => Ok(KeyMaterial::ed25519(&self.bytes("x")?)?),
            "OKP" => Err(SkipReason::UnsupportedCurve(escaped_value(
                self.text("crv")?,
            ))),
            "oct" => Err(SkipReason::Symmetric),
            other => Err(SkipReason::UnsupportedType(escaped_value(other))),
        }
    }

    fn bytes(&mut self, name: &'static str) -> Result<Vec<u8>, SkipReason> {
        let text = self.text(name)?;
        if let Some(bytes) = base64url::decode(text) {
            return Ok(bytes);
        }
        let bytes = base64url::decode_lenient(text).ok_or(SkipReason::Malformed(name))?;
        self.tolerated.push(Deviation::Base64(name));
        Ok(bytes)
    }

    /// A coordinate in the full length of the curve. Some issuers add zero bytes in front or omit a leading zero byte.
    fn coordinate(&mut self, name: &'static str, curve: &Curve) -> Result<Vec<u8>, SkipReason> {
        let mut bytes = self.bytes(name)?;
        let length = curve.coordinate_bytes;
        let before = bytes.len();
        if before + 1 == length {
            bytes.insert(0, 0);
        } else if before > length && bytes[..before - length].iter().all(|byte| *byte == 0) {
            bytes.drain(..before - length);
        }
        if bytes.len() != length {
            return Err(KeyRejected::CoordinateLength.into());
        }
        if before != length {
            self.tolerated.push(Deviation::CoordinateLength(name));
        }
        Ok(bytes)
    }

    /// The algorithm in `alg`, or without `alg` all that fit the key.
    pub(crate) fn algorithms(&self, material: &KeyMaterial) -> Result<Vec<Algorithm>, SkipReason> {
        let Some(alg) = self.optional_text("alg")? else {
            let all = Algorithm::ASYMMETRIC.into_iter();
            return Ok(all.filter(|algorithm| material.fits(*algorithm)).collect());
        };
        match alg.parse::<Algorithm>() {
            Ok(algorithm) if material.fits(algorithm) => Ok(vec![algorithm]),
            _ => Err(SkipReason::OtherAlgorithm(escaped_value(alg))),
        }
    }
}

/// Escapes the value of a member for an error message. Hides long values: the number of a private key may be in the wrong
/// member.
fn escaped_value(text: &str) -> String {
    match text.len() {
        0..32 => escape(text),
        _ => "…".to_owned(),
    }
}
