//! The curves of `ES*`.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaSigningAlgorithm,
};
use spki::ObjectIdentifier;

use super::rejected::KeyRejected;
use crate::algorithm::Algorithm;

#[derive(Debug)]
pub(crate) struct Curve {
    /// The `crv` of a JWK (RFC 7518 §6.2.1.1).
    pub(crate) name: &'static str,
    /// The name in DER (RFC 5480 §2.1.1.1).
    pub(crate) oid: ObjectIdentifier,
    pub(crate) coordinate_bytes: usize,
    pub(crate) algorithm: Algorithm,
    pub(crate) signing: &'static EcdsaSigningAlgorithm,
}

static CURVES: [Curve; 3] = [
    Curve {
        name: "P-256",
        oid: ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
        coordinate_bytes: 32,
        algorithm: Algorithm::ES256,
        signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
    },
    Curve {
        name: "P-384",
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.34"),
        coordinate_bytes: 48,
        algorithm: Algorithm::ES384,
        signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
    },
    Curve {
        name: "P-521",
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.35"),
        coordinate_bytes: 66,
        algorithm: Algorithm::ES512,
        signing: &ECDSA_P521_SHA512_FIXED_SIGNING,
    },
];

impl Curve {
    pub(crate) fn find(is_wanted: impl Fn(&Self) -> bool) -> Option<&'static Self> {
        CURVES.iter().find(|curve| is_wanted(curve))
    }

    pub(crate) fn of(algorithm: Algorithm) -> Result<&'static Self, KeyRejected> {
        let curve = Self::find(|curve| curve.algorithm == algorithm);
        curve.ok_or(KeyRejected::WrongAlgorithm(algorithm))
    }
}
