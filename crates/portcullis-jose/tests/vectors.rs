//! Published test vectors: the examples of the RFCs, the JOSE cookbook, and Wycheproof's files for JSON Web Signatures
//! and Keys.
//!
//! The last two are not part of this project. The tests look for them in `$PORTCULLIS_VECTORS` and in `shared/vectors`
//! beside the checkout. If they are absent, the tests print that and pass.

use portcullis_core::Secret;
use portcullis_jose::{Algorithm, CompactJws, JwsError, KeySet};
use serde_json::{Value, json};

/// Verifies `token` with the key `jwk`, which is read as a key set or as a configured secret. Returns the payload.
fn verify(token: &str, jwk: &Value) -> Result<Vec<u8>, String> {
    if jwk["kty"] != "oct" {
        return verify_in_set(token, &json!({ "keys": [jwk] }));
    }
    let algorithm = jwk["alg"].as_str().map_or(Ok(Algorithm::HS256), str::parse);
    let algorithm: Algorithm = algorithm.map_err(|error| error.to_string())?;
    verify_with(
        token,
        KeySet::from_secret(algorithm, Secret::new(base64url(&jwk["k"]))),
    )
}

fn verify_in_set(token: &str, set: &Value) -> Result<Vec<u8>, String> {
    verify_with(token, KeySet::parse(set.to_string().as_bytes()))
}

fn verify_with(token: &str, keys: Result<KeySet, impl ToString>) -> Result<Vec<u8>, String> {
    let jws = CompactJws::parse(token).map_err(|error| error.to_string())?;
    let header = jws.header().map_err(|error| error.to_string())?;
    keys.map_err(|error| error.to_string())?
        .verify(&jws, &header)
        .map_err(|error| error.to_string())?;
    jws.payload().map_err(|error| error.to_string())
}

fn base64url(text: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let text = text.as_str().expect("a string");
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text)
        .expect("base64url")
}

fn rfc7515(example: &str) -> (&'static str, Value) {
    match example {
        "A.1" => (
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            json!({"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}),
        ),
        "A.3" => (
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}),
        ),
        other => panic!("no example {other}"),
    }
}

