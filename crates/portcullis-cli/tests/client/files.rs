//! The files that credentials are read from.

use portcullis_test::{Endpoint, SigningAlgorithm, TestKey};

use crate::support::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn unusable_file_is_reported_with_its_path() {
    let scene = Scene::start().await;
    let good = TestKey::shared(SigningAlgorithm::ES256, 0);
    let private = good.private_jwk()["d"].as_str().expect("text").to_owned();
    let secret = scene.path("secret");
    for (option, content, said) in [
        ("--client-secret-file", None, "cannot read the file"),
        ("--private-key", None, "cannot read the file"),
        ("--client-secret-file", Some(String::new()), "is empty"),
        (
            "--client-secret-file",
            Some("\n \r\n".to_owned()),
            "is empty",
        ),
        (
            "--client-secret-file",
            Some(good.private_jwk().to_string()),
            "private_key_jwt",
        ),
        ("--private-key", Some(String::new()), "is empty"),
        (
            "--client-secret-file",
            Some("a".repeat(64 * 1024 + 1)),
            "more than 65536 bytes",
        ),
        (
            "--private-key",
            Some(private.clone()),
            "neither a PEM file nor a JWK",
        ),
        (
            "--private-key",
            Some(good.public_jwk().to_string()),
            "public key",
        ),
        (
            "--private-key",
            Some(r#"{"kty":"oct","k":"AAAA"}"#.to_owned()),
            "--auth jwt",
        ),
        (
            "--private-key",
            Some(good.private_jwk().to_string().replace('}', "")),
            "JWK",
        ),
        ("--ca", None, "No such file"),
        ("--ca", Some("rubbish".to_owned()), "no certificate"),
    ] {
        let path = match content {
            Some(content) => scene.file("file", content),
            None => scene.path("missing"),
        };
        let more: &[&str] = match option {
            "--ca" => &["--client-secret-file", &secret],
            _ => &[],
        };
        let ended = scene.fetch_with(&[&[option, &path], more].concat()).await;
        ended.failed(1, &[&path, said]);
        assert!(!ended.stderr.contains(&private), "{}", ended.stderr);
    }

    let pem = scene.file("file", good.public_pem());
    let ended = scene
        .fetch_with(&["--private-key", &pem, "--alg", "ES256"])
        .await;
    ended.failed(1, &[&pem, "no private key"]);
    let pem = scene.file("file", good.private_pem());
    let ended = scene
        .fetch_with(&["--private-key", &pem, "--alg", "ES384"])
        .await;
    ended.failed(
        2,
        &[
            "--alg ES384: the key in",
            &pem,
            "is of another type or curve: use --alg ES256, or another key",
        ],
    );

    let short = scene.file("file", "too short for HS256");
    let ended = scene
        .fetch_with(&["--client-secret-file", &short, "--auth", "jwt"])
        .await;
    ended.failed(1, &[&short, "HS256 needs 32"]);
    assert!(!ended.stderr.contains("too short for"), "{}", ended.stderr);
    assert_eq!(scene.issuer.requests(Endpoint::Token), 0);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn readable_secret_file_works_with_a_warning() {
    use std::path::Path;

    use crate::support::set_mode;

    let scene = Scene::start().await;
    let path = scene.path("secret");
    for (mode, is_warned_of) in [
        (0o600, false),
        (0o400, false),
        (0o640, true),
        (0o604, true),
        (0o644, true),
    ] {
        set_mode(Path::new(&path), mode);
        let ended = scene.fetch(&[]).await;
        assert_eq!(ended.code, Some(0), "{mode:o}: {}", ended.stderr);
        assert_eq!(ended.stdout.lines().count(), 1);
        let said =
            ended.stderr.contains("warning: other users can read") && ended.stderr.contains(&path);
        assert_eq!(said, is_warned_of, "{mode:o}: {}", ended.stderr);
        assert_eq!(ended.stderr.is_empty(), !is_warned_of, "{}", ended.stderr);
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn pipe_without_a_writer_is_not_waited_for_without_end() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let scene = Scene::start().await;
    let (pipe, secret) = (scene.path("pipe"), scene.path("secret"));
    mknodat(CWD, &*pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    let options: [&[&str]; 5] = [
        &["--client-secret-file", &pipe],
        &["--private-key", &pipe],
        &["--cert", &pipe, "--key", &pipe],
        &["--client-secret-file", &secret, "--dpop-key", &pipe],
        &["--client-secret-file", &secret, "--exchange", &pipe],
    ];
    let [a, b, c, d, e] = options.map(|options| scene.fetch_with(options));
    let (a, b, c, d, e) = tokio::join!(a, b, c, d, e);
    for ended in [a, b, c, d, e] {
        ended.failed(1, &[&pipe, "could not be opened within 10 s"]);
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ca_file_that_every_user_may_write_is_refused() {
    let scene = Scene::start().await;
    let ca = scene.file("ca.pem", "");
    crate::support::set_mode(std::path::Path::new(&ca), 0o666);
    let ended = scene.fetch(&["--ca", &ca]).await;
    ended.failed(1, &[&ca, "every user may write it: `chmod o-w` the file"]);
}

/// Like `--client-secret-file <(vault read …)`. The mode of a pipe does not matter.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn secret_file_may_be_a_pipe() {
    use std::{fs, path::Path};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use crate::support::{SECRET, set_mode};

    let scene = Scene::start().await;
    let pipe = scene.path("pipe");
    mknodat(CWD, &*pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    set_mode(Path::new(&pipe), 0o644);
    let path = pipe.clone();
    // Opening the pipe for writing waits for a reader.
    let writer = tokio::task::spawn_blocking(move || fs::write(path, SECRET));
    let ended = scene.fetch_with(&["--client-secret-file", &pipe]).await;
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    writer.await.expect("no panic").expect("written");
}
