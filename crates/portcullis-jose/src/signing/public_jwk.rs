//! The public half of a key as JWK.

use serde_json::{Value, json};

use crate::base64url::encode;
use crate::key_material::KeyMaterial;

/// The members that RFC 7638 §3.2 calls required, and no others.
pub(super) fn public_jwk(key: &KeyMaterial) -> Option<Value> {
    Some(match key {
        KeyMaterial::Rsa(key) => json!({
            "kty": "RSA", "n": encode(key.modulus()), "e": encode(key.exponent()),
        }),
        KeyMaterial::Ec(key) => json!({
            "kty": "EC", "crv": key.curve().name(), "x": encode(key.x()), "y": encode(key.y()),
        }),
        KeyMaterial::Ed25519(key) => json!({
            "kty": "OKP", "crv": "Ed25519", "x": encode(key.as_bytes()),
        }),
        KeyMaterial::Secret(_) => return None,
    })
}
