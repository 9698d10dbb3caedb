//! Reads private JWKs (RFC 7518 §6.2.2 and §6.3.2, RFC 8037 §2).

use std::borrow::Cow;

use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair};
use zeroize::Zeroizing;

use super::SigningKeyError;
use super::private_key::KeyPair;
use crate::algorithm::Algorithm;
use crate::base64url;
use crate::json::Value;
use crate::jwk::{RawJwk, SkipReason};
use crate::key_material::{Curve, KeyMaterial, KeyRejected};

/// Reads the key for `requested`, or else for the only algorithm that fits it. Also returns the `kid`.
pub(super) fn parse(
    json: &[u8],
    requested: Option<Algorithm>,
) -> Result<(KeyPair, Option<String>), SigningKeyError> {
    let mut jwk = RawJwk::parse(json)?;
    jwk.check_use()?;
    let operations = jwk.operations()?;
    if operations.is_some_and(|operations| !operations.contains(&"sign")) {
        return Err(SigningKeyError::OtherOperations);
    }
    let public = jwk.material()?;
    let by = jwk.member("alg").map_or("crv", |_| "alg");
    let algorithm = choose(&jwk.algorithms(&public)?, by, requested)?;
    let pair = key_pair(public, &jwk, algorithm)?;
    Ok((pair, jwk.kid()?.map(str::to_owned)))
}

/// `allowed` is the key's `alg`, or else all algorithms that fit its type. `by` names the member that determines `allowed`.
fn choose(
    allowed: &[Algorithm],
    by: &'static str,
    requested: Option<Algorithm>,
) -> Result<Algorithm, SigningKeyError> {
    match (requested, allowed) {
        (Some(requested), allowed) if allowed.contains(&requested) => Ok(requested),
        (Some(asked), &[found]) => Err(SigningKeyError::OtherAlgorithm { found, by, asked }),
        (Some(algorithm), _) => Err(KeyRejected::WrongAlgorithm(algorithm).into()),
        (None, &[only]) => Ok(only),
        (None, _) => Err(SigningKeyError::NoAlgorithm),
    }
}

fn key_pair(
    public: KeyMaterial,
    jwk: &RawJwk<'_>,
    algorithm: Algorithm,
) -> Result<KeyPair, SigningKeyError> {
    let d = number(jwk, "d")?.ok_or(SigningKeyError::PublicKey)?;
    let check_length = |length: usize| match d.len() == length {
        true => Ok(()),
        false => Err(SkipReason::Malformed("d")),
    };
    match public {
        KeyMaterial::Rsa { .. } => {
            if jwk.member("oth").is_some() {
                return Err(SigningKeyError::MultiPrime);
            }
            let required = |name| number(jwk, name)?.ok_or(SigningKeyError::IncompleteRsa(name));
            let (p, q) = (required("p")?, required("q")?);
            let (dp, dq, qi) = (required("dp")?, required("dq")?, required("qi")?);
            KeyPair::rsa(public, [&d, &p, &q, &dp, &dq, &qi], algorithm)
        }
        KeyMaterial::Ec { point, .. } => {
            // RFC 7518 §6.2.2.1: the length of the order, which on these curves is that of a coordinate.
            check_length(point.len() / 2)?;
            KeyPair::ec(Curve::of(algorithm)?, algorithm, |parameters| {
                EcdsaKeyPair::from_private_key_and_public_key(parameters, &d, &point)
            })
        }
        KeyMaterial::Ed25519(point) => {
            check_length(32)?;
            KeyPair::ed25519(algorithm, || {
                Ed25519KeyPair::from_seed_and_public_key(&d, &point)
            })
        }
        KeyMaterial::Secret { .. } => Err(SigningKeyError::Symmetric),
    }
}

/// Decodes a private member, whose copies are all wiped. A member with escapes is an error: the parser would copy it.
fn number(
    jwk: &RawJwk<'_>,
    name: &'static str,
) -> Result<Option<Zeroizing<Vec<u8>>>, SigningKeyError> {
    let malformed = SkipReason::Malformed(name);
    let text = match jwk.member(name) {
        None => return Ok(None),
        Some(Value::Text(Cow::Borrowed(text))) => text,
        Some(_) => return Err(malformed.into()),
    };
    let mut number = Zeroizing::new(vec![0; text.len()]);
    let decoded = base64url::decode_into(text.as_bytes(), &mut number);
    let length = decoded.ok_or(malformed)?.len();
    number.truncate(length);
    Ok(Some(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, name: &'static str) -> Result<Option<Vec<u8>>, SigningKeyError> {
        let jwk = RawJwk::parse(json.as_bytes())?;
        Ok(number(&jwk, name)?.map(|number| number.to_vec()))
    }

    #[test]
    fn a_private_number_is_strict_base64url_without_escapes() {
        assert_eq!(read("{}", "d"), Ok(None));
        assert_eq!(read(r#"{"d":null}"#, "d"), Ok(None));
        assert_eq!(
            read(r#"{"d":"AQAB","k":"?"}"#, "d"),
            Ok(Some(vec![1, 0, 1]))
        );
        for malformed in [
            r#""AQAB=""#,
            r#""AQA\u0042""#,
            r#""AR""#,
            r#""A""#,
            "1",
            "[]",
        ] {
            assert_eq!(
                read(&format!(r#"{{"d":{malformed}}}"#), "d"),
                Err(SkipReason::Malformed("d").into()),
                "{malformed}"
            );
        }
        assert!(matches!(
            read(r#"{"d":"AQAB","\u0064":"AQAB"}"#, "d"),
            Err(SigningKeyError::Jwk(SkipReason::Json(_)))
        ));
    }
}
