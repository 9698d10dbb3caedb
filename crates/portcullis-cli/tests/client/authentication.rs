//! All methods of client authentication.

use portcullis_jose::{CompactJws, KeySet};
use portcullis_test::{Endpoint, RecordedRequest, SigningAlgorithm, TestKey};
use serde_json::{Value, json};

use crate::support::{CLIENT, SECRET, Scene, TOKEN, run};

#[tokio::test(flavor = "multi_thread")]
async fn secret_is_sent_by_basic_or_in_the_form() {
    let scene = Scene::start().await;
    for (auth, has_header) in [(&[][..], true), (&["basic"], true), (&["post"], false)] {
        let option: &[&str] = if auth.is_empty() { &[] } else { &["--auth"] };
        let ended = scene.fetch(&[option, auth].concat()).await;
        assert_eq!(ended.code, Some(0), "{auth:?}: {}", ended.stderr);
        let request = scene.last(Endpoint::Token);
        let is_basic = request.headers.contains_key("authorization");
        assert_eq!(is_basic, has_header, "{auth:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn first_accepted_secret_of_several_is_used() {
    let scene = Scene::start().await;
    scene.file("secret", format!("another\r\n\n{SECRET}\r\n"));
    assert_eq!(scene.fetch(&[]).await.code, Some(0));
    assert_eq!(scene.issuer.requests(Endpoint::Token), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_signs_assertions() {
    let scene = Scene::credulous().await;
    for (options, algorithm) in [
        (&[][..], SigningAlgorithm::HS256),
        (&["--alg", "HS256"], SigningAlgorithm::HS256),
        (&["--alg", "HS384"], SigningAlgorithm::HS384),
        (&["--alg", "HS512"], SigningAlgorithm::HS512),
    ] {
        let ended = scene.fetch(&[&["--auth", "jwt"], options].concat()).await;
        ended.printed(&format!("{TOKEN}\n"));
        let assertion = Assertion::of(&scene.last(Endpoint::Token));
        assert_eq!(assertion.header["alg"], algorithm.as_str());
        assertion.is_for(&scene.issuer.url());
        let secret = TestKey::hmac(algorithm, SECRET);
        let signature = base64url(&secret.sign(assertion.signed().as_bytes()));
        assert!(assertion.text.ends_with(&format!(".{signature}")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn private_key_format_is_detected_by_content() {
    use SigningAlgorithm::{ES256, ES384, PS256, RS256};

    let scene = Scene::credulous().await;
    let ec = TestKey::shared(ES256, 0).with_kid("billing-1");
    let rsa = TestKey::shared(RS256, 0).without_kid();
    let mut without_alg = TestKey::shared(ES384, 0).private_jwk();
    without_alg
        .as_object_mut()
        .and_then(|members| members.remove("alg"))
        .expect("a JWK with this member");
    let preamble = format!("subject=billing\n\n{}", ec.private_pem());

    for (key, file, options, kid) in [
        (
            &ec,
            ec.private_jwk().to_string(),
            &[][..],
            Some("billing-1"),
        ),
        (
            &ec,
            format!("\n {:#}", ec.private_jwk()),
            &["--alg", "ES256"],
            Some("billing-1"),
        ),
        (
            &ec,
            ec.private_jwk().to_string(),
            &["--kid", "two"],
            Some("two"),
        ),
        (
            &TestKey::shared(ES384, 0),
            without_alg.to_string(),
            &["--kid", "3"],
            Some("3"),
        ),
        (&ec, ec.private_pem(), &["--alg", "ES256"], None),
        (
            &ec,
            preamble,
            &["--alg", "ES256", "--kid", "four"],
            Some("four"),
        ),
        (&rsa, rsa.private_pem(), &["--alg", "RS256"], None),
        (
            &rsa.clone().with_algorithm(PS256),
            rsa.private_pem(),
            &["--alg", "PS256"],
            None,
        ),
    ] {
        for name in ["key.pem", "key.jwk", "key"] {
            let path = scene.file(name, &file);
            let options = [&["--private-key", &path], options].concat();
            let ended = scene.fetch_with(&options).await;
            ended.printed(&format!("{TOKEN}\n"));
            let assertion = Assertion::of(&scene.last(Endpoint::Token));
            assert_eq!(assertion.header["alg"], key.algorithm().as_str());
            assert_eq!(assertion.header["kid"].as_str(), kid, "{options:?}");
            assertion.is_for(&scene.issuer.url());
            assertion.is_signed_with(key);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_header_is_configurable() {
    let scene = Scene::credulous().await;
    let key = include_str!("../../../portcullis-jose/tests/data/signing/p256.pkcs8.pem");
    let certificate =
        include_str!("../../../portcullis-jose/tests/data/signing/p256.certificate.pem");
    let (key, certificate) = (scene.file("key", key), scene.file("cert", certificate));
    let options = ["--private-key", &key, "--alg", "ES256"];
    let more = ["--assertion-typ", "JWT", "--assertion-cert", &certificate];
    let ended = scene.fetch_with(&[&options[..], &more].concat()).await;
    ended.printed(&format!("{TOKEN}\n"));
    let header = Assertion::of(&scene.last(Endpoint::Token)).header;
    let thumbprint = "HM_6OUReFrlHvT_iAShXWtw7wMGF3_ep21Mqj9PJPTA";
    let expected = json!({ "alg": "ES256", "typ": "JWT", "x5t#S256": thumbprint });
    assert_eq!(header, expected);

    let other = scene.file(
        "other",
        TestKey::shared(SigningAlgorithm::ES256, 0).private_pem(),
    );
    let options = ["--private-key", &other, "--alg", "ES256"];
    let ended = scene.fetch_with(&[&options[..], &more].concat()).await;
    assert_ne!(ended.code, Some(0));
    assert!(
        ended.stderr.contains("for another private key"),
        "{}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_audience_is_the_issuer_by_default() {
    let scene = Scene::credulous().await;
    let (endpoint, secret) = (scene.issuer.token_endpoint(), scene.path("secret"));
    let jwt = ["--auth", "jwt"];

    let ended = scene
        .fetch(&[&jwt[..], &["--endpoint-audience"]].concat())
        .await;
    ended.printed(&format!("{TOKEN}\n"));
    Assertion::of(&scene.last(Endpoint::Token)).is_for(&endpoint);

    let configured = [
        &["token", "fetch", "--token-endpoint", &endpoint][..],
        &["--client-id", CLIENT, "--client-secret-file", &secret],
        &jwt,
    ]
    .concat();
    for (options, audience) in [
        (
            &["--issuer-id", "https://id.example.com"][..],
            "https://id.example.com",
        ),
        (&["--endpoint-audience"], &endpoint),
        (
            &[
                "--issuer-id",
                "https://id.example.com",
                "--endpoint-audience",
            ],
            &endpoint,
        ),
    ] {
        let ended = run(&[&configured, options].concat(), "").await;
        ended.printed(&format!("{TOKEN}\n"));
        Assertion::of(&scene.last(Endpoint::Token)).is_for(audience);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_authenticates_with_assertions() {
    let scene = Scene::credulous().await;
    let ended = scene.revoke(TOKEN, &["--auth", "jwt"]).await;
    ended.printed("");
    Assertion::of(&scene.last(Endpoint::Revocation)).is_for(&scene.issuer.url());
}

/// The assertion of a request.
struct Assertion {
    text: String,
    header: Value,
    claims: Value,
}

impl Assertion {
    fn of(request: &RecordedRequest) -> Self {
        assert!(!request.headers.contains_key("authorization"));
        let form: Vec<(String, String)> =
            form_urlencoded::parse(&request.body).into_owned().collect();
        let field = |name: &str| {
            let mut values = form.iter().filter(|(other, _)| other == name);
            let (_, value) = values.next().expect(name);
            assert!(values.next().is_none(), "{name} is repeated");
            value.clone()
        };
        assert_eq!(field("client_id"), CLIENT);
        assert_eq!(
            field("client_assertion_type"),
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        assert!(form.iter().all(|(name, _)| name != "client_secret"));
        let text = field("client_assertion");
        let part = |index| {
            use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

            let part = text.split('.').nth(index).expect("three parts");
            let json = BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url");
            serde_json::from_slice(&json).expect("JSON")
        };
        Self {
            header: part(0),
            claims: part(1),
            text,
        }
    }

    fn is_for(&self, audience: &str) {
        assert_eq!(self.header["typ"], "client-authentication+jwt");
        let claims = &self.claims;
        for (name, expected) in [("iss", CLIENT), ("sub", CLIENT), ("aud", audience)] {
            assert_eq!(claims[name], expected, "{name}");
        }
        let time = |name: &str| claims[name].as_u64().expect("a time");
        assert_eq!(time("exp") - time("iat"), 60);
        assert!(claims["jti"].as_str().is_some_and(|id| id.len() >= 16));
    }

    fn is_signed_with(&self, key: &TestKey) {
        let keys = json!({"keys": [key.clone().without_kid().public_jwk()]}).to_string();
        let keys = KeySet::parse(keys.as_bytes()).expect("a key set");
        let jws = CompactJws::parse(&self.text).expect("a JWS");
        let header = jws.header().expect("a header");
        keys.verify(&jws, &header).expect("a good signature");
    }

    fn signed(&self) -> &str {
        self.text.rsplit_once('.').expect("three parts").0
    }
}

fn base64url(bytes: &[u8]) -> String {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
