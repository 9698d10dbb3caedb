//! The request for a token, and the output.

use portcullis_test::Endpoint;

use crate::support::{CLIENT, SECRET, Scene, TOKEN, run};

#[tokio::test(flavor = "multi_thread")]
async fn only_the_token_is_printed() {
    let scene = Scene::start().await;
    let ended = scene.fetch(&["--scope", "orders:read"]).await;
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    let token = ended.stdout.strip_suffix('\n').expect("one line");
    assert_eq!(token.split('.').count(), 3, "{token}");
    assert!(!token.contains(char::is_whitespace), "{token:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_options_are_sent() {
    let scene = Scene::credulous().await;
    let ended = scene
        .fetch(&[
            "--scope",
            "orders:write  orders:read",
            "--scope",
            "orders:list",
            "--resource",
            "https://orders.example.com",
            "--resource",
            "urn:example:stock",
            "--audience",
            "https://api.example.com",
        ])
        .await;
    ended.printed(&format!("{TOKEN}\n"));
    let form = scene.form(Endpoint::Token);
    let form: Vec<_> = form
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        form,
        [
            ("grant_type", "client_credentials"),
            ("scope", "orders:list orders:read orders:write"),
            ("resource", "https://orders.example.com"),
            ("resource", "urn:example:stock"),
            ("audience", "https://api.example.com"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn max_token_bytes_limits_the_token() {
    let scene = Scene::credulous().await;
    let fetch = async |limit: &str| scene.fetch(&["--max-token-bytes", limit]).await;
    fetch("21").await.printed(&format!("{TOKEN}\n"));
    fetch("20").await.failed(1, &["21 bytes", "at most 20"]);
    let said = "--max-token-bytes: must be > 0";
    fetch("0").await.failed(2, &[said]);
}

#[tokio::test(flavor = "multi_thread")]
async fn configured_endpoint_needs_no_metadata() {
    let scene = Scene::start().await;
    let (url, secret) = (scene.issuer.token_endpoint(), scene.path("secret"));
    let ended = run(
        &[
            "token",
            "fetch",
            "--token-endpoint",
            &url,
            "--client-id",
            CLIENT,
            "--client-secret-file",
            &secret,
        ],
        "",
    )
    .await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(scene.issuer.requests(Endpoint::Discovery), 0);
    assert_eq!(scene.issuer.requests(Endpoint::Token), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoint_on_another_origin_needs_allow_origin() {
    let (scene, other) = (Scene::start().await, Scene::start().await);
    let elsewhere = other.issuer.token_endpoint();
    scene.issuer.metadata("token_endpoint", &*elsewhere);
    let ended = scene.fetch(&[]).await;
    ended.failed(1, &["neither on the origin of the issuer", "allow_origin"]);
    assert_eq!(other.issuer.requests(Endpoint::Token), 0);

    let origin = other.issuer.url();
    let ended = scene.fetch(&["--allow-origin", &origin]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(other.issuer.requests(Endpoint::Token), 1);
}

/// A script must not continue with part of a token, or without one.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn unprintable_token_is_a_failure() {
    use std::{fs::File, process::Command};

    use crate::support::Ended;

    let scene = Scene::start().await;
    let (url, secret) = (scene.issuer.url(), scene.path("secret"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args(["token", "fetch", "--issuer", &url, "--client-id", CLIENT])
        .args(["--client-secret-file", &secret])
        .stdout(
            File::options()
                .write(true)
                .open("/dev/full")
                .expect("a device"),
        );
    let Ended { code, stderr, .. } = Ended::output(command).await;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("could not be printed"), "{stderr}");
    assert!(
        !stderr.contains("eyJ") && !stderr.contains(SECRET),
        "{stderr}"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_fetched_with_stdout_closed() {
    use crate::support::Ended;

    let scene = Scene::start().await;
    let (url, secret) = (scene.issuer.url(), scene.path("secret"));
    let mut command = std::process::Command::new("sh");
    command
        .args([
            "-c",
            r#"exec "$0" "$@" >&-"#,
            env!("CARGO_BIN_EXE_portcullis"),
        ])
        .args(["token", "fetch", "--issuer", &url, "--client-id", CLIENT])
        .args(["--client-secret-file", &secret]);
    let Ended { code, stderr, .. } = Ended::output(command).await;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("stdout is closed"), "{stderr}");
    assert_eq!(scene.issuer.requests(Endpoint::Token), 0);
}
