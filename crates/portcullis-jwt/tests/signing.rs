//! Private keys are read in every form they come in, sign what others verify, and never show themselves.
//!
//! The keys in `data/signing` were made by OpenSSL 3.0, and their JWKs by Python's `cryptography`.

mod support;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED, EcdsaKeyPair, Ed25519KeyPair,
    UnparsedPublicKey,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use portcullis_core::Secret;
use portcullis_jwt::{
    Algorithm, IssuerKeys, JwtVerifier, KeyRejected, KeySet, SignError, SigningKey,
    SigningKeyError, SkipReason,
};
use serde_json::{Value, json};
use spki::der::pem::{LineEnding, decode_vec, encode_string};
use support::{AUDIENCE, ISSUER, claims, judge};

macro_rules! data {
    ($name:literal) => {
        include_str!(concat!("data/signing/", $name))
    };
}

/// One key in all its forms.
struct Forms {
    algorithms: &'static [Algorithm],
    pem: &'static [&'static str],
    public: &'static str,
    jwk: &'static str,
}

const ES256: Forms = Forms {
    algorithms: &[Algorithm::ES256],
    pem: &[
        data!("p256.pkcs8.pem"),
        data!("p256.sec1.pem"),
        data!("p256.sec1-with-parameters.pem"),
    ],
    public: data!("p256.public.pem"),
    jwk: data!("p256.jwk.json"),
};

const RSA: Forms = Forms {
    algorithms: &[
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
    ],
    pem: &[data!("rsa.pkcs8.pem"), data!("rsa.pkcs1.pem")],
    public: data!("rsa.public.pem"),
    jwk: data!("rsa.jwk.json"),
};

const ED25519: Forms = Forms {
    algorithms: &[Algorithm::EdDSA],
    pem: &[data!("ed25519.pkcs8.pem")],
    public: data!("ed25519.public.pem"),
    jwk: data!("ed25519.jwk.json"),
};

const ALL: [Forms; 5] = [
    RSA,
    ES256,
    Forms {
        algorithms: &[Algorithm::ES384],
        pem: &[
            data!("p384.pkcs8.pem"),
            data!("p384.sec1.pem"),
            data!("p384.sec1-with-parameters.pem"),
        ],
        public: data!("p384.public.pem"),
        jwk: data!("p384.jwk.json"),
    },
    Forms {
        algorithms: &[Algorithm::ES512],
        pem: &[
            data!("p521.pkcs8.pem"),
            data!("p521.sec1.pem"),
            data!("p521.sec1-with-parameters.pem"),
        ],
        public: data!("p521.public.pem"),
        jwk: data!("p521.jwk.json"),
    },
    ED25519,
];

impl Forms {
    fn jwk(&self) -> Value {
        serde_json::from_str(self.jwk).expect("JSON")
    }

    /// The JWK with some of its members replaced, or with `null` removed.
    fn jwk_with(&self, changes: Value) -> Vec<u8> {
        support::changed(self.jwk(), changes)
            .to_string()
            .into_bytes()
    }

    /// The key for `algorithm`, from each of its forms.
    fn keys(&self, algorithm: Algorithm) -> Vec<SigningKey> {
        let alg = json!({"alg": algorithm.as_str()});
        let mut keys: Vec<_> = self
            .pem
            .iter()
            .map(|pem| SigningKey::from_pem(pem.as_bytes(), algorithm).expect(pem))
            .collect();
        keys.push(SigningKey::from_jwk(&self.jwk_with(alg)).expect("a JWK with `alg`"));
        keys.push(
            SigningKey::from_jwk_with(self.jwk.as_bytes(), algorithm).expect("one without `alg`"),
        );
        keys
    }
}

fn pem_error(pem: &str, algorithm: Algorithm) -> SigningKeyError {
    SigningKey::from_pem(pem.as_bytes(), algorithm).expect_err(pem)
}

fn jwk_error(jwk: &[u8]) -> SigningKeyError {
    SigningKey::from_jwk(jwk).expect_err(&String::from_utf8_lossy(jwk))
}

/// Whether the key set of `public` accepts the signature.
fn holds(keys: &KeySet, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    let key = keys.keys().next().expect("a key");
    key.verify(algorithm, message, signature).is_ok()
}

