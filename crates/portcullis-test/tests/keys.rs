//! jsonwebtoken accepts the signatures of test keys, and reads their exported forms.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_lc_rs::signature::{
    ECDSA_P521_SHA512_FIXED, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair, UnparsedPublicKey,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::Jwk};
use portcullis_core::clock::{Clock as _, SystemClock, UnixTime};
use portcullis_test::{SigningAlgorithm, TestKey, TokenBuilder};
use serde_json::{Value, json};

fn oracle_algorithm(algorithm: SigningAlgorithm) -> Option<Algorithm> {
    match algorithm {
        SigningAlgorithm::ES512 => None,
        SigningAlgorithm::Ed25519 => Some(Algorithm::EdDSA),
        named => Some(named.as_str().parse().unwrap()),
    }
}

fn token(key: &TestKey) -> String {
    // jsonwebtoken knows Ed25519 as EdDSA only.
    let alg = match key.algorithm() {
        SigningAlgorithm::Ed25519 => "EdDSA",
        other => other.as_str(),
    };
    TokenBuilder::new("https://issuer.example.com", key, SystemClock.now())
        .alg(alg)
        .mint()
}

#[test]
fn every_algorithm_verifies_by_jwk_and_by_pem() {
    for algorithm in SigningAlgorithm::ASYMMETRIC {
        let Some(oracle) = oracle_algorithm(algorithm) else {
            continue;
        };
        let key = TestKey::shared(algorithm, 0);
        let mut jwk = key.public_jwk();
        jwk["alg"] = json!(format!("{oracle:?}"));
        let jwk: Jwk = serde_json::from_value(jwk).unwrap();
        let pem = key.public_pem();
        let from_pem = match &algorithm.as_str()[..1] {
            "R" | "P" => DecodingKey::from_rsa_pem(pem.as_bytes()),
            _ if oracle == Algorithm::EdDSA => DecodingKey::from_ed_pem(pem.as_bytes()),
            _ => DecodingKey::from_ec_pem(pem.as_bytes()),
        };
        let stranger = TestKey::shared(algorithm, 1);
        for decoding in [DecodingKey::from_jwk(&jwk).unwrap(), from_pem.unwrap()] {
            let mut validation = Validation::new(oracle);
            validation.validate_aud = false;
            decode::<Value>(&token(&key), &decoding, &validation).unwrap();
            decode::<Value>(&token(&stranger), &decoding, &validation).unwrap_err();
        }
    }
}

#[test]
fn es512_verifies_by_its_jwk() {
    let key = TestKey::generate(SigningAlgorithm::ES512);
    let jwk = key.public_jwk();
    let decoded = |member: &str| {
        URL_SAFE_NO_PAD
            .decode(jwk[member].as_str().unwrap())
            .unwrap()
    };
    let point = [vec![4], decoded("x"), decoded("y")].concat();
    assert_eq!((jwk["crv"].as_str(), point.len()), (Some("P-521"), 133));
    let token = token(&key);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert_eq!(signature.len(), 132);
    UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point)
        .verify(message.as_bytes(), &signature)
        .unwrap();
}

#[test]
fn hmac_verifies_by_its_secret() {
    let key = TestKey::hmac(
        SigningAlgorithm::HS384,
        "a secret of forty-eight bytes, or thereabouts...",
    );
    let mut validation = Validation::new(Algorithm::HS384);
    validation.validate_aud = false;
    let secret = DecodingKey::from_secret(b"a secret of forty-eight bytes, or thereabouts...")
        .expect("not empty");
    decode::<Value>(&token(&key), &secret, &validation).unwrap();
    assert_eq!(key.public_jwk()["kty"], "oct");
}

#[test]
fn private_keys_can_be_exported() {
    use SigningAlgorithm::{ES256, ES384, ES512, Ed25519, RS256};
    use jsonwebtoken::EncodingKey;
    for algorithm in [RS256, ES256, ES384, ES512, Ed25519] {
        let key = TestKey::shared(algorithm, 0);
        let pem = key.private_pem();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let jwk = key.private_jwk();
        let member = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        match algorithm {
            RS256 => {
                EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
                let [n, e, d, p, q, dp, dq, qi] =
                    ["n", "e", "d", "p", "q", "dp", "dq", "qi"].map(&member);
                assert_eq!((n.len(), p.len(), q.len()), (256, 128, 128));
                let components = aws_lc_rs::rsa::KeyPairComponents {
                    public_key: aws_lc_rs::rsa::PublicKeyComponents { n, e },
                    d,
                    p,
                    q,
                    dP: dp,
                    dQ: dq,
                    qInv: qi,
                };
                RsaKeyPair::from_components(&components).unwrap();
            }
            Ed25519 => {
                EncodingKey::from_ed_pem(pem.as_bytes()).unwrap();
                Ed25519KeyPair::from_seed_and_public_key(&member("d"), &member("x")).unwrap();
            }
            _ => {
                let curve = match algorithm {
                    ES256 => &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                    ES384 => &aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING,
                    _ => &aws_lc_rs::signature::ECDSA_P521_SHA512_FIXED_SIGNING,
                };
                let point = [vec![4], member("x"), member("y")].concat();
                EcdsaKeyPair::from_private_key_and_public_key(curve, &member("d"), &point).unwrap();
            }
        }
        assert_eq!(key.public_jwk().get("d"), None);
    }
}

#[test]
fn thumbprints_equal_those_of_jsonwebtoken() {
    use jsonwebtoken::jwk::ThumbprintHash;
    for algorithm in [
        SigningAlgorithm::RS256,
        SigningAlgorithm::ES256,
        SigningAlgorithm::Ed25519,
    ] {
        let key = TestKey::shared(algorithm, 0);
        let jwk: Jwk = serde_json::from_value(
            key.public_jwk()
                .as_object()
                .unwrap()
                .iter()
                .filter(|(name, _)| *name != "alg")
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
        .unwrap();
        assert_eq!(
            jwk.thumbprint(ThumbprintHash::SHA256).unwrap(),
            key.thumbprint()
        );
    }
}

#[test]
fn every_part_of_a_token_can_be_replaced() {
    let key = TestKey::generate(SigningAlgorithm::ES256);
    let now = UnixTime::from_secs(1_000_000);
    let token = TokenBuilder::new("https://issuer.example.com", &key, now)
        .typ("application/at+jwt")
        .header("x", json!([1]))
        .without_header("kid")
        .audience("a")
        .scope("r w")
        .client_id("c")
        .subject("s")
        .not_before(now)
        .expires_in(std::time::Duration::from_secs(60))
        .claim("cnf", json!({"jkt": "t"}))
        .claim("n", 1.5)
        .without_claim("jti")
        .mint();
    let part = |n: usize| -> Value {
        let part = token.split('.').nth(n).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(
        part(0),
        json!({"alg": "ES256", "typ": "application/at+jwt", "x": [1]})
    );
    assert_eq!(
        part(1),
        json!({
            "iss": "https://issuer.example.com", "aud": "a", "sub": "s", "client_id": "c", "scope": "r w",
            "iat": 1_000_000, "nbf": 1_000_000, "exp": 1_000_060, "cnf": {"jkt": "t"}, "n": 1.5,
        })
    );
}
