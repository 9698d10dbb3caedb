//! Keys from files.

use std::fs;

use portcullis_jose::Algorithm;
use portcullis_remote::{keys_from_jwks_file, keys_from_pem_file};
use portcullis_test::{Endpoint, TestIssuer};
use serde_json::json;

use crate::support::{answer, bearer};

#[tokio::test]
async fn keys_from_a_file_verify_without_requests() {
    let directory = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::start().await;
    let key = issuer.signing_key();
    let (jwks, pem) = (
        directory.path().join("keys.json"),
        directory.path().join("key.pem"),
    );
    fs::write(&jwks, json!({"keys": [key.public_jwk()]}).to_string()).unwrap();
    fs::write(&pem, key.public_pem()).unwrap();
    for keys in [
        keys_from_jwks_file(&issuer.url(), &jwks).unwrap(),
        keys_from_pem_file(&issuer.url(), &pem, Algorithm::ES256).unwrap(),
    ] {
        let bearer = bearer(&keys, &issuer);
        assert_eq!(answer(&bearer, &issuer.token().mint()).await, 200);
        let stranger = portcullis_test::TestKey::generate(key.algorithm());
        assert_eq!(
            answer(&bearer, &issuer.token().sign_with(&stranger).mint()).await,
            401
        );
    }
    assert_eq!(issuer.requests(Endpoint::Jwks), 0);
}

#[test]
fn unusable_key_file_is_named_in_the_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    for content in [
        None,
        Some("".to_owned()),
        Some("{\"keys\":[]}".to_owned()),
        Some(" ".repeat(300_000)),
    ] {
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        for error in [
            keys_from_jwks_file("a", &path).expect_err("no keys"),
            keys_from_pem_file("a", &path, Algorithm::ES256).expect_err("no keys"),
        ] {
            assert_eq!(error.setting(), "keys");
            assert!(
                error.to_string().contains(path.to_str().unwrap()),
                "{error}"
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn key_file_that_every_user_may_write_is_rejected() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    let key = portcullis_test::TestKey::generate(portcullis_test::SigningAlgorithm::ES256);
    for content in [
        json!({"keys": [key.public_jwk()]}).to_string(),
        key.public_pem(),
    ] {
        fs::write(&path, &content).unwrap();
        let load = || match content.starts_with('{') {
            true => keys_from_jwks_file("a", &path),
            false => keys_from_pem_file("a", &path, Algorithm::ES256),
        };
        load().expect("usable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let error = load().expect_err("writable by every user").to_string();
        assert!(error.contains("every user may write it"), "{error}");
        fs::remove_file(&path).unwrap();
    }
}