/// Whether one who has never seen this crate accepts the signature.
fn oracle_holds(forms: &Forms, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    let pem = forms.public.as_bytes();
    let key = match algorithm {
        Algorithm::ES512 => {
            let jwk = forms.jwk();
            let number = |name: &str| {
                URL_SAFE_NO_PAD
                    .decode(jwk[name].as_str().expect("text"))
                    .expect("base64url")
            };
            let point = [vec![4], number("x"), number("y")].concat();
            return UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point)
                .verify(message, signature)
                .is_ok();
        }
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(pem),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem),
        _ => DecodingKey::from_rsa_pem(pem),
    }
    .expect("a public key");
    let algorithm = algorithm.as_str().parse().expect("they have it");
    let signature = URL_SAFE_NO_PAD.encode(signature);
    jsonwebtoken::crypto::verify(&signature, message, &key, algorithm).expect("they verify")
}

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
                let signature = key.sign(b"message").expect("it signs");
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
fn signatures_that_have_no_randomness_are_those_of_the_oracle() {
    let rsa = EncodingKey::from_rsa_pem(RSA.pem[0].as_bytes()).expect("an RSA key");
    let ed25519 = EncodingKey::from_ed_pem(ED25519.pem[0].as_bytes()).expect("an Ed25519 key");
    for (forms, key, algorithm) in [
        (&RSA, &rsa, Algorithm::RS256),
        (&RSA, &rsa, Algorithm::RS384),
        (&RSA, &rsa, Algorithm::RS512),
        (&ED25519, &ed25519, Algorithm::EdDSA),
    ] {
        let theirs = algorithm.as_str().parse().expect("they have it");
        let theirs = jsonwebtoken::crypto::sign(b"message", key, theirs).expect("they sign");
        for ours in forms.keys(algorithm) {
            let ours = ours.sign(b"message").expect("it signs");
            assert_eq!(URL_SAFE_NO_PAD.encode(ours), theirs, "{algorithm}");
        }
    }
}

