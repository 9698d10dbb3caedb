//! Private keys as JWK (RFC 7518 §6.2.2 and §6.3.2, RFC 8037 §2).

use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair};

use super::SigningKeyError;
use super::numbers::Numbers;
use super::pair::Pair;
use crate::algorithm::{Algorithm, AlgorithmSet};
use crate::header::Header;
use crate::json::Shallow;
use crate::jwk::{RawJwk, SkipReason};
use crate::key_material::{KeyMaterial, KeyRejected};

/// What a private JWK says.
pub(super) struct PrivateJwk {
    pub(super) pair: Pair,
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
}

impl PrivateJwk {
    /// Reads the key for `asked`, or without that for the one algorithm it can be for.
    pub(super) fn parse(json: &[u8], asked: Option<Algorithm>) -> Result<Self, SigningKeyError> {
        // First, so that the reader of the public members meets none with escapes: those it undoes in a buffer that
        // nobody wipes.
        let numbers = Numbers::parse(json)?;
        let mut public = RawJwk::parse(json)?;
        check_use(&mut public)?;
        let material = public.material()?;
        let algorithm = choose(public.algorithms(&material)?, asked)?;
        Ok(Self {
            pair: pair(&material, &numbers, algorithm)?,
            algorithm,
            kid: kid(&public)?,
        })
    }
}

fn check_use(jwk: &mut RawJwk<'_>) -> Result<(), SigningKeyError> {
    match &jwk.usage {
        None => {}
        Some(Shallow::Text(usage)) if usage == "sig" => {}
        Some(Shallow::Text(_)) => return Err(SkipReason::OtherUse.into()),
        Some(_) => return Err(SkipReason::Malformed { name: "use" }.into()),
    }
    let operations = jwk.operations()?;
    if operations.is_some_and(|operations| !operations.iter().any(|it| it.0 == "sign")) {
        return Err(SigningKeyError::OtherOperations);
    }
    Ok(())
}

/// `allowed` is the key's `alg`, or without one all that go with its type.
fn choose(allowed: AlgorithmSet, asked: Option<Algorithm>) -> Result<Algorithm, SigningKeyError> {
    let mut algorithms = allowed.iter();
    let only = algorithms.next().filter(|_| algorithms.next().is_none());
    match (asked, only) {
        (Some(asked), _) if allowed.contains(asked) => Ok(asked),
        (Some(asked), Some(found)) => Err(SigningKeyError::OtherAlgorithm { found, asked }),
        (Some(algorithm), None) => Err(KeyRejected::WrongAlgorithm { algorithm }.into()),
        (None, Some(only)) => Ok(only),
        (None, None) => Err(SigningKeyError::NoAlgorithm),
    }
}

fn kid(jwk: &RawJwk<'_>) -> Result<Option<String>, SkipReason> {
    match &jwk.kid {
        None => Ok(None),
        Some(Shallow::Text(kid)) if kid.len() <= Header::MAX_KID_BYTES => {
            Ok(Some(kid.clone().into_owned()))
        }
        Some(Shallow::Text(_)) => Err(SkipReason::KidTooLong),
        Some(_) => Err(SkipReason::Malformed { name: "kid" }),
    }
}

fn pair(
    public: &KeyMaterial,
    numbers: &Numbers,
    algorithm: Algorithm,
) -> Result<Pair, SigningKeyError> {
    let d = numbers.d.as_deref().ok_or(SigningKeyError::PublicKey)?;
    let of_length = |length: usize| match d.len() == length {
        true => Ok(d),
        false => Err(SkipReason::Malformed { name: "d" }),
    };
    match public {
        KeyMaterial::Rsa(key) => {
            let [p, q, dp, dq, qi] = numbers.rsa()?;
            Pair::rsa(key, [d, p, q, dp, dq, qi], algorithm)
        }
        KeyMaterial::Ec(key) => {
            // RFC 7518 §6.2.2.1: as many octets as the order has, which on these curves is what a coordinate has.
            let d = of_length(key.curve().coordinate_bytes())?;
            Pair::ec(key.curve(), algorithm, |parameters| {
                let point = key.uncompressed_point();
                EcdsaKeyPair::from_private_key_and_public_key(parameters, d, point)
            })
        }
        KeyMaterial::Ed25519(key) => {
            let d = of_length(32)?;
            Pair::ed25519(algorithm, || {
                Ed25519KeyPair::from_seed_and_public_key(d, key.as_bytes())
            })
        }
        KeyMaterial::Secret(_) => Err(SigningKeyError::Symmetric),
    }
}
