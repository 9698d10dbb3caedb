//! An issuer, a client of it, and the command.

use std::{fs, path::Path};

use portcullis_test::{Endpoint, Fault, RecordedRequest, TestIssuer};
use serde_json::json;
use tempfile::TempDir;

pub(crate) use crate::command::{Ended, run as run_any};

pub(crate) const CLIENT: &str = "billing";
/// Long enough for HS512. Forms and Basic credentials must encode some of its characters.
pub(crate) const SECRET: &str =
    "s3cr3t:of+billing%that/is=long&enough for 512 bits, which is 64 bytes";
/// The token of [`Scene::credulous`].
pub(crate) const TOKEN: &str = "a.t0ken.of-the~issuer";

pub(crate) struct Scene {
    pub(crate) issuer: TestIssuer,
    directory: TempDir,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        let issuer = TestIssuer::builder()
            .audience("https://orders.example.com")
            .client(CLIENT, SECRET, ["orders:read", "orders:write"])
            .start()
            .await
            .expect("a running issuer");
        let scene = Self {
            issuer,
            directory: tempfile::tempdir().expect("a directory"),
        };
        scene.file("secret", SECRET);
        scene
    }

    /// A scene whose issuer accepts any client and any token.
    pub(crate) async fn credulous() -> Self {
        let scene = Self::start().await;
        let issued = json!({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300});
        scene.issuer.fault(Endpoint::Token, Fault::Json(issued));
        scene
            .issuer
            .fault(Endpoint::Revocation, Fault::Json(json!({})));
        scene
    }

    pub(crate) fn path(&self, name: &str) -> String {
        let path = self.directory.path().join(name);
        path.to_str().expect("UTF-8").to_owned()
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("written");
        set_mode(Path::new(&path), 0o600);
        path
    }

    /// Fetches by discovery, as the client, with the secret of the client.
    pub(crate) async fn fetch(&self, more: &[&str]) -> Ended {
        let secret = self.path("secret");
        let more = [&["--client-secret-file", &secret], more].concat();
        self.fetch_with(&more).await
    }

    /// Fetches by discovery, as the client.
    pub(crate) async fn fetch_with(&self, more: &[&str]) -> Ended {
        self.run("fetch", "", more).await
    }

    pub(crate) async fn revoke(&self, token: &str, more: &[&str]) -> Ended {
        let secret = self.path("secret");
        let more = [&["--client-secret-file", &secret], more].concat();
        self.run("revoke", token, &more).await
    }

    async fn run(&self, verb: &str, input: &str, more: &[&str]) -> Ended {
        let url = self.issuer.url();
        let own = ["token", verb, "--issuer", &url, "--client-id", CLIENT];
        run(&[&own, more].concat(), input).await
    }

    /// The last request to an endpoint.
    pub(crate) fn last(&self, endpoint: Endpoint) -> RecordedRequest {
        let mut recorded = self.issuer.recorded();
        recorded.retain(|request| request.endpoint == endpoint);
        recorded.pop().expect("a request")
    }

    /// The form of the last request to an endpoint.
    pub(crate) fn form(&self, endpoint: Endpoint) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.last(endpoint).body)
            .into_owned()
            .collect()
    }
}

/// Runs the command with `input`. Checks that neither the arguments nor the output contain the secret.
pub(crate) async fn run(arguments: &[&str], input: &str) -> Ended {
    let ended = run_any(arguments, input).await;
    let arguments = arguments.iter().copied();
    for text in arguments.chain([&*ended.stdout, &*ended.stderr]) {
        assert!(!text.contains(&SECRET[..6]), "{text}");
    }
    ended
}

impl Ended {
    /// Checks that the command succeeded and printed nothing else.
    pub(crate) fn printed(&self, stdout: &str) {
        assert_eq!(
            (self.code, &*self.stdout, &*self.stderr),
            (Some(0), stdout, "")
        );
    }

    /// Checks that the command failed with an error that contains each of these texts.
    pub(crate) fn failed(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert_eq!(self.stdout, "");
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        for text in said {
            assert!(self.stderr.contains(text), "{text}: {}", self.stderr);
        }
    }
}

#[cfg(unix)]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

#[cfg(not(unix))]
pub(crate) fn set_mode(_: &Path, _: u32) {}