#[test]
fn a_signature_of_rfc_8037_appendix_a_4() {
    let key = SigningKey::from_jwk(
        br#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    )
    .expect("a private key");
    assert_eq!(
        URL_SAFE_NO_PAD.encode(
            key.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc")
                .expect("it signs")
        ),
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
}

#[test]
fn a_secret_signs_what_it_verifies() {
    let secret = Secret::new("a client secret of sixty-four bytes, which is enough for any HS*");
    for algorithm in Algorithm::SYMMETRIC {
        let key = SigningKey::from_secret(&secret, algorithm).expect("long enough");
        let public = KeySet::from_secret(algorithm, secret.clone()).expect("long enough");
        let signature = key.sign(b"message").expect("it signs");
        assert!(holds(&public, algorithm, b"message", &signature));
        assert!(!holds(&public, algorithm, b"massage", &signature));
        let theirs = jsonwebtoken::crypto::sign(
            b"message",
            &EncodingKey::from_secret(secret.expose()),
            algorithm.as_str().parse().expect("they have it"),
        );
        assert_eq!(Ok(URL_SAFE_NO_PAD.encode(signature)), theirs);

        let again = SigningKey::from_secret(&secret, algorithm).expect("long enough");
        assert_ne!(key.thumbprint(), again.thumbprint(), "it is random");
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

fn wrong(algorithm: Algorithm) -> SigningKeyError {
    KeyRejected::WrongAlgorithm { algorithm }.into()
}

#[test]
fn a_compact_jws_says_what_it_was_signed_with() {
    let part = |token: &str, index: usize| -> Value {
        let part = token.split('.').nth(index).expect("three parts");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    };
    let key = SigningKey::from_pem(ES256.pem[0].as_bytes(), Algorithm::ES256).expect("a key");
    let bare = key
        .sign_compact(None, &json!({"iss": "é"}))
        .expect("it signs");
    assert_eq!(part(&bare, 0), json!({"alg": "ES256"}));
    assert_eq!(part(&bare, 1), json!({"iss": "é"}));

    let named = key.with_kid("billing \"1\"");
    assert_eq!(named.kid(), Some("billing \"1\""));
    let token = named
        .sign_compact(Some("at+jwt"), &claims())
        .expect("it signs");
    assert_eq!(
        part(&token, 0),
        json!({"typ": "at+jwt", "alg": "ES256", "kid": "billing \"1\""})
    );
    let issuer = KeySet::from_pem(ES256.public.as_bytes(), Algorithm::ES256).expect("a key");
    let verifier = JwtVerifier::of(&IssuerKeys::fixed(ISSUER, issuer).expect("an issuer"))
        .audience(AUDIENCE)
        .algorithms([Algorithm::ES256])
        .build()
        .expect("a verifier");
    judge(&verifier, &token).expect("accepted");

    assert_eq!(named.without_kid().kid(), None);
}

#[test]
fn a_key_is_shared_between_threads() {
    fn assert_shared<T: Clone + Send + Sync + 'static>() {}
    assert_shared::<SigningKey>();
}

#[test]
fn claims_are_an_object() {
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

#[test]
fn the_public_jwk_has_the_members_of_the_key_only() {
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
fn a_jwk_brings_its_kid_and_its_algorithm() {
    let of = |forms: &Forms, changes: Value| SigningKey::from_jwk(&forms.jwk_with(changes));
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
        SigningKey::from_jwk_with(&RSA.jwk_with(changes), algorithm).map(|key| key.algorithm())
    };
    let (rs256, ps256) = (Algorithm::RS256, Algorithm::PS256);
    assert_eq!(with(json!({"alg": "RS256"}), rs256), Ok(rs256));
    assert_eq!(
        with(json!({"alg": "RS256"}), ps256),
        Err(SigningKeyError::OtherAlgorithm {
            found: rs256,
            asked: ps256
        })
    );
    for other in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::HS256] {
        assert_eq!(with(json!({}), other), Err(wrong(other)));
    }
}

#[test]
fn a_jwk_that_is_not_for_signing_is_refused() {
    let error = |changes: Value| jwk_error(&ES256.jwk_with(changes));
    let malformed = |name| SigningKeyError::Jwk(SkipReason::Malformed { name });
    assert_eq!(
        error(json!({"use": "enc"})),
        SigningKeyError::Jwk(SkipReason::OtherUse)
    );
    assert_eq!(error(json!({"use": 1})), malformed("use"));
    for key_ops in [json!([]), json!(["verify"]), json!(["SIGN"])] {
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
            SigningKeyError::Jwk(SkipReason::OtherAlgorithm)
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
            SigningKeyError::IncompleteRsa { name }
        );
    }
    assert_eq!(
        error(json!({"alg": "RS256", "oth": []})),
        SigningKeyError::MultiPrime
    );
}

#[test]
fn halves_of_different_keys_are_refused() {
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
    // A point that is on no curve.
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
fn pem_has_exactly_one_private_key() {
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
        SigningKeyError::SeveralKeys { count: 3 }
    );
    assert!(SigningKey::from_pem(b"\xff", Algorithm::ES256).is_err());
}

#[test]
fn what_is_no_usable_key_is_told_apart() {
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
            KeyRejected::RsaTooSmall { bits: 1024 }.into(),
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
fn a_key_goes_with_its_algorithms_alone() {
    for forms in ALL {
        for algorithm in Algorithm::ASYMMETRIC
            .into_iter()
            .chain(Algorithm::SYMMETRIC)
            .filter(|algorithm| !forms.algorithms.contains(algorithm))
        {
            for pem in forms.pem {
                assert_eq!(pem_error(pem, algorithm), wrong(algorithm), "{algorithm}");
            }
            let error = SigningKey::from_jwk_with(forms.jwk.as_bytes(), algorithm);
            assert!(error.is_err(), "{algorithm}");
        }
    }
}

/// A key that was read in spite of damage must at least be a key.
fn no_key_or_a_whole_one(key: Result<SigningKey, SigningKeyError>) {
    let Ok(key) = key else { return };
    let public = json!({"keys": [key.public_jwk().expect("a pair")]}).to_string();
    let public = KeySet::parse(public.as_bytes()).expect("a public key");
    let signature = key.sign(b"message").expect("it signs");
    assert!(holds(&public, key.algorithm(), b"message", &signature));
}

#[test]
fn a_truncated_key_is_an_error() {
    for forms in ALL {
        let algorithm = forms.algorithms[0];
        for pem in forms.pem {
            let whole = pem.trim_end().len();
            for length in 0..whole {
                let error = pem_error(&pem[..length], algorithm);
                assert!(
                    matches!(error, SigningKeyError::Malformed | SigningKeyError::NoKey),
                    "{length} {error:?}"
                );
            }
            let start = pem.rfind("-----BEGIN ").expect("a block");
            let (label, der) = decode_vec(&pem.as_bytes()[start..]).expect("PEM");
            for length in 0..der.len() {
                let short = encode_string(label, LineEnding::LF, &der[..length]).expect("PEM");
                assert_eq!(pem_error(&short, algorithm), SigningKeyError::Malformed);
            }
            let long = [&der[..], &[0]].concat();
            let long = encode_string(label, LineEnding::LF, &long).expect("PEM");
            assert_eq!(pem_error(&long, algorithm), SigningKeyError::Malformed);
        }
        let jwk = forms.jwk_with(json!({"alg": algorithm.as_str()}));
        for length in 0..jwk.len() {
            assert!(matches!(
                jwk_error(&jwk[..length]),
                SigningKeyError::Jwk(SkipReason::Json(_))
            ));
        }
    }
}

#[test]
fn a_damaged_key_is_an_error_or_another_key() {
    for forms in ALL {
        let algorithm = forms.algorithms[0];
        for pem in forms.pem {
            let start = pem.rfind("-----BEGIN ").expect("a block");
            let (label, der) = decode_vec(&pem.as_bytes()[start..]).expect("PEM");
            for position in 0..der.len() {
                for flip in [0x01, 0x80] {
                    let mut der = der.clone();
                    der[position] ^= flip;
                    let pem = encode_string(label, LineEnding::LF, &der).expect("PEM");
                    no_key_or_a_whole_one(SigningKey::from_pem(pem.as_bytes(), algorithm));
                }
            }
            for position in 0..pem.len() {
                let mut pem = pem.as_bytes().to_vec();
                pem[position] ^= 1;
                no_key_or_a_whole_one(SigningKey::from_pem(&pem, algorithm));
            }
        }
        let jwk = forms.jwk_with(json!({"alg": algorithm.as_str()}));
        for position in 0..jwk.len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut jwk = jwk.clone();
                jwk[position] ^= flip;
                no_key_or_a_whole_one(SigningKey::from_jwk(&jwk));
                no_key_or_a_whole_one(SigningKey::from_jwk_with(&jwk, algorithm));
            }
        }
    }
}

#[test]
fn nothing_of_a_private_key_is_shown() {
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
        assert!(shows(forms.jwk) && shows(forms.pem[0]), "it would be seen");

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
