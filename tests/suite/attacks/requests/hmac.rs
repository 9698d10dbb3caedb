//! HMAC with keys that are not secret: public keys, and secrets from a public set.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_test::SigningAlgorithm::{self, ES256, EdDSA, HS256, HS384, HS512, RS256};
use portcullis_test::TestKey;

use crate::attacks::case::Cases;
use crate::attacks::forge;
use crate::attacks::world::{PUBLISHED_SECRET, World, key, key_set, stranger};

const CLASS: &str = "symmetric keys";

pub(super) fn cases(world: &World, cases: &mut Cases) {
    keyed_with_a_public_key(world, cases);
    found_in_a_public_set(world, cases);
}

fn keyed_with_a_public_key(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "HMAC keyed with a public key");
    for algorithm in [RS256, ES256, EdDSA] {
        for (encoding, secret) in encodings(&key(algorithm)) {
            for hmac in [HS256, HS384, HS512] {
                let token = signed(world, hmac, &secret).kid(&algorithm.as_str().to_lowercase());
                item.token(
                    format!("{algorithm} key as {encoding}, {hmac}"),
                    token.mint(),
                );
            }
        }
        let pem = key(algorithm).public_pem();
        let unnamed = signed(world, HS256, pem.as_bytes()).without_header("kid");
        item.token(format!("{algorithm} key as PEM, no kid"), unnamed.mint());
        // The header still names the algorithm of the key.
        let disguised = world
            .token_by(&key(algorithm))
            .signature_by(&TestKey::hmac(HS256, pem));
        item.token(
            format!("{algorithm} key as PEM, alg {algorithm}"),
            disguised.mint(),
        );
    }
}

/// The encodings of a public key that a careless verifier may use as a secret.
fn encodings(key: &TestKey) -> Vec<(&'static str, Vec<u8>)> {
    let (pem, der, jwk) = (key.public_pem(), key.public_der(), key.public_jwk());
    let body = pem.lines().filter(|line| !line.starts_with('-'));
    let mut encodings = vec![
        ("PEM", pem.clone().into_bytes()),
        ("PEM without the last line end", pem.trim_end().into()),
        ("PEM with CR LF", pem.replace('\n', "\r\n").into_bytes()),
        (
            "the base64 within PEM",
            body.collect::<String>().into_bytes(),
        ),
        ("base64 of PEM", STANDARD.encode(&pem).into_bytes()),
        ("DER", der.clone()),
        ("base64url of DER", forge::encode(&der).into_bytes()),
        ("JWK", jwk.to_string().into_bytes()),
        ("JWK set", key_set().to_string().into_bytes()),
        ("thumbprint", key.thumbprint().into_bytes()),
    ];
    for member in ["n", "x", "y"] {
        if let Some(text) = jwk[member].as_str() {
            let name = match member {
                "n" => ["n", "n decoded"],
                "x" => ["x", "x decoded"],
                _ => ["y", "y decoded"],
            };
            encodings.push((name[0], text.into()));
            encodings.push((name[1], forge::decode(text)));
        }
    }
    encodings
}

fn found_in_a_public_set(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "symmetric key found in a public set");
    for kid in [
        "symmetric",
        "symmetric-512",
        "symmetric-unmarked",
        "symmetric-as-rs256",
        "rsa-with-secret",
        "es256",
    ] {
        for hmac in [HS256, HS384, HS512] {
            let token = signed(world, hmac, PUBLISHED_SECRET).kid(kid);
            item.token(format!("kid {kid}, {hmac}"), token.mint());
        }
    }
    let unnamed = signed(world, HS256, PUBLISHED_SECRET).without_header("kid");
    item.token("no kid", unnamed.mint());
    let encoded = signed(world, HS256, forge::encode(PUBLISHED_SECRET).as_bytes());
    item.token("the text of k", encoded.kid("symmetric").mint());
    item.token(
        "the empty k",
        signed(world, HS256, b"").kid("symmetric-empty").mint(),
    );
    for alg in ["RS256", "ES256", "none"] {
        let token = signed(world, HS256, PUBLISHED_SECRET).alg(alg);
        item.token(
            format!("HMAC under alg {alg}"),
            token.kid("symmetric-as-rs256").mint(),
        );
    }
    let beside = world.token_by(&stranger(RS256)).kid("rsa-with-secret");
    item.token("the RSA key published beside its secret", beside.mint());
}

fn signed(
    world: &World,
    algorithm: SigningAlgorithm,
    secret: &[u8],
) -> portcullis_test::TokenBuilder {
    world.token_by(&TestKey::hmac(algorithm, secret))
}
