//! Other implementations verify the signatures.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use portcullis_core::Secret;
use portcullis_jose::{
    Algorithm, CompactJws, KeyRejected, KeySet, SignError, SigningKey, SigningKeyError,
};
use serde_json::{Value, json};

use crate::forms::{ALL, ED25519, ES256, RSA, holds, oracle_holds, wrong};

#[test]
fn every_form_of_every_key_signs_with_every_algorithm() {
    for forms in ALL {
        for &algorithm in forms.algorithms {
            let public = KeySet::from_pem(forms.public.as_bytes(), algorithm).expect("a key");
            let keys = forms.keys(algorithm);
            assert_eq!(keys.len(), forms.pem.len() + 2);
            for key in keys {
                assert_eq!(key.algorithm(), algorithm);
                assert_eq!(key.kid(), None);
                let thumbprint = public.keys().next().expect("a key").thumbprint();
                assert_eq!(key.thumbprint(), thumbprint);
                let signature = key.sign(b"message").expect("a signature");
                for (message, expected) in [(&b"message"[..], true), (b"massage", false)] {
                    assert_eq!(holds(&public, algorithm, message, &signature), expected);
                    assert_eq!(
                        oracle_holds(&forms, algorithm, message, &signature),
                        expected,
                        "{algorithm}"
                    );
                }
            }
        }
    }
}

#[test]
fn deterministic_signatures_equal_those_of_jsonwebtoken() {
    let rsa = EncodingKey::from_rsa_pem(RSA.pem[0].as_bytes()).expect("an RSA key");
    let ed25519 = EncodingKey::from_ed_pem(ED25519.pem[0].as_bytes()).expect("an Ed25519 key");
    for (forms, key, algorithm) in [
        (&RSA, &rsa, Algorithm::RS256),
        (&RSA, &rsa, Algorithm::RS384),
        (&RSA, &rsa, Algorithm::RS512),
        (&ED25519, &ed25519, Algorithm::EdDSA),
    ] {
        let theirs = algorithm.as_str().parse().expect("a common algorithm");
        let theirs = jsonwebtoken::crypto::sign(b"message", key, theirs).expect("a signature");
        for ours in forms.keys(algorithm) {
            let ours = ours.sign(b"message").expect("a signature");
            assert_eq!(URL_SAFE_NO_PAD.encode(ours), theirs, "{algorithm}");
        }
    }
}

#[test]
fn rfc8037_appendix_a_4_signature_is_reproduced() {
    let key = SigningKey::from_jwk(
        br#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        None,
    )
    .expect("a private key");
    assert_eq!(
        URL_SAFE_NO_PAD.encode(
            key.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc")
                .expect("a signature")
        ),
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
}

#[test]
fn secret_signs_and_verifies() {
    let secret = Secret::new("a client secret of sixty-four bytes, which is enough for any HS*");
    for algorithm in Algorithm::SYMMETRIC {
        let key = SigningKey::from_secret(&secret, algorithm).expect("long enough");
        let public = KeySet::from_secret(algorithm, secret.clone()).expect("long enough");
        let signature = key.sign(b"message").expect("a signature");
        assert!(holds(&public, algorithm, b"message", &signature));
        assert!(!holds(&public, algorithm, b"massage", &signature));
        let theirs = jsonwebtoken::crypto::sign(
            b"message",
            &EncodingKey::from_secret(secret.expose()).expect("not empty"),
            algorithm.as_str().parse().expect("a common algorithm"),
        );
        assert_eq!(Ok(URL_SAFE_NO_PAD.encode(signature)), theirs);

        let again = SigningKey::from_secret(&secret, algorithm).expect("long enough");
        assert_ne!(key.thumbprint(), again.thumbprint(), "the key is random");
        assert_eq!(key.clone().thumbprint(), key.thumbprint());
        assert_eq!((key.public_jwk(), key.kid()), (None, None));
    }
    let short = SigningKey::from_secret(&Secret::new(vec![b's'; 47]), Algorithm::HS384);
    assert!(matches!(
        short,
        Err(SigningKeyError::Rejected(
            KeyRejected::SecretTooShort { .. }
        ))
    ));
    let asymmetric = SigningKey::from_secret(&secret, Algorithm::ES256);
    assert_eq!(asymmetric.err(), Some(wrong(Algorithm::ES256)));
}

#[test]
fn compact_jws_names_algorithm_kid_and_type() {
    let part = |token: &str, index: usize| -> Value {
        let part = token.split('.').nth(index).expect("three parts");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    };
    let key = SigningKey::from_pem(ES256.pem[0].as_bytes(), Algorithm::ES256).expect("a key");
    let bare = key
        .sign_compact(None, &json!({"iss": "é"}))
        .expect("a signature");
    assert_eq!(part(&bare, 0), json!({"alg": "ES256"}));
    assert_eq!(part(&bare, 1), json!({"iss": "é"}));

    let named = key.with_kid("billing \"1\"");
    assert_eq!(named.kid(), Some("billing \"1\""));
    let token = named
        .sign_compact(Some("at+jwt"), &json!({"iss": "é"}))
        .expect("a signature");
    assert_eq!(
        part(&token, 0),
        json!({"typ": "at+jwt", "alg": "ES256", "kid": "billing \"1\""})
    );
    let keys = KeySet::from_pem(ES256.public.as_bytes(), Algorithm::ES256).expect("a key");
    let jws = CompactJws::parse(&token).expect("a compact JWS");
    let header = jws.header().expect("a header");
    keys.verify(&jws, &header).expect("accepted");
}

#[test]
fn signing_key_is_send_and_sync() {
    fn assert_shared<T: Clone + Send + Sync + 'static>() {}
    assert_shared::<SigningKey>();
}

#[test]
fn claims_that_are_not_an_object_are_rejected() {
    let key = SigningKey::from_pem(ED25519.pem[0].as_bytes(), Algorithm::EdDSA).expect("a key");
    for claims in [json!(null), json!([]), json!("{}"), json!(1)] {
        assert!(matches!(
            key.sign_compact(None, &claims),
            Err(SignError::ClaimsNotAnObject)
        ));
    }
    let not_json = std::collections::BTreeMap::from([([1_u8], 1)]);
    assert!(matches!(
        key.sign_compact(None, &not_json),
        Err(SignError::Claims(_))
    ));
}