#[test]
fn j7_rfc7515_appendix_a() {
    for example in ["A.1", "A.3"] {
        let (token, jwk) = rfc7515(example);
        let payload = verify(token, &jwk).expect(example);
        assert!(payload.starts_with(br#"{"iss":"joe","#), "{example}");
        let (input, signature) = token.rsplit_once('.').expect("three parts");
        let changed = format!(
            "{input}.{}{}",
            if signature.starts_with('A') { "B" } else { "A" },
            &signature[1..]
        );
        assert!(verify(&changed, &jwk).is_err(), "{example}");
    }
}

#[test]
fn j7_rfc8037_appendix_a_4() {
    let jwk =
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(
        verify(token, &jwk),
        Ok(b"Example of Ed25519 signing".to_vec())
    );
}

#[test]
fn p1_rfc7515_appendix_a_5_is_not_signed() {
    let token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
    let jws = CompactJws::parse(token).expect("three parts");
    assert_eq!(jws.header(), Err(JwsError::AlgorithmNone));
}

/// `cargo xtask test` skips the tests of this module by its name if the files are absent.
mod shared_vectors {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    /// Marked as valid in the file, but rejected here: the `alg` of header and key differ (346 to 351), or a part contains
    /// `?` (372, 373).
    const MARKED_VALID_BUT_NOT: [u64; 6] = [346, 347, 350, 351, 372, 373];

    /// These test padding, but the file has lost it: their token equals that of 357, which is valid.
    const MARKED_INVALID_BUT_SAME_AS_357: [u64; 2] = [367, 370];

    fn read(path: &str) -> Option<Value> {
        let root = std::env::var_os("PORTCULLIS_VECTORS").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
            PathBuf::from,
        );
        if !root.exists() {
            println!("skipped: no test vectors in {}", root.display());
            return None;
        }
        let text = fs::read_to_string(root.join(path)).expect(path);
        Some(serde_json::from_str(&text).expect(path))
    }

    #[test]
    fn j7_rfc7520_cookbook() {
        for file in [
            "4_1.rsa_v15_signature",
            "4_2.rsa-pss_signature",
            "4_3.ecdsa_signature",
            "4_4.hmac-sha2_integrity_protection",
        ] {
            let Some(example) = read(&format!("cookbook/jws/{file}.json")) else {
                return;
            };
            let payload = verify(
                example["output"]["compact"].as_str().expect("a token"),
                &example["input"]["key"],
            );
            let expected = example["input"]["payload"].as_str().expect("a text");
            assert_eq!(payload.as_deref(), Ok(expected.as_bytes()), "{file}");
        }
    }

    #[test]
    fn p2_rfc7520_json_serializations_are_rejected() {
        for file in [
            "4_1.rsa_v15_signature",
            "4_6.protecting_specific_header_fields",
            "4_8.multiple_signatures",
        ] {
            let Some(example) = read(&format!("cookbook/jws/{file}.json")) else {
                return;
            };
            let general = example["output"]["json"].to_string();
            assert_eq!(
                CompactJws::parse(&general).err(),
                Some(JwsError::JsonSerialisation),
                "{file}"
            );
        }
        let Some(detached) = read("cookbook/jws/4_5.signature_with_detached_content.json") else {
            return;
        };
        let token = detached["output"]["compact"].as_str().expect("a token");
        assert!(verify(token, &detached["input"]["key"]).is_err());
    }

    #[test]
    fn j7_rfc8037_cookbook() {
        let Some(example) = read("cookbook/curve25519/jws.json") else {
            return;
        };
        assert!(
            verify(
                example["output"]["compact"].as_str().expect("a token"),
                &example["input"]["key"]
            )
            .is_ok()
        );
    }

    #[test]
    fn t1_thumbprints_of_the_rfcs() {
        let Some(examples) = read("rfc_examples.json") else {
            return;
        };
        for example in examples["thumbprints"].as_array().expect("a list") {
            let set = KeySet::parse(json!({ "keys": [example["jwk"]] }).to_string().as_bytes())
                .expect("usable");
            let thumbprint = set.keys().next().expect("one key").thumbprint().to_string();
            assert_eq!(
                thumbprint,
                example["expect"].as_str().expect("a text"),
                "{}",
                example["id"]
            );
        }
        for example in examples["jws"].as_array().expect("a list") {
            assert!(
                verify(example["jws"].as_str().expect("a token"), &example["jwk"]).is_ok(),
                "{}",
                example["id"]
            );
        }
    }

    /// One test of a Wycheproof file.
    struct Vector<'f> {
        id: u64,
        /// The public key or key set of the group. If there is none, the private one.
        key: &'f Value,
        token: &'f str,
        is_valid: bool,
        comment: &'f Value,
    }

    fn vectors(file: &Value) -> impl Iterator<Item = Vector<'_>> {
        let groups = file["testGroups"].as_array().expect("groups");
        groups.iter().flat_map(|group| {
            let key = match &group["public"] {
                Value::Null => &group["private"],
                public => public,
            };
            let tests = group["tests"].as_array().expect("tests");
            tests.iter().map(move |test| Vector {
                id: test["tcId"].as_u64().expect("a number"),
                key,
                token: test["jws"].as_str().expect("a token"),
                is_valid: test["result"] == "valid",
                comment: &test["comment"],
            })
        })
    }

    #[test]
    fn j7_wycheproof_json_web_signature() {
        let Some(file) = read("wycheproof/json_web_signature_test.json") else {
            return;
        };
        let mut seen = 0;
        let mut token_of_357 = None;
        for vector in vectors(&file) {
            let Vector { id, token, .. } = vector;
            let mut valid = vector.is_valid && !MARKED_VALID_BUT_NOT.contains(&id);
            if id == 357 {
                token_of_357 = Some(token);
            }
            if MARKED_INVALID_BUT_SAME_AS_357.contains(&id) {
                valid = token_of_357 == Some(token);
            }
            let result = verify(token, vector.key);
            assert_eq!(result.is_ok(), valid, "{id} {}: {result:?}", vector.comment);
            seen += 1;
        }
        assert_eq!(seen, 401);
    }

    #[test]
    fn w1_wycheproof_json_web_key() {
        /// Marked as ambiguous in the file. The secrets in a set of secrets and public keys are skipped. The token of 1 is
        /// signed with the secret, so it is rejected.
        const SECRETS: [u64; 15] = [1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 25, 26];

        let Some(file) = read("wycheproof/json_web_key_test.json") else {
            return;
        };
        for vector in vectors(&file) {
            let Vector { id, token, .. } = vector;
            let in_set = verify_in_set(token, vector.key);
            let valid = vector.is_valid && !SECRETS.contains(&id);
            assert_eq!(in_set.is_ok(), valid, "{id} {}: {in_set:?}", vector.comment);

            // A secret is configured, not published. Its length and use are checked there.
            let keys = vector.key["keys"].as_array().expect("keys");
            if keys.iter().all(|key| key["kty"] == "oct") && id != 4 {
                let any = keys.iter().any(|key| verify(token, key).is_ok());
                assert_eq!(any, vector.is_valid, "{id} {}", vector.comment);
            }
        }
    }
}
