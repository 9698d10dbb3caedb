//! An issuer, a client of it, and the command.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use portcullis_test::{Endpoint, Fault, RecordedRequest, TestIssuer};
use serde_json::json;
use tempfile::TempDir;

pub(crate) const CLIENT: &str = "billing";
/// Long enough for HS512, and with what forms and Basic credentials have to encode.
pub(crate) const SECRET: &str =
    "s3cr3t:of+billing%that/is=long&enough for 512 bits, which is 64 bytes";
/// What an issuer answers that is told to accept everyone.
pub(crate) const TOKEN: &str = "a.t0ken.of-the~issuer";

pub(crate) struct Scene {
    pub(crate) issuer: TestIssuer,
    directory: TempDir,
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        let issuer = TestIssuer::builder()
            .audience("https://orders.example.com")
            .client(CLIENT, SECRET, ["orders:read", "orders:write"])
            .start()
            .await
            .expect("it starts");
        let scene = Self {
            issuer,
            directory: tempfile::tempdir().expect("a directory"),
        };
        scene.file("secret", SECRET);
        scene
    }

    /// A scene whose issuer takes everyone for the client and any token for its own.
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

    /// A file that its owner alone can read.
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

/// Runs the command with `input`. The secret must be in nothing that it prints, and in no argument.
pub(crate) async fn run(arguments: &[&str], input: &str) -> Ended {
    let ended = run_any(arguments, input).await;
    let arguments = arguments.iter().copied();
    for text in arguments.chain([&*ended.stdout, &*ended.stderr]) {
        assert!(!text.contains(&SECRET[..6]), "{text}");
    }
    ended
}

/// As [`run`], whatever the arguments.
pub(crate) async fn run_any(arguments: &[&str], input: &str) -> Ended {
    let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
    let input = input.to_owned();
    let running = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        // It need not read.
        let _ = child
            .stdin
            .take()
            .expect("piped")
            .write_all(input.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Ended {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    });
    running.await.expect("it does not panic")
}

impl Ended {
    /// It did what was asked, without a word beside `stdout`.
    pub(crate) fn printed(&self, stdout: &str) {
        assert_eq!(
            (self.code, &*self.stdout, &*self.stderr),
            (Some(0), stdout, "")
        );
    }

    /// It did not, and says each of these.
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
