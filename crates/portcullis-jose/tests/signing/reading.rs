//! Reading keys of every format, and the errors of unusable keys.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_core::Secret;
use portcullis_jose::{Algorithm, KeyRejected, SigningKey, SigningKeyError, SkipReason};
use serde_json::{Value, json};
use spki::der::pem::{LineEnding, encode_string};

use crate::forms::{ALL, ED25519, ES256, Forms, RSA, jwk_error, pem_error, wrong};

#[test]
fn public_jwk_has_the_required_members_only() {
    for forms in ALL {
        let private = ["d", "p", "q", "dp", "dq", "qi"];
        let mut expected = forms.jwk();
        let members = expected.as_object_mut().expect("an object");
        members.retain(|name, _| !private.contains(&name.as_str()));
        for key in forms.keys(forms.algorithms[0]) {
            assert_eq!(key.with_kid("a").public_jwk().as_ref(), Some(&expected));
        }
    }
}

#[test]
fn certificate_thumbprint_is_in_the_header() {
    let certificate = data!("p256.certificate.pem");
    let header = |key: &SigningKey| {
        let token = key.sign_compact(Some("JWT"), &json!({})).expect("signed");
        let header = token.split('.').next().expect("a header");
        let header = URL_SAFE_NO_PAD.decode(header).expect("base64url");
        serde_json::from_slice::<Value>(&header).expect("JSON")
    };
    // By `openssl x509 -outform der | openssl dgst -sha256 -binary`.
    let expected = json!({
        "alg": "ES256", "typ": "JWT", "x5t#S256": "HM_6OUReFrlHvT_iAShXWtw7wMGF3_ep21Mqj9PJPTA",
    });
    let chain = format!("{}\n{certificate}{certificate}", ES256.pem[0]);
    for pem in [certificate, &chain] {
        for key in ES256.keys(Algorithm::ES256) {
            let key = key.with_certificate(pem.as_bytes());
            assert_eq!(header(&key.expect("its own")), expected);
        }
    }
    let secret = Secret::new("0123456789abcdef0123456789abcdef");
    let secret = SigningKey::from_secret(&secret, Algorithm::HS256).expect("a key");
    for other in [secret, ED25519.keys(Algorithm::EdDSA).swap_remove(0)] {
        let error = other.with_certificate(certificate.as_bytes());
        assert_eq!(error.err(), Some(SigningKeyError::OtherCertificate));
    }
    for (pem, expected) in [
        ("", SigningKeyError::NoCertificate),
        (ES256.public, SigningKeyError::NoCertificate),
        (&certificate[..200], SigningKeyError::Malformed),
    ] {
        let key = ES256.keys(Algorithm::ES256).swap_remove(0);
        let error = key.with_certificate(pem.as_bytes()).err();
        assert_eq!(error, Some(expected), "{pem}");
    }
}

#[test]
fn jwk_provides_kid_and_algorithm() {
    let of = |forms: &Forms, changes: Value| SigningKey::from_jwk(&forms.jwk_with(changes), None);
    let key = of(
        &ES256,
        json!({"kid": "a", "use": "sig", "key_ops": ["sign"]}),
    )
    .expect("a key");
    assert_eq!((key.kid(), key.algorithm()), (Some("a"), Algorithm::ES256));
    let key = of(&ED25519, json!({"alg": "Ed25519", "ext": true})).expect("a key");
    assert_eq!(key.algorithm(), Algorithm::EdDSA);
    assert_eq!(
        of(&RSA, json!({})).err(),
        Some(SigningKeyError::NoAlgorithm)
    );
    let key = of(&RSA, json!({"alg": "PS384"})).expect("a key");
    assert_eq!(key.algorithm(), Algorithm::PS384);

    let with = |changes: Value, algorithm| {
        SigningKey::from_jwk(&RSA.jwk_with(changes), Some(algorithm)).map(|key| key.algorithm())
    };
    let (rs256, ps256) = (Algorithm::RS256, Algorithm::PS256);
    assert_eq!(with(json!({"alg": "RS256"}), rs256), Ok(rs256));
    assert_eq!(
        with(json!({"alg": "RS256"}), ps256),
        Err(SigningKeyError::OtherAlgorithm {
            found: rs256,
            by: "alg",
            asked: ps256
        })
    );
    let by_curve = SigningKey::from_jwk(&ES256.jwk_with(json!({"alg": null})), Some(rs256));
    assert_eq!(
        by_curve.expect_err("a key for ES256").to_string(),
        "this JWK is for ES256 (by its `crv`), not RS256: use ES256, or another key"
    );
    for other in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::HS256] {
        assert_eq!(with(json!({}), other), Err(wrong(other)));
    }
}

