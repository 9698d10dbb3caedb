//! Unusable entries of key sets.

use std::sync::LazyLock;

use portcullis_test::{SigningAlgorithm, TestKey};
use serde_json::{Map, Value, json};

/// A key set with a thousand keys of strangers before its own; another document with a thousand more members.
pub(super) fn among_a_thousand(mut document: Value) -> Value {
    static STRANGERS: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let stranger = |_| TestKey::generate(SigningAlgorithm::ES256).public_jwk();
        (0..1000).map(stranger).collect()
    });
    if let Some(keys) = keys(&mut document) {
        keys.splice(0..0, STRANGERS.iter().cloned());
    } else if let Some(members) = document.as_object_mut() {
        members.extend((0..1000).map(|n| (format!("x_member_{n}"), n.into())));
    }
    document
}

/// A key set with unusable keys among its own; any document with unknown members.
pub(super) fn among_noise(mut document: Value) -> Value {
    if let Some(keys) = keys(&mut document) {
        let mut noise = noise_keys().into_iter();
        let mut mixed = Vec::new();
        for key in keys.drain(..) {
            mixed.extend(noise.next());
            mixed.push(key);
        }
        mixed.extend(noise);
        *keys = mixed;
    }
    if let Some(members) = document.as_object_mut() {
        members.extend(unknown_members());
    }
    document
}

fn keys(document: &mut Value) -> Option<&mut Vec<Value>> {
    document.get_mut("keys")?.as_array_mut()
}

fn unknown_members() -> Map<String, Value> {
    let noise = json!({
        "x_null": null, "x_list": [1, [2, {}]], "x_text": "\u{1f5dd}\u{0}", "x_number": 1e300,
    });
    noise.as_object().cloned().unwrap_or_default()
}

/// Entries that a verifier must skip, each for another reason.
fn noise_keys() -> Vec<Value> {
    let key = TestKey::shared(SigningAlgorithm::ES256, usize::MAX);
    let edwards = TestKey::shared(SigningAlgorithm::Ed25519, usize::MAX);
    let with = |key: &TestKey, member: &str, value: Value| {
        let mut jwk = key.public_jwk();
        jwk[member] = value;
        jwk["kid"] = format!("noise-{member}").into();
        jwk
    };
    vec![
        json!({"kty": "AKP", "alg": "ML-DSA-44", "kid": "noise-unknown-type", "pub": "AAAA"}),
        json!({"kty": "OKP", "crv": "X25519", "kid": "noise-other-curve", "use": "enc",
            "x": "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}),
        json!({"kty": "EC", "crv": "secp256k1", "alg": "ES256K", "kid": "noise-unknown-curve",
            "x": "WKn-ZIGevcwGIyyrzFoZNBdaq9_TsqzGl96oc0CWuis",
            "y": "y77t-RvAHRKTsSGdIYUfweuOvwrvDD-Q3Hv5J0fSKbE"}),
        json!({"kty": "oct", "alg": "HS256", "kid": "noise-symmetric", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ"}),
        json!({"kty": "RSA", "alg": "RS256", "kid": "noise-no-modulus", "e": "AQAB"}),
        json!({"kty": "RSA", "alg": "RS256", "kid": "noise-short-modulus", "n": "3xAw", "e": "AQAB"}),
        json!({"kty": "RSA", "alg": "RS256", "kid": "noise-not-base64", "n": "+/==", "e": 65537}),
        with(&key, "x", json!("AAAA")),
        with(&key, "y", json!(key.public_jwk()["x"])),
        with(&key, "crv", json!("P-384")),
        with(&key, "kty", json!(["EC"])),
        with(&key, "use", json!("enc")),
        with(&key, "key_ops", json!(["deriveBits"])),
        with(&key, "alg", json!("ECDH-ES")),
        with(&edwards, "x", json!("AA")),
        with(&edwards, "alg", json!(7)),
        {
            // A verifier may use it without its private member. Nothing is signed with it.
            let mut jwk = edwards.private_jwk();
            jwk["kid"] = "noise-private".into();
            jwk
        },
        json!({"kid": "noise-no-type"}),
        json!({}),
        json!(null),
        json!("key"),
        json!([]),
        json!(42),
    ]
}
