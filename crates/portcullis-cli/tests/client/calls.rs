//! Wrong arguments.

use portcullis_test::{Endpoint, SigningAlgorithm, TestKey};
use serde_json::Value;

use crate::support::{CLIENT, Scene, TOKEN, run, run_any};

#[tokio::test(flavor = "multi_thread")]
async fn conflicting_options_are_reported() {
    let scene = Scene::start().await;
    let (url, endpoint) = (scene.issuer.url(), scene.issuer.token_endpoint());
    let secret = scene.path("secret");
    let key = TestKey::shared(SigningAlgorithm::ES256, 0);
    let (pem, jwk) = (
        scene.file("pem", key.private_pem()),
        scene.file("jwk", key.private_jwk().to_string()),
    );
    let rsa = TestKey::shared(SigningAlgorithm::RS256, 0).private_jwk();
    let rsa = scene.file("rsa", without("alg", rsa).to_string());

    let issuer = ["--issuer", &url];
    let id = ["--client-id", CLIENT];
    let by_secret = ["--client-secret-file", &secret];
    let by_pem = ["--private-key", &pem];
    let by_jwk = ["--private-key", &jwk];
    let configured = ["--token-endpoint", &endpoint];
    for (parts, said) in [
        (
            &[&id[..], &by_secret][..],
            &["--issuer", "--token-endpoint"][..],
        ),
        (&[&issuer, &by_secret], &["--client-id"]),
        (&[&issuer, &id], &["--client-secret-file", "--private-key"]),
        (
            &[&issuer, &id, &by_secret, &by_jwk],
            &["cannot be used with"],
        ),
        (
            &[&issuer, &id, &by_secret, &["--issuer-id", &url]],
            &["--token-endpoint"],
        ),
        (
            &[&configured, &id, &by_secret, &["--issuer-id", ""]],
            &["--issuer-id", "invalid URL"],
        ),
        (
            &[&configured, &id, &by_secret, &["--allow-origin", &url]],
            &["--allow-origin: has no effect without metadata"],
        ),
        (
            &[&configured, &id, &by_secret, &["--discover-at", &url]],
            &["--issuer"],
        ),
        (
            &[&issuer, &id, &by_jwk, &["--auth", "post"]],
            &["cannot be used with", "--auth"],
        ),
        (
            &[&issuer, &id, &by_secret, &["--auth", "none"]],
            &["basic, post, jwt"],
        ),
        (
            &[&issuer, &id, &by_secret, &["--kid", "k"]],
            &["cannot be used with"],
        ),
        (
            &[&issuer, &id, &by_secret, &["--alg", "HS256"]],
            &["--alg is for assertions"],
        ),
        (
            &[&issuer, &id, &by_secret, &["--endpoint-audience"]],
            &["--endpoint-audience is for assertions"],
        ),
        (
            &[
                &issuer,
                &id,
                &by_secret,
                &["--auth", "jwt", "--alg", "ES256"],
            ],
            &["--alg ES256", "HS256, HS384 or HS512"],
        ),
        (
            &[&issuer, &id, &by_jwk, &["--alg", "HS256"]],
            &["--alg HS256", "RS256", "ES256"],
        ),
        (
            &[&issuer, &id, &by_jwk, &["--alg", "none"]],
            &["not an algorithm for this option", "ES256", "HS512"],
        ),
        (
            &[&issuer, &id, &by_jwk, &["--alg", "ES384"]],
            &["--alg ES384", "is for ES256"],
        ),
        (&[&issuer, &id, &by_pem], &["PEM", "give --alg"]),
        (
            &[&issuer, &id, &["--private-key", &rsa]],
            &["no `alg`", "give --alg"],
        ),
        (
            &[&configured, &id, &by_secret, &["--auth", "jwt"]],
            &["give --issuer-id"],
        ),
        (&[&configured, &id, &by_jwk], &["give --issuer-id"]),
        (
            &[&["--issuer", "issuer"], &id, &by_secret],
            &["--issuer: invalid URL"],
        ),
        (
            &[
                &["--token-endpoint", "http://id.example.com/token"],
                &id,
                &by_secret,
            ],
            &["--token-endpoint: must be https"],
        ),
        (
            &[&issuer, &["--client-id", ""], &by_secret],
            &["--client-id"],
        ),
        (
            &[&issuer, &id, &by_secret, &["--scope", "a\"b"]],
            &["--scope"],
        ),
        (
            &[&issuer, &id, &by_secret, &["--scope", " "]],
            &["--scope", "the list of scopes is empty"],
        ),
        (
            &[&configured, &id, &by_secret, &["--issuer-id", "issuer"]],
            &["--issuer-id", "invalid URL"],
        ),
        (
            &[&issuer, &id, &by_secret, &["--resource", "orders"]],
            &["--resource: must be an absolute URI"],
        ),
        (
            &[
                &issuer,
                &id,
                &by_secret,
                &["--allow-origin", "https://a.example/path"],
            ],
            &["--allow-origin: must consist of scheme"],
        ),
        (
            &[&issuer, &id, &by_secret, &["--revocation-endpoint", &url]],
            &["unexpected argument"],
        ),
    ] {
        let arguments = [&["token", "fetch"], &*parts.concat()].concat();
        run(&arguments, "").await.failed(2, said);
    }
    assert_eq!(scene.issuer.requests(Endpoint::Token), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_with_token_endpoint_needs_revocation_endpoint() {
    let scene = Scene::start().await;
    let (endpoint, secret) = (scene.issuer.token_endpoint(), scene.path("secret"));
    let configured = [
        &["token", "revoke", "--token-endpoint", &endpoint][..],
        &["--client-id", CLIENT, "--client-secret-file", &secret],
    ]
    .concat();
    let ended = run(&configured, TOKEN).await;
    ended.failed(2, &["give --revocation-endpoint"]);

    let place = ["--revocation-endpoint", "revoke"];
    let ended = run(&[&configured, &place[..]].concat(), TOKEN).await;
    ended.failed(2, &["--revocation-endpoint: invalid URL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoint_option_replaces_the_metadata() {
    let (scene, other) = (Scene::start().await, Scene::start().await);
    let (token, revocation) = (
        other.issuer.token_endpoint(),
        format!("{}/revoke", other.issuer.url()),
    );
    let ended = scene.fetch(&["--token-endpoint", &token]).await;
    assert_eq!(ended.code, Some(0));
    let ended = scene
        .revoke(TOKEN, &["--revocation-endpoint", &revocation])
        .await;
    assert_eq!(ended.code, Some(0));
    for endpoint in [Endpoint::Token, Endpoint::Revocation] {
        assert_eq!(scene.issuer.requests(endpoint), 0);
        assert_eq!(other.issuer.requests(endpoint), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn query_and_user_of_a_url_are_not_printed() {
    let scene = Scene::start().await;
    let secret = scene.path("secret");
    let client = ["--client-id", CLIENT, "--client-secret-file", &secret];
    let url = format!("{}?code=hidden7", scene.issuer.url());
    let with_user = scene.issuer.url().replace("://", "://hidden7@");
    for url in [url.as_str(), &with_user, "id.example?code=hidden7"] {
        for place in [
            &["--issuer", url][..],
            &["--token-endpoint", url],
            &["--token-endpoint", url, "--issuer-id", url],
            &["--issuer", "https://id.example", "--discover-at", url],
            &["--issuer", "https://id.example", "--allow-origin", url],
        ] {
            let arguments = [&["token", "fetch"], place, &client].concat();
            let ended = run_any(&arguments, "").await;
            assert_ne!(ended.code, Some(0), "{place:?}");
            let text = format!("{}{}", ended.stdout, ended.stderr);
            assert!(!text.contains("hidden7"), "{text}");
        }
        let ended = run_any(&["jwks", "check", url], "").await;
        assert_ne!(ended.code, Some(0), "{url}");
        let text = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!text.contains("hidden7"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_in_arguments_is_not_printed() {
    const SECRET: &str = "Xhunter2";
    let scene = Scene::start().await;
    let url = scene.issuer.url();
    let joined = format!("--client-secret={SECRET}");
    let dashed = format!("-{SECRET}");
    let own = ["--issuer", &url, "--client-id", CLIENT];
    for verb in ["fetch", "revoke"] {
        for given in [
            &["--client-secret", SECRET][..],
            &[&joined],
            &["--client-secret", &dashed],
            &["--client-secret"],
        ] {
            for arguments in [
                [&["token", verb], &own[..], given].concat(),
                [&["token", verb], given, &own[..]].concat(),
                [&["token", verb], given].concat(),
            ] {
                let ended = run_any(&arguments, "").await;
                ended.failed(2, &["--client-secret-file FILE"]);
                assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
            }
        }
        for given in [
            &[SECRET][..],
            &["--", &dashed],
            &["--secret", SECRET],
            &[&dashed],
            &[&format!("--{SECRET}")],
            &[&format!("--endpoint-audience={SECRET}")],
            &["--alg", SECRET],
            &["--auth", SECRET],
            &["--scope", &dashed],
        ] {
            let ended = run_any(&[&["token", verb], &own[..], given].concat(), "").await;
            ended.failed(2, &[]);
            assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
        }
    }
    for given in [
        &[SECRET][..],
        &["token", SECRET],
        &["keys", SECRET],
        &["jwks", SECRET],
        &["token", "help", SECRET],
    ] {
        let ended = run_any(given, "").await;
        ended.failed(2, &["not shown"]);
        assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
    }
    for option in ["--prefix", "--expires-in", "--scopes"] {
        let ended = run_any(&["keys", "create", option, SECRET], "").await;
        ended.failed(2, &[option]);
        assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mistyped_argument_gets_a_suggestion() {
    for (given, suggested) in [
        (&["token", "fetch", "--isuer", "x"][..], "--issuer"),
        (&["token", "fetsh"], "fetch"),
        (
            &["token", "fetch", "--endpoint-audience=yes"],
            "--endpoint-audience",
        ),
    ] {
        let said = format!("did you mean {suggested}?");
        run_any(given, "").await.failed(2, &[&said]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_in_arguments_is_not_printed() {
    let scene = Scene::start().await;
    let joined = format!("--token={TOKEN}");
    for given in [&[TOKEN][..], &["--token", TOKEN], &[&joined]] {
        let ended = scene.revoke("", given).await;
        ended.failed(2, &["standard input"]);
        assert!(!ended.stderr.contains(TOKEN), "{}", ended.stderr);
    }
    assert_eq!(scene.issuer.requests(Endpoint::Revocation), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn help_hides_misplaced_secrets() {
    for (verb, own) in [
        ("fetch", "--scope <SCOPES>"),
        ("revoke", "--revocation-endpoint <URL>"),
    ] {
        let ended = run(&["token", verb, "--help"], "").await;
        assert_eq!(ended.code, Some(0));
        for listed in [
            own,
            "--client-secret-file <FILE>",
            "--private-key <FILE>",
            "--ca <FILE>",
        ] {
            assert!(ended.stdout.contains(listed), "{listed}: {}", ended.stdout);
        }
        for hidden in [
            "--client-secret ",
            "--client-secret=",
            "--token ",
            "MISPLACED",
        ] {
            assert!(!ended.stdout.contains(hidden), "{hidden}: {}", ended.stdout);
        }
    }
}

fn without(member: &str, mut jwk: Value) -> Value {
    let removed = jwk
        .as_object_mut()
        .and_then(|members| members.remove(member));
    assert!(removed.is_some(), "{member}");
    jwk
}