#[test]
fn jwk_that_is_not_for_signing_is_rejected() {
    let error = |changes: Value| jwk_error(&ES256.jwk_with(changes));
    let malformed = |name| SigningKeyError::Jwk(SkipReason::Malformed(name));
    assert_eq!(
        error(json!({"use": "enc"})),
        SigningKeyError::Jwk(SkipReason::OtherUse("enc".into()))
    );
    assert_eq!(error(json!({"use": 1})), malformed("use"));
    for key_ops in [json!(["verify"]), json!(["SIGN"])] {
        assert_eq!(
            error(json!({"key_ops": key_ops})),
            SigningKeyError::OtherOperations
        );
    }
    assert_eq!(error(json!({"key_ops": "sign"})), malformed("key_ops"));
    assert_eq!(error(json!({"d": null})), SigningKeyError::PublicKey);
    for alg in ["ES384", "ECDH-ES", "none", "HS256"] {
        assert_eq!(
            error(json!({"alg": alg})),
            SigningKeyError::Jwk(SkipReason::OtherAlgorithm(alg.into()))
        );
    }
    assert_eq!(error(json!({"kid": 1})), malformed("kid"));
    assert_eq!(
        error(json!({"kid": "k".repeat(257)})),
        SigningKeyError::Jwk(SkipReason::KidTooLong)
    );
    assert_eq!(error(json!({"d": 1})), malformed("d"));
    assert_eq!(error(json!({"d": "AQ"})), malformed("d"));
    assert_eq!(
        jwk_error(br#"{"kty":"oct","k":"AAAA"}"#),
        SigningKeyError::Symmetric
    );
    let twice = ES256
        .jwk
        .replace("\"kty\"", "\"kty\": \"EC\", \"k\\u0074y\"");
    assert!(matches!(
        jwk_error(twice.as_bytes()),
        SigningKeyError::Jwk(SkipReason::Json(_))
    ));

    let error = |changes: Value| jwk_error(&RSA.jwk_with(changes));
    for name in ["p", "q", "dp", "dq", "qi"] {
        assert_eq!(
            error(json!({"alg": "RS256", name: null})),
            SigningKeyError::IncompleteRsa(name)
        );
    }
    assert_eq!(
        error(json!({"alg": "RS256", "oth": []})),
        SigningKeyError::MultiPrime
    );
}

#[test]
fn mismatched_key_halves_are_rejected() {
    let refused = |forms: &Forms, public: Value| {
        assert_eq!(
            jwk_error(&forms.jwk_with(public.clone())),
            SigningKeyError::Inconsistent,
            "{public}"
        );
    };
    let public = |der: &[u8], algorithm| {
        let pem = encode_string("PRIVATE KEY", LineEnding::LF, der).expect("PEM");
        let key = SigningKey::from_pem(pem.as_bytes(), algorithm).expect("a key");
        key.public_jwk().expect("a pair")
    };
    let random = SystemRandom::new();
    let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
    let ec = ec.expect("a key");
    refused(&ES256, public(ec.as_ref(), Algorithm::ES256));
    // In PKCS #8 with the public key beside the private one (RFC 5958 §2).
    let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
    refused(&ED25519, public(ed25519.as_ref(), Algorithm::EdDSA));
    // A point that is not on the curve.
    let x = ES256.jwk()["y"].clone();
    refused(&ES256, json!({ "x": x }));
    let mut n = URL_SAFE_NO_PAD
        .decode(RSA.jwk()["n"].as_str().expect("text"))
        .expect("base64url");
    n[100] ^= 1;
    refused(
        &RSA,
        json!({"alg": "RS256", "n": URL_SAFE_NO_PAD.encode(n)}),
    );
    refused(&RSA, json!({"alg": "RS256", "e": "Aw"}));
}

#[test]
fn pem_must_contain_exactly_one_private_key() {
    let key = ES256.pem[0];
    let certificate = data!("p256.certificate.pem");
    for text in [
        format!("{certificate}{key}"),
        format!("Bag Attributes\n{key}\n# é\n{certificate}{certificate}"),
        key.replace('\n', "\r\n"),
        format!("{}{}", ES256.public, ES256.pem[2]),
    ] {
        SigningKey::from_pem(text.as_bytes(), Algorithm::ES256).expect(&text);
    }
    for text in ["", "secret", certificate, ES256.public] {
        assert_eq!(pem_error(text, Algorithm::ES256), SigningKeyError::NoKey);
    }
    assert_eq!(
        pem_error(
            &format!("{key}{certificate}{}{key}", RSA.pem[1]),
            Algorithm::ES256
        ),
        SigningKeyError::SeveralKeys(3)
    );
    assert!(SigningKey::from_pem(b"\xff", Algorithm::ES256).is_err());
}

#[test]
fn unusable_private_keys_have_distinct_errors() {
    use Algorithm::{ES256, EdDSA, RS256};
    for (pem, algorithm, expected) in [
        (
            data!("refused.pkcs8-encrypted.pem"),
            ES256,
            SigningKeyError::Encrypted,
        ),
        (
            data!("refused.sec1-encrypted.pem"),
            ES256,
            SigningKeyError::Encrypted,
        ),
        (
            data!("refused.pkcs1-encrypted.pem"),
            RS256,
            SigningKeyError::Encrypted,
        ),
        (
            data!("refused.openssh.pem"),
            EdDSA,
            SigningKeyError::OpenSsh,
        ),
        (
            data!("refused.secp256k1.pem"),
            ES256,
            SigningKeyError::UnsupportedType,
        ),
        (
            data!("refused.ed448.pem"),
            EdDSA,
            SigningKeyError::UnsupportedType,
        ),
        (
            data!("refused.rsa-pss.pem"),
            Algorithm::PS256,
            SigningKeyError::UnsupportedType,
        ),
        (
            data!("refused.p256-explicit.pem"),
            ES256,
            SigningKeyError::UnsupportedType,
        ),
        (
            data!("refused.rsa-1024.pem"),
            RS256,
            KeyRejected::RsaTooSmall(1024).into(),
        ),
    ] {
        assert_eq!(pem_error(pem, algorithm), expected, "{pem}");
    }
    assert!(
        pem_error(data!("refused.pkcs8-encrypted.pem"), ES256)
            .to_string()
            .contains("decrypt it")
    );
}

#[test]
fn key_that_does_not_fit_the_algorithm_is_rejected() {
    for forms in ALL {
        for algorithm in Algorithm::ASYMMETRIC
            .into_iter()
            .chain(Algorithm::SYMMETRIC)
            .filter(|algorithm| !forms.algorithms.contains(algorithm))
        {
            for pem in forms.pem {
                assert_eq!(pem_error(pem, algorithm), wrong(algorithm), "{algorithm}");
            }
            let error = SigningKey::from_jwk(forms.jwk.as_bytes(), Some(algorithm));
            assert!(error.is_err(), "{algorithm}");
        }
    }
}

#[test]
fn debug_does_not_show_private_keys() {
    for forms in ALL {
        let algorithm = forms.algorithms[0];
        let jwk = forms.jwk();
        let mut hidden: Vec<String> = ["d", "p", "q", "dp", "dq", "qi"]
            .into_iter()
            .filter_map(|name| jwk[name].as_str().map(str::to_owned))
            .collect();
        for pem in forms.pem {
            let lines = pem.lines().filter(|line| !line.starts_with('-'));
            hidden.extend(lines.map(str::to_owned));
        }
        let shows = |text: &str| {
            hidden
                .iter()
                .any(|hidden| text.contains(&hidden[..hidden.len().min(12)]))
        };
        assert!(
            shows(forms.jwk) && shows(forms.pem[0]),
            "the search finds it"
        );

        for key in forms.keys(algorithm) {
            let text = format!("{:?}", key.with_kid("a"));
            assert!(!shows(&text), "{text}");
            assert!(text.starts_with(&format!(
                "SigningKey {{ algorithm: {algorithm}, kid: Some(\"a\"), thumbprint: "
            )));
        }
        let half = forms.pem[0].len() / 2;
        let cut = jwk_error(&forms.jwk.as_bytes()[..forms.jwk.len() / 2]);
        for error in [
            pem_error(&forms.pem[0][..half], algorithm),
            pem_error(forms.pem[0], Algorithm::HS256),
            pem_error(&forms.pem.concat().repeat(2), algorithm),
            jwk_error(&forms.jwk_with(json!({"d": [jwk["d"]]}))),
            jwk_error(&forms.jwk_with(json!({"use": jwk["d"]}))),
            jwk_error(&forms.jwk_with(json!({"alg": jwk["d"]}))),
            cut,
        ] {
            let text = format!("{error} {error:?}");
            assert!(!shows(&text), "{text}");
        }
    }
    let secret = Secret::new("a client secret of thirty-two bytes or so");
    let key = SigningKey::from_secret(&secret, Algorithm::HS256).expect("long enough");
    assert!(!format!("{key:?}").contains("client secret"));
}
